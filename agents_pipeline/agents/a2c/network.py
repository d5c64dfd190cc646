"""The actor-critic network: from observations to a policy and a value."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.networks import network
from tf_agents.specs import tensor_spec

from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.networks import (
  dense,
  encoding,
  initial_weights,
  own_network,
  torso,
  variables,
)

_IMPOSSIBLE = -1e9  # logit of an action that a component does not have


class ActorCriticNetwork(network.Network):
  """A policy head and a value head, over one torso or one each.

  A torso is ours, or what a function of a user's own makes.

  What the policy head gives depends on the actions:

    one choice of A            {"logits": [B, A]}, -1e9 where an action is not
                               allowed
    D choices, of up to A      {"logits": [B, D, A]}, -1e9 where a choice has
                               fewer
    Box, of shape [...]        {"mean": [B, ...], "stddev": [B, ...]}; the
                               standard deviation depends on no state
  """

  def __init__(
    self,
    input_tensor_spec: Any,
    action_spec: tensor_spec.BoundedTensorSpec,
    config: a2c_config.A2cConfig,
    num_frames: int = 1,
    keys: Mapping[str, str] | None = None,
    name: str = "ActorCriticNetwork",
  ):
    """Creates the layers; `create_variables` makes their weights.

    Args:
      input_tensor_spec: the spec of one observation, or of each leaf by name.
      action_spec: the spec of one action; integers from 0, or floats.
      config: the configuration of the layers, and of how their weights begin.
      num_frames: the number of frames stacked in an observation, its first
        dimension if above 1.
      keys: see `ObservationEncoder.keys`.
      name: the name of the network.
    """
    super().__init__(input_tensor_spec, state_spec=(), name=name)
    conv_layers = tuple(config.conv_layers or ())
    self._encode = encoding.Encoder(
      input_tensor_spec,
      conv_layers,
      num_frames,
      keys,
      config.normalize_observations,
      keeps_shapes=config.network is not None,
    )
    self._config = config
    make_torso = self._make_torso
    if config.network is not None:
      make_torso = functools.partial(self._make_own, action_spec)
    self._policy_torso = make_torso("policy_torso")
    self._value_torso = (
      self._policy_torso if config.shared_torso else make_torso("value_torso")
    )
    self._action_shape = tuple(action_spec.shape)
    self._is_gaussian = action_spec.dtype.is_floating
    num_outputs = int(np.prod(self._action_shape))
    if not self._is_gaussian:
      sizes = np.broadcast_to(action_spec.maximum, self._action_shape) + 1
      self._num_choices = int(np.max(sizes))  # A
      num_outputs *= self._num_choices
      self._possible = np.arange(self._num_choices) < sizes[..., None]
    head = lambda units, gain, kind: dense.Dense(
      units,
      kernel_initializer=tf.keras.initializers.Orthogonal(gain),
      name=kind,
    )
    self._policy_head = head(num_outputs, config.policy_gain, "policy_head")
    self._value_head = head(1, config.value_gain, "value_head")
    self._log_std = (
      tf.Variable(
        tf.fill(self._action_shape, config.initial_log_std), name="log_std"
      )
      if self._is_gaussian
      else None
    )

  def _make_torso(self, name: str) -> torso.Torso:
    """Makes layers that begin as in Saxe, McClelland & Ganguli (2014)."""
    config = self._config
    return torso.Torso(
      tuple(config.conv_layers or ()),
      tuple(config.hidden_layers),
      config.activation,
      initial_weights.drawn_by(
        lambda: tf.keras.initializers.Orthogonal(config.hidden_gain)
      ),
      self._encode.for_convolutions,
      name=name,
    )

  def _make_own(
    self, action_spec: tensor_spec.BoundedTensorSpec, name: str
  ) -> own_network.OwnNetwork:
    """What a user's function makes, for a head of ours."""
    return own_network.OwnNetwork(
      self._config,
      self._encode.output_spec,
      action_spec,
      own_network.RequiredOutput(
        (None,), "features for our heads", may_train_statistics=False
      ),
      name=name,
    )

  def create_variables(self, input_tensor_spec=None, **kwargs):
    """Makes the weights; returns the spec of the output, without batch."""
    del input_tensor_spec, kwargs
    if self._config.network is not None:
      self._check_own(self._policy_torso, self._value_torso)
    self._network_output_spec = variables.make_by_zeros(self)
    return self._network_output_spec

  def _check_own(
    self, policy: own_network.OwnNetwork, value: own_network.OwnNetwork
  ) -> None:
    """Refuses what a user's function made, where it cannot be used."""
    policy.check()
    if value is not policy:
      value.check()
      own_network.check_apart(self._config, policy.variables, value.variables)

  def call(self, observation, step_type=None, network_state=(), training=False):
    """Computes the policy's parameters and the value.

    Args:
      observation: [B, ...] as the spec says.
      step_type: unused; agents pass it.
      network_state: unused; there is none.
      training: unused by these layers.

    Returns:
      (parameters as above, value [B] float32), and the empty state.
    """
    x = self._encode(observation)
    features = self._policy_torso(x)  # [B, H]
    parameters = self._parameters(
      self._policy_head(features), encoding.allowed_actions(observation)
    )
    if self._value_torso is not self._policy_torso:
      features = self._value_torso(x)  # [B, H]
    value = tf.squeeze(self._value_head(features), axis=1)  # [B]
    return (parameters, value), network_state

  def _parameters(
    self, x: tf.Tensor, allowed: tf.Tensor | None
  ) -> dict[str, tf.Tensor]:
    if self._is_gaussian:
      mean = tf.reshape(x, [-1, *self._action_shape])  # [B, ...]
      return {
        "mean": mean,
        "stddev": tf.zeros_like(mean) + tf.exp(self._log_std),
      }
    logits = tf.reshape(x, [-1, *self._action_shape, self._num_choices])
    if not self._possible.all():
      logits = tf.where(self._possible, logits, _IMPOSSIBLE)
    if allowed is not None:
      logits = tf.where(allowed, logits, _IMPOSSIBLE)
    return {"logits": logits}

  def update_normalization(self, observation: Any, weight: tf.Tensor) -> None:
    """Takes observations into the running statistics, if there are any.

    Args:
      observation: [N, ...] as the spec says.
      weight: [N] float32, 0 for observations that do not count.
    """
    self._encode.update_normalization(observation, weight)


def make_actor_critic_network(
  config: a2c_config.A2cConfig,
  observation_spec,
  action_spec,
  seed: int,
  num_frames: int = 1,
  keys: Mapping[str, str] | None = None,
) -> ActorCriticNetwork:
  """Makes a network with its weights.

  Args:
    config: the configuration of the layers, and of how their weights begin.
    observation_spec: the observation spec of one environment.
    action_spec: the action spec of one environment.
    seed: the seed of the initial weights.
    num_frames: the number of frames stacked in an observation.
    keys: see `ObservationEncoder.keys`.
  """
  with variables.drawn_from(seed):
    network = ActorCriticNetwork(
      observation_spec, action_spec, config, num_frames, keys
    )
    network.create_variables()
  return network
