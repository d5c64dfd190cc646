"""Env steps per second of a slow environment, by how its copies are stepped.

python -m benchmarks.scale [--milliseconds=5] [--num_copies=1,2,4,8]

One loop of DQN each, with one update per iteration, around an environment that
sleeps, in rounds: the ways take turns. Ideal is what N copies give if nothing
but the environment took time. Needs `make scale`. `make bench ONLY=scale` does
the same, of 5 ms, and measures costs: `scale_costs`.
"""

import functools
import statistics
import time

from absl import app, flags

import agents_pipeline  # before TensorFlow: it chooses Keras 2
from benchmarks import interleaved, slow_environment

assert agents_pipeline.__version__

NUM_STEPS_PER_CHUNK = 32
# Bindings of each way.
_COLLECTORS = (
  "EnvironmentConfig.vectorization = 'ray'",
  "DqnConfig.collectors = @RayCollectors()",
  f"RayCollectors.num_steps_per_chunk = {NUM_STEPS_PER_CHUNK}",
)
WAYS = {
  "async": ("EnvironmentConfig.vectorization = 'async'",),
  "ray": ("EnvironmentConfig.vectorization = 'ray'",),
  "lockstep": _COLLECTORS,
}
_SECONDS = 2.0  # of each turn
_NUM_TURNS = 7


class ScaleLoop:
  """Iterations of DQN: a step of every copy, and an update of batch 64."""

  def __init__(self, way: str, num_copies: int, milliseconds: float = 5.0):
    """Builds the loop, collects and compiles.

    Args:
      way: the way, one of `WAYS`.
      num_copies: the number of copies, each in a process of its own.
      milliseconds: the milliseconds of an env step.
    """
    import tensorflow as tf

    from agents_pipeline.agents import building
    from agents_pipeline.config import gin_files, seeding

    self._num_copies = num_copies
    experiment = gin_files.load_experiment(
      [],
      [
        "Experiment.agent = @DqnConfig()",
        "DqnConfig.num_env_steps_before_training = 64",
        "DqnConfig.num_random_env_steps = 64",
        f"EnvironmentConfig.name = '{slow_environment.NAME}'",
        f"EnvironmentConfig.arguments = {{'seconds': {milliseconds / 1e3}}}",
        f"EnvironmentConfig.num_envs = {num_copies}",
        "TrainingConfig.num_env_steps = 1_000_000_000",
        *WAYS[way],
      ],
    )
    self._pipeline = building.build(experiment, seeding.Seeds(0))
    self._pipeline.compiled.collect(tf.constant(-(-64 // num_copies)))
    self.run(num_copies)
    self.close = self._pipeline.close

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second, over all copies, of whole chunks.

    A chunk that was collected while others had their turn is used up before.
    """
    import tensorflow as tf

    train = self._pipeline.compiled.train
    train(tf.constant(NUM_STEPS_PER_CHUNK))
    num_chunks = num_env_steps // (self._num_copies * NUM_STEPS_PER_CHUNK)
    count = max(num_chunks, 1) * NUM_STEPS_PER_CHUNK
    start = time.perf_counter()
    totals = train(tf.constant(count))
    assert int(totals.num_train_steps) == count  # waits for the result
    seconds = time.perf_counter() - start
    self._pipeline.interval.end(self._pipeline.statistics)
    return count * self._num_copies / seconds


class IdealLoop:
  """One copy alone, and as if all others took no time."""

  def __init__(self, num_copies: int, milliseconds: float = 5.0):
    """Makes the copy.

    Args:
      num_copies: the number of copies that it counts as.
      milliseconds: the milliseconds of an env step.
    """
    self._env = slow_environment.Slow(milliseconds / 1e3)
    self._env.reset()
    self._num_copies = num_copies

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second, over all copies."""
    count = max(num_env_steps // self._num_copies, 1)
    start = time.perf_counter()
    for _ in range(count):
      self._env.step(0)
    return count * self._num_copies / (time.perf_counter() - start)

  def close(self) -> None:
    """Closes the copy."""
    self._env.close()


def main(_) -> None:
  """Prints a row for each number of copies."""
  milliseconds = flags.FLAGS.milliseconds
  for num_copies in map(int, flags.FLAGS.num_copies):
    loops: dict = {"ideal": IdealLoop(num_copies, milliseconds)}
    for way in WAYS:
      loops[way] = ScaleLoop(way, num_copies, milliseconds)
    amount = max(int(_SECONDS * 1e3 / milliseconds), 1) * num_copies
    rates = interleaved.take_turns(
      {way: functools.partial(loop.run, amount) for way, loop in loops.items()},
      range(_NUM_TURNS),
    )
    line = f"{num_copies:4} copies, env steps/s"
    for way, found in rates.items():
      line += (
        f"; {way} {statistics.median(found):8,.0f} "
        f"({min(found):,.0f} to {max(found):,.0f})"
      )
    print(line, flush=True)
    for loop in loops.values():
      loop.close()


if __name__ == "__main__":
  flags.DEFINE_float("milliseconds", 5.0, "Of an env step.")
  flags.DEFINE_list("num_copies", ["1", "2", "4", "8"], "Copies.")
  app.run(main)
