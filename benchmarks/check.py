"""`make bench-check`: whether this pipeline has become slower.

A few rows, each a ratio to a floor measured in the same rounds: the matrix
products of an iteration in NumPy, or the environment alone. What slows the
whole machine slows both; other work beside it slows ours more. A row fails
where its median ratio is more than 20 % below that of benchmarks/baseline.json,
in two measurements.

The baseline holds ratios of one machine. On another they differ somewhat, which
is told: renew it there before comparing two versions.

python -m benchmarks.check [--write] [--rounds=7]
"""

import contextlib
import json
import pathlib
import tempfile

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from benchmarks import machine, measuring, rows, sides, worker_pool
from benchmarks import progress as progress_lib

_BASELINE = pathlib.Path(__file__).with_name("baseline.json")
_MOST_FALL = 0.2  # of the baseline's ratio
_MUCH_SPREAD = 0.2  # of the median
_SECONDS_PER_TURN = 0.4
_SECONDS_TO_BUILD = 15.0  # about, on two cores


def has_fallen(median: float, baseline: float) -> bool:
  """Whether a ratio is too far below the baseline's."""
  return median < (1 - _MOST_FALL) * baseline


def line(name: str, found: dict, baseline: float | None) -> str:
  """Tells of one row.

  Args:
    name: of it.
    found: its comparison.
    baseline: its median ratio there; None if it has none.
  """
  told = (
    f"{name}: {found['median']:.3g} ({found['low']:.3g} to "
    f"{found['high']:.3g}) times its floor"
  )
  if baseline is not None:
    told += f", {found['median'] / baseline - 1:+.0%} of {baseline:.3g}"
    if has_fallen(found["median"], baseline):
      told += ": FELL"
  if _spread(found) > _MUCH_SPREAD:
    told += f" (noisy: rounds are {_spread(found):.0%} apart)"
  return told


def _spread(found: dict) -> float:
  """How far apart the rounds are, as a part of their median."""
  return (found["high"] - found["low"]) / found["median"]


def _measure(baseline: dict[str, float], num_rounds: int) -> dict[str, dict]:
  """Measures every row, one that fell once more: the better counts.

  Raises:
    RunError: a side of one has a problem.
  """
  works = {name: rows.Work(name, (c,)) for name, c in rows.CHECKED.items()}
  names = [side for work in works.values() for side in work.sides]
  seconds = measuring.Bench.num_seconds(works, num_rounds, _SECONDS_PER_TURN)
  progress = progress_lib.Progress(seconds + _SECONDS_TO_BUILD)
  with (
    contextlib.closing(progress),
    tempfile.TemporaryDirectory() as logs,
    worker_pool.WorkerPool(
      sides.blueprints(names, sides.SIDES), pathlib.Path(logs)
    ) as pool,
  ):
    with progress.part("imports and compiles", _SECONDS_TO_BUILD):
      pool.build()
    bench = measuring.Bench(
      pool, sides.SIDES, num_rounds, _SECONDS_PER_TURN, progress
    )
    found = {name: _compare(bench, name, work) for name, work in works.items()}
    for name, ratio in found.items():
      if has_fallen(ratio["median"], baseline.get(name, 0.0)):
        again = _compare(bench, name, works[name])
        found[name] = max(ratio, again, key=lambda r: r["median"])
    return found


def _compare(bench: measuring.Bench, name: str, work: rows.Work) -> dict:
  """Compares the two sides of a row.

  Raises:
    RunError: one of them has a problem.
  """
  (found,) = bench.measure(name, work)["comparisons"]
  if "problem" in found:
    raise errors.RunError(f"{name}: {found['problem']}")
  return found


def _read() -> dict:
  """The baseline.

  Raises:
    UserError: there is none.
  """
  try:
    return json.loads(_BASELINE.read_text("utf-8"))
  except (OSError, ValueError) as error:
    raise errors.UserError(
      f"{_BASELINE.name} cannot be read ({error}): --write makes it"
    ) from None


def _write(about: dict, num_rounds: int) -> None:
  """Renews the baseline.

  Raises:
    RunError: rounds were so far apart that something else must have run.
  """
  found = _measure({}, num_rounds)
  for name, ratio in found.items():
    if _spread(ratio) > _MUCH_SPREAD:
      raise errors.RunError(
        f"{name}: rounds are {_spread(ratio):.0%} apart; expected a machine on "
        "which nothing else runs"
      )
  ratios = {
    name: {key: float(f"{ratio[key]:.4g}") for key in ("median", "low", "high")}
    for name, ratio in found.items()
  }
  text = json.dumps({"about": about, "ratios": ratios}, indent=2)
  _BASELINE.write_text(text + "\n", "utf-8")
  for name, ratio in found.items():
    print(line(name, ratio, None))


def main() -> int:
  """Measures, compares, and returns the exit code."""
  about, num_rounds = machine.describe(), flags.FLAGS.rounds
  if flags.FLAGS.write:
    _write(about, num_rounds)
    return command_line.DONE
  before = _read()
  baseline = {n: ratio["median"] for n, ratio in before["ratios"].items()}
  if before["about"]["machine"] != about["machine"]:
    command_line.say(
      f"the baseline is of another machine: {machine.in_words(before['about'])}"
    )
  found = _measure(baseline, num_rounds)
  fell = False
  for name, ratio in found.items():
    print(line(name, ratio, baseline.get(name)), flush=True)
    fell |= has_fallen(ratio["median"], baseline.get(name, 0.0))
  return command_line.FAILED if fell else command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_integer("rounds", 7, "Turns of each side.", lower_bound=1)
  flags.DEFINE_bool("write", False, "Renew the baseline.")
  command_line.run(main)
