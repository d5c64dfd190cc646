"""Stable-Baselines3 as its own user would run it, on CartPole-v1.

A2C: its defaults throughout: two separate networks of two 64-unit tanh layers,
5 steps of each environment per train step, RMSprop. DQN: the sizes and rates of
our own in place of its defaults, but its Huber loss and its clipping of
gradients to norm 10. Both: a Monitor around each environment, no output.
PyTorch and it are in `make bench`'s own virtual environment alone, and
importing it imports TensorFlow as well.
"""

import time

import torch
from stable_baselines3 import A2C, DQN
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


class StableBaselinesDqn:
  """num_train_steps train steps per step of each of num_envs environments."""

  def __init__(
    self,
    num_envs: int = 1,
    num_train_steps: int = 1,
    num_threads: int = 1,
    num_warm_up_env_steps: int = 1_000,
  ):
    """Builds it, collects, and trains a little.

    Args:
      num_envs: environments stepped in turn by one process (DummyVecEnv).
      num_train_steps: of a batch of 64 each.
      num_threads: torch's; a setting of the whole process.
      num_warm_up_env_steps: collected here before the first train step.
    """
    torch.set_num_threads(num_threads)
    self._num_envs, self._num_train_steps = num_envs, num_train_steps
    self._model = DQN(
      "MlpPolicy",
      env_util.make_vec_env("CartPole-v1", n_envs=num_envs),
      learning_rate=1e-3,
      buffer_size=100_000,
      learning_starts=num_warm_up_env_steps,
      batch_size=64,
      gamma=0.99,
      train_freq=1,  # step of all environments
      gradient_steps=num_train_steps,
      # In env steps, and rounded down to whole steps of all environments.
      target_update_interval=100 * num_envs // num_train_steps,
      exploration_initial_eps=0.1,
      exploration_final_eps=0.1,
      policy_kwargs={"net_arch": [100]},
      seed=0,
      device="cpu",
    )
    self._model.learn(num_warm_up_env_steps)
    self.run(20 * num_envs)

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second; rounds up to whole steps of them all."""
    model = self._model
    before, updates_before = model.num_timesteps, model._n_updates
    start = time.perf_counter()
    model.learn(num_env_steps, reset_num_timesteps=False)
    seconds = time.perf_counter() - start
    done = model.num_timesteps - before
    assert 0 <= done - num_env_steps < self._num_envs
    updates = model._n_updates - updates_before
    assert updates == done // self._num_envs * self._num_train_steps
    return done / seconds
