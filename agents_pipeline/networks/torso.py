"""What lies between an observation and a network's heads."""

import tensorflow as tf


class Torso(tf.keras.layers.Layer):
  """Convolutions, if any, and hidden layers; orthogonal initial weights.

  Saxe, McClelland & Ganguli (2014); biases begin at 0.
  """

  def __init__(
    self,
    observation_spec,
    conv_layers: tuple[tuple[int, int, int], ...],
    hidden_layers: tuple[int, ...],
    activation: str,
    gain: float,
    name: str = "torso",
  ):
    """Creates the layers.

    Args:
      observation_spec: of one observation; [H, W] or [H, W, C] if there are
        convolutions.
      conv_layers: (filters, kernel size, stride) of each.
      hidden_layers: units of each.
      activation: a Keras activation's name.
      gain: of the initial weights.
      name: of the layer.

    Raises:
      ValueError: convolutions of what is no image.
    """
    super().__init__(name=name)
    if conv_layers and observation_spec.shape.rank not in (2, 3):
      raise ValueError(
        "convolutions take observations [H, W] or [H, W, C], not "
        f"{observation_spec.shape.as_list()}"
      )
    self._spec = observation_spec
    # One initializer gives every layer of a shape the same weights.
    made = lambda: {
      "activation": activation,
      "kernel_initializer": tf.keras.initializers.Orthogonal(gain),
    }
    self._convolutions = [
      tf.keras.layers.Conv2D(filters, kernel, stride, **made())
      for filters, kernel, stride in conv_layers
    ]
    self._hidden = [
      tf.keras.layers.Dense(units, **made()) for units in hidden_layers
    ]

  def call(self, x: tf.Tensor) -> tf.Tensor:
    """Computes features.

    Args:
      x: [B, ...] observations, as `encoding` gives them.

    Returns:
      [B, H] float32.
    """
    for layer in self._convolutions:
      x = layer(x)  # [B, H, W, C]
    if self._convolutions:
      x = tf.reshape(x, [-1, x.shape[1:].num_elements()])  # [B, D]
    for layer in self._hidden:
      x = layer(x)  # [B, H]
    return x
