"""The Q-network: from observations to one value per action."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tf_agents.networks import network

from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.networks import (
  encoding,
  initial_weights,
  torso,
  variables,
)

# Name -> the hidden layers and the heads.
_INITIAL_WEIGHTS = {
  "he_normal": (
    initial_weights.drawn_by(tf.keras.initializers.HeNormal),
    initial_weights.drawn_by(
      lambda: tf.keras.initializers.RandomUniform(-0.03, 0.03)
    ),
  ),
  "uniform": (initial_weights.UNIFORM, initial_weights.UNIFORM),
}


class QNetwork(network.Network):
  """Convolutions, hidden layers, and one or, if dueling, two heads.

  Dueling, Wang et al. (2016) equation 9:

    q(s, a) = v(s) + adv(s, a) - mean_a' adv(s, a')
  """

  def __init__(
    self,
    input_tensor_spec: Any,
    num_actions: int,
    config: dqn_config.DqnConfig,
    num_frames: int = 1,
    keys: Mapping[str, str] | None = None,
    name: str = "QNetwork",
  ):
    """Creates the layers; `create_variables` makes their weights.

    Args:
      input_tensor_spec: of one observation, or of each leaf by name.
      num_actions: A.
      config: its layers, and how their weights begin.
      num_frames: stacked in an observation, its first dimension if above 1.
      keys: see `ObservationEncoder.keys`.
      name: the name of the network.
    """
    super().__init__(input_tensor_spec, state_spec=(), name=name)
    hidden, heads = _INITIAL_WEIGHTS[config.initial_weights]
    conv_layers = tuple(config.conv_layers or ())
    self._encode = encoding.Encoder(
      input_tensor_spec,
      conv_layers,
      num_frames,
      keys,
      config.normalize_observations,
    )
    self._torso = torso.Torso(
      conv_layers,
      tuple(config.hidden_layers),
      config.activation,
      hidden,
      self._encode.for_convolutions,
      config.batch_normalization,
    )
    self._advantage = heads.dense(num_actions)
    self._value = heads.dense(1) if config.dueling else None

  def create_variables(self, input_tensor_spec=None, **kwargs):
    """Makes the weights; returns the spec of the output, without batch."""
    del input_tensor_spec, kwargs
    self._network_output_spec = variables.make_by_zeros(self)
    return self._network_output_spec

  def call(self, observation, step_type=None, network_state=(), training=False):
    """Computes q.

    Args:
      observation: [B, ...] as the spec says. An action that it does not allow
        has the lowest q that there is, so that nothing ever chooses it.
      step_type: unused; agents pass it.
      network_state: unused; there is none.
      training: for batch normalization; see `torso.Torso`.

    Returns:
      q [B, A] float32, and the empty state.
    """
    x = self._torso(self._encode(observation), training)  # [B, H]
    q = self._advantage(x)  # [B, A]
    if self._value is not None:
      q = self._value(x) + (q - tf.reduce_mean(q, axis=1, keepdims=True))
    allowed = encoding.allowed_actions(observation)
    if allowed is not None:
      q = tf.where(allowed, q, q.dtype.min)
    return q, network_state

  def update_normalization(self, observation: Any, weight: tf.Tensor) -> None:
    """Takes observations into the running statistics, if there are any.

    Args:
      observation: [N, ...] as the spec says.
      weight: [N] float32, 0 for those that do not count.
    """
    self._encode.update_normalization(observation, weight)


def make_q_network(
  config: dqn_config.DqnConfig,
  observation_spec,
  action_spec,
  seed: int,
  num_frames: int = 1,
  keys: Mapping[str, str] | None = None,
) -> QNetwork:
  """Makes a Q-network with its weights.

  Args:
    config: its layers.
    observation_spec: the observation spec of one environment.
    action_spec: the action spec of one environment, numbered from 0.
    seed: the seed of the initial weights.
    num_frames: stacked in an observation.
    keys: see `ObservationEncoder.keys`.
  """
  tf.keras.utils.set_random_seed(seed)
  num_actions = int(action_spec.maximum) + 1
  network = QNetwork(observation_spec, num_actions, config, num_frames, keys)
  network.create_variables()
  return network
