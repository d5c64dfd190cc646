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

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax.interpreters import xla

from benchmarks.peers import stable_baselines

if not hasattr(xla, "pytype_aval_mappings"):
  xla.pytype_aval_mappings = jax.core.pytype_aval_mappings

import sbx
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


class SbxDqn(stable_baselines.Dqn):
  """As Stable-Baselines3's, in JAX with one thread."""

  def _make_model(self, env, **settings) -> sbx.DQN:
    os.environ["NPROC"] = "1"  # holds if nothing has used JAX before
    return sbx.DQN(OneLayerPolicy, env, **settings)
