"""`make bench`: our DQN iteration beside TF-Agents' textbook loop.

Identical work: CartPole-v1, one environment; 1 env step and 1 train step of a
batch of 64 per iteration; a Q-network of one hidden layer of 100 units; Adam; a
buffer of 100,000 rows. The sides take turns, so that whatever else the machine
does slows all of them; a ratio is of one round, and the median of the rounds
counts.

python -m benchmarks.dqn_throughput [--rounds=5] [--output=FILE.json]
"""

import json
import pathlib
import statistics

from absl import flags

from agents_pipeline.apps import command_line

_ROUNDS = flags.DEFINE_integer(
  "rounds", 5, "Turns of each side.", lower_bound=1
)
_OUTPUT = flags.DEFINE_string("output", None, "A JSON file to write as well.")

# Iterations of a turn: about two seconds each.
_TEXTBOOK, _DEVICE, _HOST = (
  "textbook TF-Agents loop",
  "this pipeline, tensor CartPole",
  "this pipeline, gymnasium's CartPole",
)
_ITERATIONS = {_TEXTBOOK: 200, _DEVICE: 40_000, _HOST: 2_000}


def main() -> int:
  """Measures, prints the table, and returns the exit code."""
  with command_line.quiet_imports():
    from agents_pipeline.records import run_record
    from benchmarks import our_loop, textbook
  sides = {
    _TEXTBOOK: textbook.TextbookLoop(),
    _DEVICE: our_loop.OurLoop("tensor"),
    _HOST: our_loop.OurLoop("gymnasium"),
  }
  for name, side in sides.items():  # compiles
    side.run(_ITERATIONS[name] // 10)
  rates: dict[str, list[float]] = {name: [] for name in sides}
  for turn in range(_ROUNDS.value):
    command_line.say(f"round {turn + 1} of {_ROUNDS.value}")
    for name, side in sides.items():
      rates[name].append(side.run(_ITERATIONS[name]))
  told = {name: _summary(rates[name], rates[_TEXTBOOK]) for name in sides}
  print(f"{'':37}{'iterations/s':>14}{'times textbook':>26}")
  for name, row in told.items():
    low, high = row["ratio_range"]
    print(
      f"{name:37}{row['median']:>14,.0f}{row['ratio']:>10,.1f}"
      f"  ({low:,.1f} to {high:,.1f})"
    )
  if _OUTPUT.value:
    run_record.write_json(pathlib.Path(_OUTPUT.value), told)
  else:
    print(json.dumps({name: row["ratio"] for name, row in told.items()}))
  return command_line.DONE


def _summary(rates: list[float], textbook: list[float]) -> dict:
  ratios = [a / b for a, b in zip(rates, textbook, strict=True)]
  return {
    "median": statistics.median(rates),
    "ratio": statistics.median(ratios),
    "ratio_range": [min(ratios), max(ratios)],
    "rates": rates,
  }


if __name__ == "__main__":
  command_line.run(main)
