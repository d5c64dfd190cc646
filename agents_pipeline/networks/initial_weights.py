"""Layers by how their weights begin."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from agents_pipeline.networks import convolution, dense


def _draw_uniformly(layer: tf.keras.layers.Layer, fan_in: int) -> None:
  bound = float(1.0 / np.sqrt(fan_in))
  # One initializer each: a single one may draw the same numbers twice.
  layer.kernel_initializer = tf.keras.initializers.RandomUniform(-bound, bound)
  layer.bias_initializer = tf.keras.initializers.RandomUniform(-bound, bound)


class _UniformDense(dense.Dense):
  def build(self, input_shape):
    _draw_uniformly(self, input_shape[-1])
    super().build(input_shape)


class _UniformConvolution(convolution.Convolution):
  def build(self, input_shape):
    _draw_uniformly(self, input_shape[-1] * np.prod(self.kernel_size))
    super().build(input_shape)


class Layers(NamedTuple):
  """Makes layers whose weights begin in one way.

  Attributes:
    dense: a function that makes a dense layer, with the arguments of Keras'
      `Dense`.
    convolution: a function that makes a convolution, with the arguments of
      Keras' `Conv2D`.
  """

  dense: Callable[..., tf.keras.layers.Layer]
  convolution: Callable[..., tf.keras.layers.Layer]


def drawn_by(make_initializer: Callable) -> Layers:
  """Layers whose kernels an initializer draws, with biases of 0.

  Args:
    make_initializer: a function that makes an initializer for each layer: a
      single one would give all layers of a shape the same weights.
  """
  return Layers(
    lambda *args, **kwargs: dense.Dense(
      *args, kernel_initializer=make_initializer(), **kwargs
    ),
    lambda *args, **kwargs: convolution.Convolution(
      *args, kernel_initializer=make_initializer(), **kwargs
    ),
  )


# Kernels and biases U(-b, b) with b = 1 / sqrt(fan in), as PyTorch's layers.
UNIFORM = Layers(_UniformDense, _UniformConvolution)
