"""Floors: environments alone, with random actions, nothing looked at."""

import time

import gymnasium as gym
import numpy as np

_NUM_DRAWN = 4_096  # actions are drawn beforehand; then the same again


class CartPole:
  """CartPole-v1 as `gymnasium.make` makes it, or a SyncVectorEnv of several."""

  def __init__(self, num_envs: int = 1):
    rng = np.random.default_rng(0)
    self._num_envs = num_envs
    if num_envs == 1:
      self._env = gym.make("CartPole-v1")
      self._actions = list(rng.integers(2, size=_NUM_DRAWN))
    else:
      self._env = gym.make_vec(
        "CartPole-v1", num_envs, vectorization_mode="sync"
      )
      self._actions = list(rng.integers(2, size=(_NUM_DRAWN, num_envs)))
    self._env.reset(seed=0)
    self.run(100)

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second; rounds up to whole steps of all.

    A reset is not counted where it is a call; a vector environment resets in
    the step after an episode's last one, which is counted.
    """
    env, actions = self._env, self._actions
    num_steps = -(-num_env_steps // self._num_envs)
    start = time.perf_counter()
    for i in range(num_steps):
      _, _, terminated, truncated, _ = env.step(actions[i % _NUM_DRAWN])
      if self._num_envs == 1 and (terminated or truncated):
        env.reset()
    return num_steps * self._num_envs / (time.perf_counter() - start)


class Atari:
  """ale-py's vector environment, as configs/dqn_atari.gin has it."""

  def __init__(self):
    from agents_pipeline.config import gin_files
    from agents_pipeline.environments import making
    from benchmarks import our_loop

    experiment = gin_files.load_experiment([our_loop.ATARI_GIN_FILE])
    self._env = making.make_vector_environment(experiment.environment)
    self._env.reset(seed=0)
    self._num_actions = self._env.single_action_space.n
    self._rng = np.random.default_rng(0)

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second, of a multiple of the environments."""
    num_envs = self._env.num_envs
    start = time.perf_counter()
    for _ in range(num_env_steps // num_envs):
      self._env.step(self._rng.integers(0, self._num_actions, num_envs))
    return num_env_steps / (time.perf_counter() - start)
