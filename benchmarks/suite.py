"""`make bench`: this pipeline's loops beside those of others, same work.

What is compared, and which ratios are wanted, is in `workloads.py`. Every
library runs in a process of its own; one side runs at a time, in turn. The
tables are printed; bench.json, bench.png and what the libraries print go to
--output.

python -m benchmarks.suite [--quick] [--only=dqn_tensor] [--rounds=5]
"""

import pathlib

from absl import flags

from agents_pipeline.apps import command_line
from benchmarks import (
  commands,
  gpu_workloads,
  machine,
  measuring,
  report,
  start,
  workloads,
)

_ROUNDS = flags.DEFINE_integer(
  "rounds", None, "Turns of each side; 5, or 2 if quick.", lower_bound=1
)
_QUICK = flags.DEFINE_bool(
  "quick", False, "Short turns and fewer sides, in less than a minute."
)
_ONLY = flags.DEFINE_list(
  "only", [], "Workloads, such as dqn_tensor, a2c_host, atari, start or scale."
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


def _measure(output: pathlib.Path) -> dict:
  """Measures what the flags select.

  Raises:
    UserError: there is no GPU, or no such workload.
  """
  if _DEVICE.value == "gpu":
    with command_line.quiet_imports():
      from agents_pipeline.training import device
    device.check_there_is_a_gpu()  # each side chooses its own
    works, sides = gpu_workloads.WORKLOADS, gpu_workloads.SIDES
    names = commands.choose(_ONLY.value, [*works])
  else:
    works, sides = workloads.WORKLOADS, workloads.SIDES
    names = commands.choose(_ONLY.value, [*works, _START])
    if not _ONLY.value:
      names = [n for n in names if n == _START or not works[n].on_request]
  works = {name: works[name] for name in names if name != _START}
  left_out: list[str] = []
  if _QUICK.value:
    works, left_out = workloads.quick(works, sides)
  num_starts = (1 if _QUICK.value else _ROUNDS_OF_START) * (_START in names)
  rounds = _ROUNDS.value or (2 if _QUICK.value else 5)
  seconds = 0.3 if _QUICK.value else 1.0
  found: dict = {"left_out": left_out, "rounds": rounds}
  found |= {"seconds_per_turn": seconds, "works": []}
  with measuring.Bench(
    {work.title: work.sides for work in works.values()},
    sides,
    rounds,
    seconds,
    output / "workers",
    seconds_to_build=_SECONDS_TO_BUILD * bool(works),
    other_seconds=num_starts * _SECONDS_TO_START,
  ) as bench:
    if num_starts:
      turns = bench.progress.rounds(start.TITLE, num_starts, _SECONDS_TO_START)
      runs = [start.measure() for _ in turns]
      found["start"] = start.summarize(runs, workloads.MAX_SECONDS_TO_START)
    if works:
      bench.build()
      found["works"] = [
        measuring.measure(bench, *work) for work in works.items()
      ]
  return found


def main() -> int:
  """Measures, prints the tables, and returns the exit code."""
  default = "runs/bench_quick" if _QUICK.value else "runs/bench"
  output = pathlib.Path(_OUTPUT.value or default)
  found = {
    "about": machine.describe(),  # before the benchmark itself is a load
    "quick": _QUICK.value,
    "device": _DEVICE.value,
    **_measure(output),
  }
  path, picture = output / "bench.json", output / "bench.png"
  commands.write_json(path, found)
  # Here: the processes of the sides import this module, and need no Matplotlib.
  from benchmarks import chart

  chart.draw(found, picture)
  print(report.tables(found), flush=True)
  command_line.report(
    f"\n{machine.in_words(found['about'])}\n{path}  {picture}"
  )
  return command_line.DONE


if __name__ == "__main__":
  command_line.run(main)
