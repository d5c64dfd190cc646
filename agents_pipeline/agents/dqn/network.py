"""The Q-network: from observations to one value per action."""

import tensorflow as tf
from tf_agents.networks import network
from tf_agents.specs import tensor_spec

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
    input_tensor_spec: tensor_spec.BoundedTensorSpec,
    num_actions: int,
    config: dqn_config.DqnConfig,
    num_frames: int = 1,
    name: str = "QNetwork",
  ):
    """Creates the layers; `create_variables` makes their weights.

    Args:
      input_tensor_spec: of one observation. uint8 is scaled to [0, 1] by its
        bounds, bounded int64 scalars one-hot encoded, the rest cast to float32.
      num_actions: A.
      config: its layers, and how their weights begin.
      num_frames: stacked in an observation, its first dimension if above 1.
      name: the name of the network.
    """
    super().__init__(input_tensor_spec, state_spec=(), name=name)
    hidden, heads = _INITIAL_WEIGHTS[config.initial_weights]
    self._encode = encoding.encoder(
      input_tensor_spec, tuple(config.conv_layers), num_frames
    )
    self._torso = torso.Torso(
      tuple(config.conv_layers),
      tuple(config.hidden_layers),
      config.activation,
      hidden,
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
      observation: [B, ...] as the spec says.
      step_type: unused; agents pass it.
      network_state: unused; there is none.
      training: for batch normalization; see `torso.Torso`.

    Returns:
      q [B, A] float32, and the empty state.
    """
    x = self._torso(self._encode(observation), training)  # [B, H]
    advantage = self._advantage(x)  # [B, A]
    if self._value is None:
      return advantage, network_state
    advantage -= tf.reduce_mean(advantage, axis=1, keepdims=True)
    return self._value(x) + advantage, network_state


def make_q_network(
  config: dqn_config.DqnConfig,
  observation_spec,
  action_spec,
  seed: int,
  num_frames: int = 1,
) -> QNetwork:
  """Makes a Q-network with its weights.

  Args:
    config: its layers.
    observation_spec: the observation spec of one environment.
    action_spec: the action spec of one environment, numbered from 0.
    seed: the seed of the initial weights.
    num_frames: stacked in an observation.
  """
  tf.keras.utils.set_random_seed(seed)
  num_actions = int(action_spec.maximum) + 1
  network = QNetwork(observation_spec, num_actions, config, num_frames)
  network.create_variables()
  return network
