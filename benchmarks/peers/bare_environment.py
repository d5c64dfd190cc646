"""A floor: gymnasium's CartPole-v1 alone, with actions drawn beforehand."""

import time

import gymnasium as gym
import numpy as np

_NUM_DRAWN = 4_096  # then the same again


class Bare:
  """One as `gymnasium.make` makes it, or a SyncVectorEnv of several."""

  def __init__(self, num_envs: int = 1):
    """Makes it.

    Args:
      num_envs: environments.
    """
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
    """Returns env steps per second; rounds up to whole steps of them all.

    A reset is not counted where it is a call; a vector environment resets in
    the step after an episode's last one, which is counted.

    Args:
      num_env_steps: of all environments together.

    Returns:
      The rate.
    """
    env, actions = self._env, self._actions
    num_steps = -(-num_env_steps // self._num_envs)
    start = time.perf_counter()
    for i in range(num_steps):
      _, _, terminated, truncated, _ = env.step(actions[i % _NUM_DRAWN])
      if self._num_envs == 1 and (terminated or truncated):
        env.reset()
    return num_steps * self._num_envs / (time.perf_counter() - start)
