"""Stable-Baselines3 as its own user would run it, on CartPole-v1.

A2C: its defaults throughout: two separate networks of two 64-unit tanh layers,
5 steps of each environment per train step, RMSprop. DQN: the sizes and rates of
our own in place of its defaults, but its Huber loss and its clipping of
gradients to norm 10. Both: environments stepped in turn by one process
(DummyVecEnv), a Monitor around each, no output. PyTorch and it are in
`make bench`'s own virtual environment alone, and importing it imports
TensorFlow as well.
"""

import time

import stable_baselines3
import torch
from stable_baselines3.common import base_class, env_util, vec_env

_NUM_WARM_UP_ENV_STEPS = 1_000  # collected before DQN's first train step


class A2c:
  """1 train step per 5 steps of each of num_envs environments."""

  def __init__(self, num_envs: int = 16):
    # One is the fastest: over two threads it is 0.995 times (0.95 to 1.10) in 7
    # interleaved rounds, 1.11 times (1.10 to 53) in 8 others. The second thread
    # spins a whole core, and waits for it when something else runs there.
    torch.set_num_threads(1)
    self._model = stable_baselines3.A2C(
      "MlpPolicy", make_cartpole(num_envs), seed=0, device="cpu"
    )
    self._batch = num_envs * self._model.n_steps
    self.run(50 * self._batch)

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second; rounds up to whole train steps."""
    done, seconds = _learn(self._model, num_env_steps)
    assert 0 <= done - num_env_steps < self._batch
    return done / seconds


class Dqn:
  """num_train_steps train steps per step of each of num_envs environments."""

  def __init__(self, num_envs: int = 1, num_train_steps: int | None = None):
    """Builds it, collects, and trains a little.

    Args:
      num_envs: the number of environments.
      num_train_steps: the train steps, of a batch of 64 each; None for as many
        as environments.
    """
    self._num_envs = num_envs
    self._num_train_steps = num_train_steps or num_envs
    self._model = self._make_model(
      make_cartpole(num_envs),
      learning_rate=1e-3,
      buffer_size=100_000,
      learning_starts=_NUM_WARM_UP_ENV_STEPS,
      batch_size=64,
      gamma=0.99,
      train_freq=1,  # step of all environments
      gradient_steps=self._num_train_steps,
      # In env steps, and rounded down to whole steps of all environments.
      target_update_interval=100 * num_envs // self._num_train_steps,
      exploration_initial_eps=0.1,
      exploration_final_eps=0.1,
      seed=0,
    )
    self._model.learn(_NUM_WARM_UP_ENV_STEPS)
    self.run(20 * num_envs)

  def _make_model(
    self, env: vec_env.VecEnv, **settings
  ) -> base_class.BaseAlgorithm:
    torch.set_num_threads(1)
    network = {"net_arch": [100]}
    return stable_baselines3.DQN(
      "MlpPolicy", env, policy_kwargs=network, device="cpu", **settings
    )

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second; rounds up to whole steps of all."""
    before = self._model._n_updates
    done, seconds = _learn(self._model, num_env_steps)
    assert 0 <= done - num_env_steps < self._num_envs
    updates = self._model._n_updates - before
    assert updates == done // self._num_envs * self._num_train_steps
    return done / seconds


class AtariDqn:
  """configs/dqn_atari.gin on a GPU: its sizes, on ALE/Pong-v5.

  2 train steps of batch 32 per step of 8 environments, 8 per step of 32, with
  SB3's own wrappers (frames of 84 x 84, 4 stacked) and its network for
  pictures, which is that of Mnih et al. (2015).
  """

  def __init__(self, *, num_envs: int = 8, in_processes: bool = False):
    """Builds it, collects, and trains a little.

    Args:
      num_envs: the number of environments.
      in_processes: whether each is in a process of its own, not stepped in turn
        by one.
    """
    import ale_py
    import gymnasium as gym

    gym.register_envs(ale_py)
    made = env_util.make_atari_env(
      "ALE/Pong-v5",
      n_envs=num_envs,
      env_kwargs={"frameskip": 1},
      vec_env_cls=vec_env.SubprocVecEnv if in_processes else None,
    )
    self._num_envs = num_envs
    self._model = stable_baselines3.DQN(
      "CnnPolicy",
      vec_env.VecFrameStack(made, 4),
      learning_rate=6.25e-5,
      buffer_size=20_000,
      learning_starts=0,
      batch_size=32,
      gamma=0.99,
      train_freq=1,  # step of all environments
      gradient_steps=num_envs // 4,
      target_update_interval=10_000,
      exploration_initial_eps=0.1,
      exploration_final_eps=0.1,
      device="cuda",
      seed=0,
    )
    self.run(20 * num_envs)

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second; rounds up to whole steps of all."""
    done, seconds = _learn(self._model, num_env_steps)
    return done / seconds


def make_cartpole(num_envs: int) -> vec_env.VecEnv:
  """The environments, stepped in turn."""
  return env_util.make_vec_env("CartPole-v1", n_envs=num_envs)


def _learn(
  model: base_class.BaseAlgorithm, num_env_steps: int
) -> tuple[int, float]:
  """Goes on learning; returns the env steps done, and seconds."""
  before = model.num_timesteps
  start = time.perf_counter()
  model.learn(num_env_steps, reset_num_timesteps=False)
  return model.num_timesteps - before, time.perf_counter() - start
