"""What the buffer's capacity costs: the same iteration, 10,000 rows to 1e6.

python -m benchmarks.replay_capacity [--rounds=5]
"""

import statistics

from absl import flags

from agents_pipeline.apps import command_line
from benchmarks import our_loop

_ROUNDS = flags.DEFINE_integer(
  "rounds", 5, "Turns of each side.", lower_bound=1
)

_CAPACITIES = (10_000, 100_000, 1_000_000)  # env steps
# Per call: the tables are copied once per call, so short calls show their size.
_ITERATIONS = (1_000, 20_000)


def main() -> int:
  """Measures, prints the table, and returns the exit code."""
  with command_line.quiet_imports():
    import tensorflow as tf

    assert tf.executing_eagerly()
  sides = {
    capacity: our_loop.DqnLoop(
      "tensor", f"ReplayConfig.capacity_env_steps = {capacity}"
    )
    for capacity in _CAPACITIES
  }
  print(
    f"{'rows':>12}" + "".join(f"{f'{n:,} per call':>20}" for n in _ITERATIONS)
  )
  micros: dict[tuple[int, int], list[float]] = {}
  for turn in range(_ROUNDS.value):
    command_line.say(f"round {turn + 1} of {_ROUNDS.value}")
    for capacity, side in sides.items():
      for count in _ITERATIONS:
        found = [1e6 / side.run(count) for _ in range(40_000 // count // 2)]
        micros.setdefault((capacity, count), []).append(min(found))
  for capacity in _CAPACITIES:
    cells = [statistics.median(micros[capacity, n]) for n in _ITERATIONS]
    print(f"{capacity:>12,}" + "".join(f"{c:>17.1f} us" for c in cells))
  return command_line.DONE


if __name__ == "__main__":
  command_line.run(main)
