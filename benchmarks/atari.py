"""Atari's collection beside ale-py's bare vector environment.

configs/dqn_atari.gin: 8 environments, frame skip 4, 84x84, 4 stacked frames.
The baseline steps them with random actions and looks at nothing. Collection
acts, takes statistics, clips rewards and stores: at random, as the run begins,
then by the policy's network. Learning is added as its own row: 2 train steps
per 8 env steps.

python -m benchmarks.atari [--rounds=5]
"""

import time

from absl import flags

from agents_pipeline.apps import command_line

_ROUNDS = flags.DEFINE_integer(
  "rounds", 5, "Turns of each side.", lower_bound=1
)
_GIN_FILE = "configs/dqn_atari.gin"
_BINDINGS = (
  "ReplayConfig.capacity_env_steps = 20_000",
  "TrainingConfig.log_period_env_steps = 1_000_000",
)


class BareEnvironment:
  """ale-py's vector environment and random actions."""

  def __init__(self):
    import numpy as np

    from agents_pipeline.environments import loading
    from agents_pipeline.experiment import gin_files

    config = gin_files.load_experiment([_GIN_FILE]).environment
    self._env = loading.make_vector_environment(config)
    self._env.reset(seed=0)
    self._num_actions = self._env.single_action_space.n
    self._rng = np.random.default_rng(0)

  def run(self, num_steps: int) -> float:
    """Env steps per second, over all environments."""
    num_envs = self._env.num_envs
    start = time.perf_counter()
    for _ in range(num_steps):
      self._env.step(self._rng.integers(0, self._num_actions, num_envs))
    return num_steps * num_envs / (time.perf_counter() - start)


class Collection:
  """This pipeline's calls."""

  def __init__(self, call: str, *bindings: str):
    """Wires the experiment.

    Args:
      call: 'collect' or 'train'.
      *bindings: of the experiment.
    """
    import tensorflow as tf

    from agents_pipeline.experiment import gin_files, seeding
    from agents_pipeline.pipelines import building

    experiment = gin_files.load_experiment([_GIN_FILE], [*_BINDINGS, *bindings])
    pipeline = building.build(experiment, seeding.Seeds(0))
    pipeline.compiled.collect(tf.constant(100))
    self._call = getattr(pipeline.compiled, call)
    self._num_envs = experiment.environment.num_envs
    self._tensor = tf.constant

  def run(self, num_steps: int) -> float:
    """Env steps per second, over all environments."""
    start = time.perf_counter()
    self._call(self._tensor(num_steps))
    return num_steps * self._num_envs / (time.perf_counter() - start)


def main() -> int:
  """Measures, prints the table, and returns the exit code."""
  with command_line.quiet_imports():
    from benchmarks import interleaved
  by_policy = "DqnConfig.num_random_env_steps = 0"
  bare = "bare vector environment"
  found = interleaved.measure(
    {
      bare: interleaved.Side(BareEnvironment().run, 1_500),
      "collection, random actions": interleaved.Side(
        Collection(
          "collect", "DqnConfig.num_random_env_steps = 1_000_000_000"
        ).run,
        1_500,
      ),
      "collection by the policy": interleaved.Side(
        Collection("collect", by_policy).run, 500
      ),
      "collection and learning": interleaved.Side(
        Collection("train", by_policy).run, 30
      ),
    },
    bare,
    _ROUNDS.value,
  )
  interleaved.show(found, "env steps/s", "bare")
  return command_line.DONE


if __name__ == "__main__":
  command_line.run(main)
