"""Stable-Baselines3's A2C as its own user would run it, on CartPole-v1.

Its defaults throughout: two separate networks of two 64-unit tanh layers, 5
steps of each environment per train step, RMSprop, a Monitor around each
environment, no output. PyTorch and it are in `make bench`'s own virtual
environment alone, and importing it imports TensorFlow as well.
"""

import time

import torch
from stable_baselines3 import A2C
from stable_baselines3.common import env_util


class StableBaselinesA2c:
  """1 train step per num_steps of each of num_envs environments."""

  def __init__(
    self,
    num_envs: int = 16,
    num_steps: int = 5,
    num_threads: int = 1,
    num_warm_up_env_steps: int = 4_000,
  ):
    """Builds it and warms it up.

    Args:
      num_envs: environments stepped in turn by one process (DummyVecEnv).
      num_steps: of each environment per train step.
      num_threads: torch's; a setting of the whole process.
      num_warm_up_env_steps: trained on here, outside every measurement.
    """
    # One is the fastest: over two threads it is 0.995 times (0.95 to 1.10) in 7
    # interleaved rounds, 1.11 times (1.10 to 53) in 8 others. The second thread
    # spins a whole core, and waits for it when something else runs there.
    torch.set_num_threads(num_threads)
    self._model = A2C(
      "MlpPolicy",
      env_util.make_vec_env("CartPole-v1", n_envs=num_envs),
      n_steps=num_steps,
      seed=0,
      device="cpu",
    )
    self._batch = num_envs * num_steps
    self.run(num_warm_up_env_steps)

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second; rounds up to whole train steps."""
    before = self._model.num_timesteps
    start = time.perf_counter()
    self._model.learn(num_env_steps, reset_num_timesteps=False)
    seconds = time.perf_counter() - start
    done = self._model.num_timesteps - before
    assert 0 <= done - num_env_steps < self._batch
    return done / seconds
