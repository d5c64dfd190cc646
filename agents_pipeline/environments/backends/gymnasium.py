"""The backend 'gymnasium': environments in Python."""

from collections.abc import Callable

import gymnasium as gym

from agents_pipeline import interfaces
from agents_pipeline.config import schema
from agents_pipeline.environments import (
  checked_vector,
  collected_environment,
  gymnasium_vector,
  leaves,
  making,
  python_bridge,
  ray_collectors,
  ray_vector_env,
)
from agents_pipeline.ops import random_stream

ON_DEVICE = False


def supports(config: schema.EnvironmentConfig) -> bool:
  """True: every gymnasium environment."""
  del config
  return True


def make(
  config: schema.EnvironmentConfig,
  rng: random_stream.RandomStream,
  episode_seed: Callable[[int, int], int],
  collecting: interfaces.Collecting | None = None,
) -> python_bridge.PythonBridge:
  """Makes the copies, not yet reset.

  Args:
    config: the environment to make.
    rng: unused.
    episode_seed: (environment index, episode number) -> the seed of that
      episode's reset.
    collecting: how actors of Ray collect, with vectorization 'ray'; with None,
      this process steps the environment.

  Raises:
    UserError: the id is unknown or the environment cannot be made.
    RunError: Ray cannot start the environment.
  """
  del rng
  made: gym.vector.VectorEnv
  kind = gymnasium_vector.GymnasiumEnvironment
  if collecting is not None:
    made = ray_collectors.CollectedVectorEnv(config, collecting, episode_seed)
    kind = collected_environment.CollectedEnvironment
  elif config.vectorization == "ray":
    made = ray_vector_env.RayVectorEnv(config)
  else:
    made = making.make_vector_environment(config)
  try:
    with making.one_line(config.name):  # its spaces may raise
      own_version = config.vectorization == "vector_entry_point"
      space = made.single_observation_space
      leaves_of = None
      if own_version and leaves.needs_leaves(space, config):
        leaves_of = leaves.Leaves(space, made.single_action_space, config)
      vector_env = checked_vector.CheckedVectorEnv(
        made,
        config.name,
        config.max_episode_env_steps,
        config.step_timeout_seconds,
        leaves_of=leaves_of,
        copies_are_checked=not own_version,
      )
      return python_bridge.PythonBridge(
        kind(vector_env, config.name, episode_seed),
        config.observation.num_frames,
        chooses_actions=collecting is not None,
      )
  except BaseException:
    made.close()
    raise
