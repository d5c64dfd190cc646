"""What prioritized replay costs beside uniform replay, and its sum tree.

python -m benchmarks.prioritized_replay

DQN on the tensor CartPole-v1, a batch of 64 transitions and 100 units: loops
with either replay, whose buffers are full, take turns. Then drawing a batch and
updating it, by the sum tree and by cumulative sums of all priorities that are
made anew for every batch and searched. Times are of the processor, not of the
clock: one core does all of the work, and others may be using it. The ratio of a
round is one number; what is printed are the median and the range of all rounds.
"""

import functools
import time
from collections.abc import Callable

import numpy as np

from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.replay import sum_tree
from benchmarks import interleaved

_CAPACITIES = (10_000, 100_000, 1_000_000)  # rows
_NUM_ROUNDS, _NUM_ROUNDS_OF_DRAWS = 25, 7
_ITERATIONS, _DRAWS = 2_000, 50  # of a turn
_BATCH_SIZE = 64


def _loop(replay: str, capacity: int) -> Callable[[], float]:
  """Fills a buffer and compiles; a turn returns iterations per second."""
  import tensorflow as tf

  experiment = gin_files.load_experiment(
    [],
    [
      "Experiment.agent = @DqnConfig()",
      "EnvironmentConfig.name = 'CartPole-v1'",
      "TrainingConfig.num_env_steps = 10_000_000",
      "DqnConfig.hidden_layers = (100,)",
      f"DqnConfig.batch_size = {_BATCH_SIZE}",
      f"DqnConfig.replay = @{replay}()",
      f"{replay}.capacity_env_steps = {capacity}",
    ],
  )
  compiled = building.build(experiment, seeding.Seeds(0)).compiled
  compiled.collect(tf.constant(capacity))
  compiled.train(tf.constant(_ITERATIONS))

  def turn():
    start = time.process_time()
    int(compiled.train(tf.constant(_ITERATIONS)).num_train_steps)
    return _ITERATIONS / (time.process_time() - start)

  return turn


class _CumulativeSums:
  """The other way to draw by priorities: all of their sums, for each batch."""

  def __init__(self, num_rows: int):
    import tensorflow as tf

    self._priorities = tf.Variable(tf.zeros(num_rows))

  def update(self, row, priority):
    """Gives rows [K] other priorities [K]."""
    import tensorflow as tf

    self._priorities.scatter_update(tf.IndexedSlices(priority, row))

  def find(self, share):
    """The rows [K] at shares [K] of the sum, and their priorities."""
    import tensorflow as tf

    priorities = self._priorities.read_value()
    ends = tf.cumsum(tf.cast(priorities, tf.float64))  # [N]
    row = tf.searchsorted(ends, share * ends[-1], side="right")  # [K]
    return row, tf.gather(priorities, row)


def _draws(tree, num_rows: int) -> Callable[[], float]:
  """A turn draws batches and gives them other priorities; its rate."""
  import tensorflow as tf

  tree.update(tf.range(num_rows), tf.random.uniform((num_rows,), 0.1, 1.0))
  middle = (tf.range(_BATCH_SIZE, dtype=tf.float64) + 0.5) / _BATCH_SIZE

  @tf.function(jit_compile=True, autograph=False)
  def draw(count):
    def body(i):
      row, priority = tree.find(middle)
      tree.update(row, 1.1 - priority)
      return i + 1

    return tf.while_loop(lambda i: i < count, body, [tf.constant(0)])[0]

  draw(tf.constant(_DRAWS))

  def turn():
    start = time.process_time()
    int(draw(tf.constant(_DRAWS)))
    return _DRAWS / (time.process_time() - start)

  return turn


def _compare(
  num_rounds: int, make: dict[str, Callable[[int], Callable[[], float]]]
) -> None:
  """Prints a table: the time of the first of two sides over the other's."""
  one, other = make
  print(f"| rows | {one}, us | {other}, us | {one} / {other} |")
  print("| --- | --- | --- | --- |", flush=True)
  for capacity in _CAPACITIES:
    turns = {name: of(capacity) for name, of in make.items()}
    rates = interleaved.take_turns(turns, range(num_rounds))
    # Times are the inverse of rates.
    found = interleaved.ratio(rates[other], rates[one])
    times = [f"{1e6 / np.median(rates[name]):,.1f}" for name in (one, other)]
    ratio = f"{found.median:.2f} ({found.low:.2f} to {found.high:.2f})"
    print(f"| {capacity:,} | {times[0]} | {times[1]} | {ratio} |", flush=True)


def main() -> None:
  """Prints both tables."""
  _compare(
    _NUM_ROUNDS,
    {
      "prioritized": functools.partial(_loop, "PrioritizedReplay"),
      "uniform": functools.partial(_loop, "ReplayConfig"),
    },
  )
  _compare(
    _NUM_ROUNDS_OF_DRAWS,
    {
      "sum tree": lambda n: _draws(sum_tree.SumTree(n), n),
      "cumulative sums": lambda n: _draws(_CumulativeSums(n), n),
    },
  )


if __name__ == "__main__":
  main()
