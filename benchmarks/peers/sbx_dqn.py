"""SBX's DQN, Stable-Baselines3's in JAX, as its own user would run it.

On CartPole-v1, with the network, sizes and rates of our own in place of its
defaults, but its Huber loss. Environments, buffer and loop are those of
Stable-Baselines3; JAX chooses the actions in one compiled call, and does all
train steps of an iteration in another.

SBX wants tfp-nightly, which unpacks into the folder of TensorFlow Probability
0.25 that TF-Agents wants; requirements-bench.overrides leaves it out. Version
0.25 looks for a name that JAX has since removed, which is put back here. SBX's
DQN uses no distribution: what it does is not touched by this.
"""

import os
import time

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax.interpreters import xla
from stable_baselines3.common import env_util

if not hasattr(xla, "pytype_aval_mappings"):
  xla.pytype_aval_mappings = jax.core.pytype_aval_mappings

from sbx import DQN
from sbx.common.type_aliases import RLTrainState
from sbx.dqn.policies import DQNPolicy


class OneLayerPolicy(DQNPolicy):
  """SBX's own has two hidden layers, whatever net_arch says."""

  def build(self, key: jax.Array, lr_schedule) -> jax.Array:
    """Makes the network; returns the next key."""
    key, network_key = jax.random.split(key)
    self.qf = nn.Sequential([nn.Dense(100), nn.relu, nn.Dense(2)])
    observations = jnp.zeros((1, *self.observation_space.shape))
    self.qf_state = RLTrainState.create(
      apply_fn=self.qf.apply,
      params=self.qf.init(network_key, observations),
      target_params=self.qf.init(network_key, observations),
      tx=optax.adam(lr_schedule(1)),
    )
    return key


class SbxDqn:
  """num_train_steps train steps per step of each of num_envs environments."""

  def __init__(
    self,
    num_envs: int = 1,
    num_train_steps: int = 1,
    num_threads: int = 1,
    num_warm_up_env_steps: int = 1_000,
  ):
    """Builds it, collects, compiles, and trains a little.

    Args:
      num_envs: environments stepped in turn by one process (DummyVecEnv).
      num_train_steps: of a batch of 64 each.
      num_threads: XLA's. A setting of the whole process: it holds if nothing
        has used JAX before.
      num_warm_up_env_steps: collected here before the first train step.
    """
    os.environ["NPROC"] = str(num_threads)
    self._num_envs, self._num_train_steps = num_envs, num_train_steps
    self._model = DQN(
      OneLayerPolicy,
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
      seed=0,
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
