"""The Q-network: from observations to one value per action."""

import tensorflow as tf
from tf_agents.networks import network
from tf_agents.specs import tensor_spec

from agents_pipeline.networks import encoding, initial_weights, torso

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
    conv_layers: tuple[tuple[int, int, int], ...] = (),
    hidden_layers: tuple[int, ...] = (64, 64),
    activation: str = "relu",
    batch_normalization: bool = False,
    dueling: bool = False,
    weights: str = "he_normal",
    num_frames: int = 1,
    name: str = "QNetwork",
  ):
    """Creates the layers; `create_variables` makes their weights.

    Args:
      input_tensor_spec: of one observation. uint8 is scaled to [0, 1] by its
        bounds, bounded int64 scalars one-hot encoded, the rest cast to float32.
      num_actions: A.
      conv_layers: (filters, kernel size, stride) of each, for images.
      hidden_layers: units of each.
      activation: a Keras activation's name.
      batch_normalization: see `torso.Torso`.
      dueling: two heads.
      weights: how they begin. "he_normal", as in TF-Agents' `QNetwork`: He et
        al. (2015) in hidden layers, U(-0.03, 0.03) in the heads, biases 0;
        "uniform", as in PyTorch: weights and biases U(-b, b), b = 1 / sqrt(fan
        in).
      num_frames: stacked in an observation, its first dimension if above 1.
      name: of the network.
    """
    super().__init__(input_tensor_spec, state_spec=(), name=name)
    hidden, heads = _INITIAL_WEIGHTS[weights]
    self._encode = encoding.encoder(input_tensor_spec, conv_layers, num_frames)
    self._torso = torso.Torso(
      conv_layers,
      hidden_layers,
      activation,
      hidden,
      batch_normalization,
    )
    self._advantage = heads.dense(num_actions)
    self._value = heads.dense(1) if dueling else None

  def create_variables(self, input_tensor_spec=None, **kwargs):
    """Makes the weights, by calling the network on zeros.

    TF-Agents calls it on random numbers, and those of uint8 overflow under
    NumPy 2.

    Returns:
      The spec of q [A].
    """
    del input_tensor_spec, kwargs
    spec = self.input_tensor_spec
    q_values, _ = self(tf.zeros([1, *spec.shape], spec.dtype))  # [1, A]
    self._network_output_spec = tf.TensorSpec(
      q_values.shape[1:], q_values.dtype
    )
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
