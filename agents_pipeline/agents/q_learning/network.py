"""The Q-network: from observations to a value, or distribution, per action."""

import functools
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tf_agents.networks import network
from tf_agents.specs import tensor_spec

from agents_pipeline.agents.q_learning import config as q_config
from agents_pipeline.agents.q_learning import distributions
from agents_pipeline.networks import (
  encoding,
  initial_weights,
  noisy,
  own_network,
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

  With `config.network`, the layers that the user's function makes instead: from
  an encoded observation to q.

  Dueling, Wang et al. (2016) equation 9:

    q(s, a) = v(s) + adv(s, a) - mean_a' adv(s, a')

  Where the agent learns distributions of returns, the heads give N numbers in
  place of one, dueling holds for each of them (Hessel et al. 2018, section 4),
  and q is the expectation.

  With `config.noisy`, all layers but convolutions are `noisy.NoisyDense`, as in
  Fortunato et al. (2018) and Rainbow. Only `predict` with a `noise` draws any;
  evaluations and exports pass none.

  Attributes:
    distribution: what the N numbers parameterize; None if the heads give q.
  """

  def __init__(
    self,
    input_tensor_spec: Any,
    num_actions: int,
    config: q_config.QLearningConfig,
    num_frames: int = 1,
    keys: Mapping[str, str] | None = None,
    name: str = "QNetwork",
  ):
    """Creates the layers; `create_variables` makes their weights.

    Args:
      input_tensor_spec: the spec of one observation, or of each leaf by name.
      num_actions: the number of actions, A.
      config: the configuration of the layers, and of how their weights begin.
      num_frames: the number of frames stacked in an observation, its first
        dimension if above 1.
      keys: see `ObservationEncoder.keys`.
      name: the name of the network.
    """
    super().__init__(input_tensor_spec, state_spec=(), name=name)
    hidden, heads = _INITIAL_WEIGHTS[config.initial_weights]
    if config.noisy:
      make = functools.partial(noisy.NoisyDense, sigma_0=config.noisy_sigma_0)
      hidden, heads = (kind._replace(dense=make) for kind in (hidden, heads))
    conv_layers = tuple(config.conv_layers or ())
    self._encode = encoding.Encoder(
      input_tensor_spec,
      conv_layers,
      num_frames,
      keys,
      config.normalize_observations,
      keeps_shapes=config.network is not None,
    )
    self.distribution = config.make_distribution()
    num_outputs = config.num_outputs_per_action
    self._own = None
    if config.network is not None:
      self._own = self._make_own(config, num_actions)
      return
    self._torso = torso.Torso(
      conv_layers,
      tuple(config.hidden_layers),
      config.activation,
      hidden,
      self._encode.for_convolutions,
      config.batch_normalization,
    )
    self._advantage = heads.dense(num_actions * num_outputs)
    self._value = heads.dense(num_outputs) if config.dueling else None

  def _make_own(
    self, config: q_config.QLearningConfig, num_actions: int
  ) -> own_network.OwnNetwork:
    """What a user's function makes: gives q, or N numbers, for each action."""
    shape: tuple[int | None, ...] = (num_actions,)
    meaning = "q of each action"
    if self.distribution is not None:
      shape += (self.distribution.num_atoms,)
      meaning = f"what {config.agent_name} learns of each action"
    action_spec = tensor_spec.BoundedTensorSpec(
      (), tf.int64, 0, num_actions - 1, "action"
    )
    return own_network.OwnNetwork(
      config,
      self._encode.output_spec,
      action_spec,
      own_network.RequiredOutput(shape, meaning, may_train_statistics=True),
    )

  def create_variables(self, input_tensor_spec=None, **kwargs):
    """Makes the weights; returns the spec of the output, without batch."""
    del input_tensor_spec, kwargs
    if self._own is not None:
      self._own.check()
    self._network_output_spec = variables.make_by_zeros(self)
    return self._network_output_spec

  def call(self, observation, step_type=None, network_state=(), training=False):
    """Computes q.

    Args:
      observation: [B, ...] as the spec says. An action that it does not allow
        has the lowest q that there is, so that nothing ever chooses it.
      step_type: unused; agents pass it.
      network_state: unused; there is none.
      training: whether batch normalization uses the batch's statistics; see
        `torso.Torso`.

    Returns:
      q [B, A] float32, and the empty state.
    """
    return self.predict(observation, training)[0], network_state

  def predict(
    self,
    observation: Any,
    training: bool = False,
    noise: noisy.Noise | None = None,
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes q and what it is the expectation of.

    Args:
      observation: see `call`.
      training: see `call`.
      noise: the noise of a noisy network's layers; None for no noise.

    Returns:
      q [B, A] float32, and the parameters [B, A, N] of the distribution of each
      action's return, allowed or not; without distributions, q [B, A].
    """
    outputs = self._outputs(self._encode(observation), training, noise)
    q = outputs
    if self.distribution is not None:
      q = distributions.expectation(self.distribution, outputs)  # [B, A]
    allowed = encoding.allowed_actions(observation)
    if allowed is not None:
      q = tf.where(allowed, q, q.dtype.min)
    return q, outputs

  def _outputs(
    self, leaves: list[tf.Tensor], training: bool, noise: noisy.Noise | None
  ) -> tf.Tensor:
    """q [B, A] of encoded observations, or N numbers [B, A, N]."""
    if self._own is not None:
      return self._own(leaves, training)
    x = self._torso(leaves, training, noise)  # [B, H]
    noises = () if noise is None else (noise,)
    outputs = self._split_atoms(self._advantage(x, *noises))  # [B, A (, N)]
    if self._value is not None:
      value = self._split_atoms(self._value(x, *noises))  # [B, 1 (, N)]
      mean = tf.reduce_mean(outputs, axis=1, keepdims=True)
      outputs = value + (outputs - mean)
    return outputs

  def _split_atoms(self, outputs: tf.Tensor) -> tf.Tensor:
    """What a head gives, [B, A N], as [B, A, N]; q [B, A] as it is."""
    if self.distribution is None:
      return outputs
    num_atoms = self.distribution.num_atoms
    return tf.reshape(outputs, [-1, outputs.shape[1] // num_atoms, num_atoms])

  def update_normalization(self, observation: Any, weight: tf.Tensor) -> None:
    """Takes observations into the running statistics, if there are any.

    Args:
      observation: [N, ...] as the spec says.
      weight: [N] float32, 0 for observations that do not count.
    """
    self._encode.update_normalization(observation, weight)


def make_q_network(
  config: q_config.QLearningConfig,
  observation_spec,
  action_spec,
  seed: int,
  num_frames: int = 1,
  keys: Mapping[str, str] | None = None,
) -> QNetwork:
  """Makes a Q-network with its weights.

  Args:
    config: the configuration of the layers, and of how their weights begin.
    observation_spec: the observation spec of one environment.
    action_spec: the action spec of one environment, numbered from 0.
    seed: the seed of the initial weights.
    num_frames: the number of frames stacked in an observation.
    keys: see `ObservationEncoder.keys`.
  """
  num_actions = int(action_spec.maximum) + 1
  with variables.drawn_from(seed):
    network = QNetwork(observation_spec, num_actions, config, num_frames, keys)
    network.create_variables()
  return network
