"""Static checks of arguments, which broadcasting would hide."""

import tensorflow as tf


def check_same(*tensors: tf.Tensor, rank: int = 2) -> None:
  """Compares the shapes of tensors when a function is traced.

  Args:
    *tensors: the tensors, which must have one shape.
    rank: the number of dimensions of that shape.

  Raises:
    ValueError: a tensor has another shape, or another rank.
  """
  first = tf.TensorShape(tensors[0].shape)
  for tensor in tensors:
    shape = tf.TensorShape(tensor.shape)
    shape.assert_has_rank(rank)
    shape.assert_is_compatible_with(first)
