"""`make bench`: our iterations beside those of others, doing identical work.

What is compared, and what is wanted, is in `rows.py`. Every library runs in a
process of its own; one side runs at a time, in turn. The tables are printed;
bench.json, bench.png and what the libraries say go to --output.

python -m benchmarks.suite [--quick] [--only=dqn_tensor] [--rounds=5]
"""

import json
import pathlib
from collections.abc import Mapping

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from benchmarks import (
  chart,
  gpu_rows,
  machine,
  measuring,
  report,
  rows,
  sides,
  start,
  worker_pool,
)
from benchmarks import progress as progress_lib

_ROUNDS = flags.DEFINE_integer(
  "rounds", None, "Turns of each side; 5, or 2 if quick.", lower_bound=1
)
_QUICK = flags.DEFINE_bool(
  "quick", False, "Short turns and fewer sides, in less than a minute."
)
_ONLY = flags.DEFINE_list(
  "only", [], "Works, such as dqn_tensor, a2c_host, atari or start."
)
_DEVICE = flags.DEFINE_enum(
  "device", "cpu", ["cpu", "gpu"], "'gpu' compares a GPU with the CPU."
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "A folder; runs/bench, or runs/bench_quick."
)

_START = "start"
_SECONDS_TO_BUILD, _SECONDS_TO_START = 25.0, 8.0  # about, on two cores
_ROUNDS_OF_START = 3  # each takes long enough


def _choose() -> tuple[dict[str, rows.Work], Mapping[str, sides.Side], list]:
  """The works, all sides, and what is left out.

  Raises:
    UserError: there is no GPU, or no such work.
  """
  works, known = dict(rows.WORKS), sides.SIDES
  if _DEVICE.value == "gpu":
    with command_line.quiet_imports():
      from agents_pipeline.training import compilation
    compilation.choose_device("gpu")
    works, known = dict(gpu_rows.WORKS), gpu_rows.SIDES
  names = [*works, *([_START] if _DEVICE.value == "cpu" else [])]
  for name in _ONLY.value:
    if name not in names:
      raise errors.UserError(
        f"--only={name!r}: expected some of {', '.join(names)}"
        f"{errors.nearest(name, names)}"
      )
  if _ONLY.value:
    works = {name: works[name] for name in works if name in _ONLY.value}
  left_out: list[str] = []
  if _QUICK.value:
    works, left_out = rows.quick(works, known)
  return works, known, left_out


def _measure(
  works: Mapping[str, rows.Work],
  known: Mapping[str, sides.Side],
  num_starts: int,
  output: pathlib.Path,
) -> dict:
  """Measures all of it, with a display of how far it is."""
  rounds = _ROUNDS.value or (2 if _QUICK.value else 5)
  seconds = 0.3 if _QUICK.value else 1.0
  wanted = measuring.Bench.num_seconds(works, rounds, seconds)
  wanted += num_starts * _SECONDS_TO_START + bool(works) * _SECONDS_TO_BUILD
  progress = progress_lib.Progress(wanted)
  found = {"rounds": rounds, "seconds_per_turn": seconds, "works": []}
  try:
    if num_starts:
      runs = [
        start.measure()
        for _ in progress.rounds(start.TITLE, num_starts, _SECONDS_TO_START)
      ]
      found["start"] = start.result(runs, rows.MOST_SECONDS_TO_START)
    if works:
      found["works"] = _measure_works(
        works, known, rounds, seconds, progress, output
      )
  finally:
    progress.close()
  return found


def _measure_works(
  works: Mapping[str, rows.Work],
  known: Mapping[str, sides.Side],
  rounds: int,
  seconds: float,
  progress: progress_lib.Progress,
  output: pathlib.Path,
) -> list[dict]:
  names = dict.fromkeys(side for work in works.values() for side in work.sides)
  with worker_pool.WorkerPool(
    sides.blueprints(names, known), output / "workers"
  ) as pool:
    with progress.part("imports and compiles", _SECONDS_TO_BUILD):
      pool.build(progress.say)
    bench = measuring.Bench(pool, known, rounds, seconds, progress)
    return [bench.measure(name, work) for name, work in works.items()]


def main() -> int:
  """Measures, prints the tables, and returns the exit code."""
  works, known, left_out = _choose()
  default = "runs/bench_quick" if _QUICK.value else "runs/bench"
  output = pathlib.Path(_OUTPUT.value or default)
  output.mkdir(parents=True, exist_ok=True)
  about = machine.describe()  # before there is load of ours
  num_starts = 0
  if _DEVICE.value == "cpu" and (not _ONLY.value or _START in _ONLY.value):
    num_starts = 1 if _QUICK.value else _ROUNDS_OF_START
  found = {
    "about": about,
    "quick": _QUICK.value,
    "device": _DEVICE.value,
    "left_out": left_out,
    **_measure(works, known, num_starts, output),
  }
  path, picture = output / "bench.json", output / "bench.png"
  path.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
  chart.draw(found, picture)
  print(report.tables(found), flush=True)
  command_line.say(f"\n{machine.in_words(about)}\n{path}  {picture}")
  return command_line.DONE


if __name__ == "__main__":
  command_line.run(main)
