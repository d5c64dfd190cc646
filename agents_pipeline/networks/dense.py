"""A dense layer whose products are fast in XLA on the CPU."""

from collections.abc import Callable

import tensorflow as tf
from tensorflow.python.ops import control_flow_util

_FEW = 8  # outputs of a head


class Dense(tf.keras.layers.Layer):
  """activation(x kernel^T + bias), with a kernel of [units, inputs].

  Keras' layer has the kernel the other way round. XLA on the CPU takes several
  microseconds more for each product with a narrow side, an observation of a few
  numbers or a head of a few actions, unless the batch is the last dimension of
  both factors and nothing has to be transposed for it: they were more than half
  of an iteration of DQN. Within XLA this layer therefore computes kernel x^T;
  the transpositions between one layer and the next cancel out.
  """

  def __init__(
    self,
    units: int,
    activation=None,
    *,
    use_bias: bool = True,
    kernel_initializer="glorot_uniform",
    bias_initializer="zeros",
    **kwargs,
  ):
    """Creates the layer; its weights come when it is first called.

    Args:
      units: the number of outputs, O.
      activation: an activation of Keras, or its name.
      use_bias: whether the layer has a bias.
      kernel_initializer: an initializer of Keras, or its name; it is asked for
        [inputs, units].
      bias_initializer: an initializer of Keras, or its name.
      **kwargs: further arguments of Keras' `Layer`.
    """
    super().__init__(**kwargs)
    self.units = units
    self.activation = tf.keras.activations.get(activation)
    self.use_bias = use_bias
    self.kernel_initializer = tf.keras.initializers.get(kernel_initializer)
    self.bias_initializer = tf.keras.initializers.get(bias_initializer)

  def build(self, input_shape) -> None:
    """Makes the weights.

    Args:
      input_shape: the shape of the inputs, [B, I].
    """
    self.kernel = self.add_weight(
      "kernel",
      [self.units, input_shape[-1]],
      initializer=lambda shape, dtype: tf.transpose(
        self.kernel_initializer(shape[::-1], dtype)
      ),
    )
    self.bias = None
    if self.use_bias:
      self.bias = self.add_weight(
        "bias", [self.units], initializer=self.bias_initializer
      )
    super().build(input_shape)

  def call(self, inputs: tf.Tensor) -> tf.Tensor:
    """Computes the layer.

    Args:
      inputs: [B, I] float32.

    Returns:
      [B, O] float32.
    """
    return affine(inputs, self.kernel, self.bias, self.activation)


def affine(
  inputs: tf.Tensor,
  kernel: tf.Tensor,
  bias: tf.Tensor | None,
  activation: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
) -> tf.Tensor:
  """activation(x kernel^T + bias), as `Dense` computes it.

  Args:
    inputs: x [B, I] float32.
    kernel: [O, I] float32.
    bias: [O] float32; None for no bias.
    activation: an activation of Keras.

  Returns:
    [B, O] float32.
  """
  # A batch of one is fast either way.
  if inputs.shape[0] != 1 and is_within_xla():
    outputs = tf.matmul(kernel, tf.transpose(inputs))  # [O, B]
    if bias is not None:
      outputs = _plus_bias(outputs, tf.convert_to_tensor(bias))
    if activation is tf.keras.activations.softmax:  # over the units
      return activation(_batch_first(outputs))
    return _batch_first(activation(outputs))
  outputs = tf.matmul(inputs, kernel, transpose_b=True)  # [B, O]
  if bias is not None:
    outputs = tf.nn.bias_add(outputs, bias)
  return activation(outputs)


@tf.custom_gradient
def _plus_bias(outputs: tf.Tensor, bias: tf.Tensor):
  """[O, B] + [O].

  The bias's gradient is a sum over the batch, which XLA does a number at a
  time. The same as a product takes a third of it, or less.
  """

  def gradients(upstream):
    ones = tf.ones(tf.shape(upstream)[1:], upstream.dtype)  # [B]
    return upstream, tf.linalg.matvec(upstream, ones)

  return outputs + bias[:, None], gradients


def _batch_first(x: tf.Tensor) -> tf.Tensor:
  """[O, B] -> [B, O]."""
  if x.shape[0] > _FEW:
    return tf.transpose(x)
  # XLA would make a transposed gradient a part of the products it goes into.
  return tf.stack(tf.unstack(x), axis=1)


def is_within_xla() -> bool:
  """Whether what is being traced becomes part of an XLA program."""
  return not tf.executing_eagerly() and (
    control_flow_util.GraphOrParentsInXlaContext(
      tf.compat.v1.get_default_graph()
    )
  )
