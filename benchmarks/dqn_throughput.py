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
import time

from absl import flags

from agents_pipeline.apps import command_line

_ROUNDS = flags.DEFINE_integer(
  "rounds", 5, "Turns of each side.", lower_bound=1
)
_OUTPUT = flags.DEFINE_string("output", None, "A JSON file to write as well.")

_BINDINGS = [
  "Experiment.agent = @DqnConfig()",
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 1_000_000",
  "DqnConfig.hidden_layers = (100,)",
  "DqnConfig.loss = 'squared'",
  "DqnConfig.epsilon = @ConstantEpsilon()",
  "DqnConfig.target_update_period_train_steps = 100",
  "DqnConfig.batch_size = 64",
  "ReplayConfig.capacity_env_steps = 100_000",
]
# Iterations of a turn: about two seconds each.
_TEXTBOOK, _DEVICE, _HOST = (
  "textbook TF-Agents loop",
  "this pipeline, tensor CartPole",
  "this pipeline, gymnasium's CartPole",
)
_ITERATIONS = {_TEXTBOOK: 200, _DEVICE: 40_000, _HOST: 2_000}


class OurLoop:
  """The project's iteration on one backend, after its initial collection."""

  def __init__(self, backend: str):
    import tensorflow as tf

    from agents_pipeline.experiment import gin_files, seeding
    from agents_pipeline.pipelines import dqn_pipeline

    binding = f"EnvironmentConfig.backend = '{backend}'"
    experiment = gin_files.load_experiment([], [*_BINDINGS, binding])
    self._pipeline = dqn_pipeline.build(experiment, seeding.Seeds(0))
    self._count = tf.constant
    self._pipeline.compiled.collect(tf.constant(1_000))

  def run(self, num_iterations: int) -> float:
    """Returns iterations per second; each is 1 env step and 1 train step."""
    before = int(self._pipeline.statistics.env_steps)
    start = time.perf_counter()
    totals = self._pipeline.compiled.train(self._count(num_iterations))
    done = int(totals.num_train_steps)
    seconds = time.perf_counter() - start
    assert done == num_iterations
    assert int(self._pipeline.statistics.env_steps) - before == done
    return done / seconds


def main() -> int:
  """Measures, prints the table, and returns the exit code."""
  with command_line.quiet_imports():
    from agents_pipeline.records import run_record
    from benchmarks import textbook
  sides = {
    _TEXTBOOK: textbook.TextbookLoop(),
    _DEVICE: OurLoop("tensor"),
    _HOST: OurLoop("gymnasium"),
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
