"""What lies between an observation and a network's heads."""

import tensorflow as tf

from agents_pipeline.networks import initial_weights


class Torso(tf.keras.layers.Layer):
  """Convolutions, if any, and hidden layers."""

  def __init__(
    self,
    conv_layers: tuple[tuple[int, int, int], ...],
    hidden_layers: tuple[int, ...],
    activation: str,
    layers: initial_weights.Layers,
    batch_normalization: bool = False,
    name: str = "torso",
  ):
    """Creates the layers.

    Args:
      conv_layers: (filters, kernel size, stride) of each; their input is
        [B, H, W, C].
      hidden_layers: units of each.
      activation: a Keras activation's name.
      layers: makes them.
      batch_normalization: hidden layers have that in place of a bias (Ioffe &
        Szegedy 2015).
      name: the name of the layer.
    """
    super().__init__(name=name)
    self._convolutions = [
      layers.convolution(filters, kernel, stride, activation=activation)
      for filters, kernel, stride in conv_layers
    ]
    self._hidden = []
    for units in hidden_layers:
      if batch_normalization:
        self._hidden += [
          layers.dense(units, use_bias=False),
          tf.keras.layers.BatchNormalization(),
          tf.keras.layers.Activation(activation),
        ]
      else:
        self._hidden.append(layers.dense(units, activation))

  def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
    """Computes features.

    Args:
      x: [B, ...] observations, as `encoding` gives them.
      training: normalize by the statistics of this batch, and take them into
        the running ones; else by the running ones.

    Returns:
      [B, H] float32.
    """
    for layer in self._convolutions:
      x = layer(x)  # [B, H, W, C]
    if self._convolutions:
      x = tf.reshape(x, [-1, x.shape[1:].num_elements()])  # [B, D]
    for layer in self._hidden:
      x = layer(x, training=training)  # [B, H]
    return x
