"""`make bench-check`: whether this pipeline has become slower.

A few ratios, each to a floor measured in the same rounds: the matrix products
of an iteration in NumPy, or the environment alone. What slows the whole machine
slows both; other work beside it slows ours more. The check fails where a median
ratio is more than 20 % below that of benchmarks/baseline.json, in two
measurements.

The baseline holds ratios of one machine. On another they differ somewhat, which
is said: renew it there before comparing two versions.

python -m benchmarks.check [--write] [--rounds=7]
"""

import json
import pathlib
import tempfile

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from benchmarks import commands, machine, measuring, workloads

_BASELINE = pathlib.Path(__file__).with_name("baseline.json")
_MAX_FALL = 0.2  # of the baseline's ratio
_MAX_SPREAD = 0.2  # of the rounds' ratios, as a share of their median
_SECONDS_PER_TURN = 0.4
_SECONDS_TO_BUILD = 15.0  # about, on two cores


def has_fallen(median: float, baseline: float) -> bool:
  """Whether a ratio is too far below the baseline's."""
  return median < (1 - _MAX_FALL) * baseline


def line(name: str, found: dict, baseline: float | None) -> str:
  """Describes a workload's comparison, beside its median in the baseline."""
  text = (
    f"{name}: {found['median']:.3g} ({found['low']:.3g} to "
    f"{found['high']:.3g}) times its floor"
  )
  if baseline is not None:
    text += f", {found['median'] / baseline - 1:+.0%} of {baseline:.3g}"
    if has_fallen(found["median"], baseline):
      text += ": FELL"
  if _spread(found) > _MAX_SPREAD:
    text += f" (noisy: rounds are {_spread(found):.0%} apart)"
  return text


def _spread(found: dict) -> float:
  """How far the rounds' ratios are apart, as a share of their median."""
  return (found["high"] - found["low"]) / found["median"]


def _measure(baseline: dict[str, float], num_rounds: int) -> dict[str, dict]:
  """Measures every ratio, and again one that fell; the better one counts.

  Raises:
    RunError: a side has a problem.
  """
  works = {n: workloads.Workload(n, (c,)) for n, c in workloads.CHECKED.items()}

  def compare(name: str) -> dict:
    (found,) = measuring.measure(bench, name, works[name])["comparisons"]
    if "problem" in found:
      raise errors.RunError(f"{name}: {found['problem']}")
    return found

  with (
    tempfile.TemporaryDirectory() as logs,
    measuring.Bench(
      {name: work.sides for name, work in works.items()},
      workloads.SIDES,
      num_rounds,
      _SECONDS_PER_TURN,
      pathlib.Path(logs),
      seconds_to_build=_SECONDS_TO_BUILD,
    ) as bench,
  ):
    bench.build()
    found = {name: compare(name) for name in works}
    for name, ratio in found.items():
      if has_fallen(ratio["median"], baseline.get(name, 0.0)):
        found[name] = max(ratio, compare(name), key=lambda r: r["median"])
    return found


def _write_baseline(about: dict, num_rounds: int) -> None:
  """Measures and renews the baseline.

  Raises:
    RunError: rounds were so far apart that something else must have run.
  """
  found = _measure({}, num_rounds)
  for name, ratio in found.items():
    if _spread(ratio) > _MAX_SPREAD:
      raise errors.RunError(
        f"{name}: rounds are {_spread(ratio):.0%} apart; expected a machine on "
        "which nothing else runs"
      )
  ratios = {
    name: {key: float(f"{ratio[key]:.4g}") for key in ("median", "low", "high")}
    for name, ratio in found.items()
  }
  commands.write_json(_BASELINE, {"about": about, "ratios": ratios})
  for name, ratio in found.items():
    print(line(name, ratio, None))


def main() -> int:
  """Measures, compares, and returns the exit code."""
  about, num_rounds = machine.describe(), flags.FLAGS.rounds
  if flags.FLAGS.write:
    _write_baseline(about, num_rounds)
    return command_line.DONE
  try:
    before = json.loads(_BASELINE.read_text("utf-8"))
  except (OSError, ValueError) as error:
    raise errors.UserError(
      f"{_BASELINE.name} cannot be read ({error}): --write makes it"
    ) from None
  baseline = {n: ratio["median"] for n, ratio in before["ratios"].items()}
  if before["about"]["machine"] != about["machine"]:
    command_line.report(
      f"the baseline is of another machine: {machine.in_words(before['about'])}"
    )
  found = _measure(baseline, num_rounds)
  for name, ratio in found.items():
    print(line(name, ratio, baseline.get(name)), flush=True)
  fell = any(
    has_fallen(ratio["median"], baseline.get(name, 0.0))
    for name, ratio in found.items()
  )
  return command_line.FAILED if fell else command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_integer("rounds", 7, "Turns of each side.", lower_bound=1)
  flags.DEFINE_bool("write", False, "Renew the baseline.")
  command_line.run(main)
