"""What lies between an observation and a network's heads."""

from collections.abc import Sequence

import tensorflow as tf

from agents_pipeline.networks import initial_weights, noisy


class Torso(tf.keras.layers.Layer):
  """Convolutions, if any, and hidden layers."""

  def __init__(
    self,
    conv_layers: tuple[tuple[int, int, int], ...],
    hidden_layers: tuple[int, ...],
    activation: str,
    layers: initial_weights.Layers,
    for_convolutions: Sequence[bool] = (True,),
    batch_normalization: bool = False,
    name: str = "torso",
  ):
    """Creates the layers.

    Args:
      conv_layers: (filters, kernel size, stride) of each convolution; their
        input is [B, H, W, C].
      hidden_layers: the units of each hidden layer.
      activation: the name of a Keras activation.
      layers: the makers of the layers.
      for_convolutions: whether each leaf of an observation goes through
        convolutions, which are its own.
      batch_normalization: whether hidden layers have batch normalization in
        place of a bias (Ioffe & Szegedy 2015).
      name: the name of the layer.
    """
    super().__init__(name=name)
    self._convolutions = [
      [
        layers.convolution(filters, kernel, stride, activation=activation)
        for filters, kernel, stride in conv_layers
        if convolves
      ]
      for convolves in for_convolutions
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

  def call(
    self,
    leaves: Sequence[tf.Tensor],
    training: bool = False,
    noise: noisy.Noise | None = None,
  ) -> tf.Tensor:
    """Computes features.

    Args:
      leaves: [B, ...] each, as `encoding.Encoder` gives them.
      training: whether batch normalization takes the statistics of this batch,
        and updates the running ones; else it takes the running ones.
      noise: the noise of hidden layers that are `noisy.NoisyDense`; None for no
        noise.

    Returns:
      [B, H] float32.
    """
    flat = []
    for x, convolutions in zip(leaves, self._convolutions, strict=True):
      for layer in convolutions:
        x = layer(x)  # [B, H, W, C]
      if convolutions:
        x = tf.reshape(x, [-1, x.shape[1:].num_elements()])  # [B, D]
      flat.append(x)
    x = flat[0] if len(flat) == 1 else tf.concat(flat, axis=1)  # [B, D]
    for layer in self._hidden:
      if isinstance(layer, noisy.NoisyDense):
        x = layer(x, noise)  # [B, H]
      else:
        x = layer(x, training=training)  # [B, H]
    return x
