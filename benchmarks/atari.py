"""Atari's collection beside ale-py's bare vector environment.

configs/dqn_atari.gin: 8 environments, frame skip 4, 84x84, 4 stacked frames.
The baseline steps them with random actions and looks at nothing. Collection
acts, takes statistics, clips rewards and stores: at random, as the run begins,
then by the policy's network. Learning is added as its own row: 2 train steps
per 8 env steps.

python -m benchmarks.suite --only=atari
"""

import time

_GIN_FILE = "configs/dqn_atari.gin"
_BINDINGS = (
  "ReplayConfig.capacity_env_steps = 20_000",
  "TrainingConfig.log_period_env_steps = 1_000_000",
)


class BareEnvironment:
  """ale-py's vector environment and random actions."""

  def __init__(self):
    import numpy as np

    from agents_pipeline.config import gin_files
    from agents_pipeline.environments import making

    config = gin_files.load_experiment([_GIN_FILE]).environment
    self._env = making.make_vector_environment(config)
    self._env.reset(seed=0)
    self._num_actions = self._env.single_action_space.n
    self._rng = np.random.default_rng(0)

  def run(self, num_env_steps: int) -> float:
    """Env steps per second, over all environments.

    Args:
      num_env_steps: a multiple of the number of environments.
    """
    num_envs = self._env.num_envs
    start = time.perf_counter()
    for _ in range(num_env_steps // num_envs):
      self._env.step(self._rng.integers(0, self._num_actions, num_envs))
    return num_env_steps / (time.perf_counter() - start)


class Collection:
  """This pipeline's calls."""

  def __init__(self, call: str, *bindings: str, device: str = "cpu"):
    """Wires the experiment.

    Args:
      call: 'collect' or 'train'.
      *bindings: of the experiment.
      device: 'cpu', or 'gpu' where every side of the process is on it.
    """
    import tensorflow as tf

    from agents_pipeline.agents import building
    from agents_pipeline.config import gin_files, seeding
    from agents_pipeline.training import compilation

    compilation.choose_device(device)
    experiment = gin_files.load_experiment([_GIN_FILE], [*_BINDINGS, *bindings])
    pipeline = building.build(experiment, seeding.Seeds(0))
    pipeline.compiled.collect(tf.constant(100))
    self._call = getattr(pipeline.compiled, call)
    self._num_envs = experiment.environment.num_envs
    self._tensor = tf.constant
    self.run(self._num_envs)  # compiles

  def run(self, num_env_steps: int) -> float:
    """Env steps per second, over all environments.

    Args:
      num_env_steps: a multiple of the number of environments. Those that are
        spent on resetting count too, as in the bare environment.
    """
    start = time.perf_counter()
    self._call(self._tensor(num_env_steps // self._num_envs))
    return num_env_steps / (time.perf_counter() - start)
