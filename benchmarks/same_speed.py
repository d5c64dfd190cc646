"""Whether a change of the code left the training loops as fast as they were.

git clone . ../before && git -C ../before checkout COMMIT
python -m benchmarks.same_speed --before=../before

Each loop of this project is built in a process of the clone before and in one
of this clone; the two run in turn, and swap their order each round. Printed are
the median of the ratios of each round, after to before, and their range.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from benchmarks import commands, workloads

ROOT = pathlib.Path(__file__).parents[1]
_FLAGS = flags.FLAGS

# Reads the number of env steps of each run from stdin.
_LOOP = """
import json, sys
import agents_pipeline
from benchmarks import our_loop

kind, arguments, options = json.loads(sys.argv[1])
loop = getattr(our_loop, kind)(*arguments, **options)
for line in sys.stdin:
  print(json.dumps({"rate": loop.run(int(line))}), flush=True)
"""
_SECONDS = 1.0  # of a run


def sides() -> dict[str, workloads.Side]:
  """This project's own loops, by name."""
  return {
    name: side
    for name, side in workloads.SIDES.items()
    if side.loop.startswith("benchmarks.our_loop:") and side.in_quick
  }


class Loop:
  """A training loop of one clone, in a process of its own."""

  def __init__(self, side: workloads.Side, clone: pathlib.Path):
    """Starts to build the loop; the first run waits until it is built."""
    kind = side.loop.partition(":")[2]
    self._process = subprocess.Popen(
      [
        sys.executable, "-c", _LOOP,
        json.dumps([kind, side.arguments, dict(side.options)]),
      ],
      cwd=clone,
      env=os.environ | {"PYTHONPATH": str(clone)},
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
      text=True,
    )  # fmt: skip

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second.

    Raises:
      RunError: the loop cannot be built, or failed.
    """
    assert self._process.stdin and self._process.stdout
    print(num_env_steps, file=self._process.stdin, flush=True)
    for line in self._process.stdout:
      if line.startswith('{"rate"'):
        return json.loads(line)["rate"]
    raise errors.RunError(f"the loop of {self._process.args[-1]} ended")

  def close(self) -> None:
    """Ends the process of the loop."""
    self._process.kill()
    self._process.wait()


def ratios(side: workloads.Side, before: pathlib.Path, rounds: int):
  """Rates after to before, one of each round."""
  old, new = Loop(side, before), Loop(side, ROOT)
  try:
    size = side.multiple * 10
    rate = min(old.run(size), new.run(size))
    size = max(1, int(rate * _SECONDS) // side.multiple) * side.multiple
    for loop in (old, new):
      loop.run(size)  # compiles this number of steps
    found = []
    for i in range(rounds):
      pair = (old, new) if i % 2 else (new, old)
      rates = {loop: loop.run(size) for loop in pair}
      found.append(rates[new] / rates[old])
    return found
  finally:
    old.close()
    new.close()


def main() -> int:
  """Measures, prints a line for each loop, and returns the exit code."""
  known = sides()
  before = pathlib.Path(_FLAGS.before).absolute()
  for name in commands.choose(_FLAGS.only, known):
    found = ratios(known[name], before, _FLAGS.rounds)
    middle = statistics.median(found)
    print(
      f"{name}: {middle:.3f} ({min(found):.3f} to {max(found):.3f})", flush=True
    )
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_string("before", None, "A clone of the commit before.")
  flags.DEFINE_list("only", [], "Names of loops; all by default.")
  flags.DEFINE_integer("rounds", 15, "Turns of each.", lower_bound=2)
  flags.mark_flag_as_required("before")
  command_line.run(main)
