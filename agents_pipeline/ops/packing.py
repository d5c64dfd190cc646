"""Packs small fields into one float32 tensor."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec

_EXACT = 2**24  # whole numbers up to here are float32's
_MAX_NUMBERS = 128  # of a field that is packed


class Packing:
  """Joins small fields that float32 holds exactly into one row of float32.

  Reading and writing cost per operation, not per number, so a step with a flat
  observation should be one tensor. Images, and fields of other types, stay
  tensors of their own.
  """

  def __init__(self, specs: Sequence[tf.TensorSpec], apart: Sequence[int] = ()):
    """Decides which fields are packed.

    Args:
      specs: the spec of each field; integers may have bounds.
      apart: indices of fields that stay tensors of their own.
    """
    self._fields = list(specs)
    self._packed = [
      i
      for i, spec in enumerate(self._fields)
      if i not in apart and _is_packable(spec)
    ]
    self._unpacked = [i for i in range(len(specs)) if i not in self._packed]
    self._sizes = [self._fields[i].shape.num_elements() for i in self._packed]
    self._columns = [
      (i, *_columns(self._fields[i].shape, self.column(i)))
      for i in self._packed
    ]

  @property
  def specs(self) -> list[tf.TensorSpec]:
    """Specs of the numbers, if any, and of the unpacked fields."""
    own = [
      tf.TensorSpec(self._fields[i].shape, self._fields[i].dtype)
      for i in self._unpacked
    ]
    if not self._packed:
      return own
    return [tf.TensorSpec([sum(self._sizes)], tf.float32), *own]

  def table(self, index: int) -> int:
    """Index in `specs` of an unpacked field."""
    return bool(self._packed) + self._unpacked.index(index)

  def column(self, index: int) -> int:
    """First column of a packed field."""
    return sum(self._sizes[: self._packed.index(index)])

  def pack(self, fields: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Packs fields [N, ...]."""
    own = [fields[i] for i in self._unpacked]
    if not self._packed:
      return own
    columns = [
      tf.reshape(tf.cast(fields[i], tf.float32), [-1, size])
      for i, size in zip(self._packed, self._sizes, strict=True)
    ]
    return [tf.concat(columns, axis=1), *own]

  def pack_arrays(self, fields: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Packs NumPy's arrays [N, ...]; the results share no memory with them."""
    own = [fields[i].copy() for i in self._unpacked]
    if not self._packed:
      return own
    numbers: np.ndarray = np.empty(
      (len(fields[0]), sum(self._sizes)), np.float32
    )
    for i, columns, shape in self._columns:
      field = fields[i]
      numbers[:, columns] = field if shape is None else field.reshape(shape)
    return [numbers, *own]

  def unpack(self, packed: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The fields again, with any leading dimensions."""
    numbers, own = packed[: bool(self._packed)], packed[bool(self._packed) :]
    fields = self.unpack_columns(*numbers)
    for i, field in zip(self._unpacked, own, strict=True):
      fields[i] = field
    return fields

  def unpack_columns(self, numbers: tf.Tensor | None = None) -> list:
    """All fields, but only the packed ones are filled in; others are None."""
    fields: list = [None] * len(self._fields)
    if numbers is None:
      return fields
    parts = tf.split(numbers, self._sizes, axis=-1)
    for i, part in zip(self._packed, parts, strict=True):
      spec = self._fields[i]
      shape = [*numbers.shape[:-1], *spec.shape]
      fields[i] = tf.cast(tf.reshape(part, shape), spec.dtype)
    return fields


def _columns(shape: tf.TensorShape, first: int) -> tuple:
  """The columns of a field, and the shape to assign it in; None for its own."""
  if shape.rank == 0:
    return first, None
  size = shape.num_elements()
  return slice(first, first + size), None if shape.rank == 1 else (-1, size)


def _is_packable(spec: tf.TensorSpec) -> bool:
  shape = spec.shape
  if shape.num_elements() > _MAX_NUMBERS:
    return False
  if spec.dtype == tf.float32:
    return True
  if spec.dtype not in (tf.int32, tf.int64) or shape.rank > 1:
    return False
  if not isinstance(spec, tensor_spec.BoundedTensorSpec):
    return spec.dtype == tf.int32 and shape.rank == 0  # the type of a step
  return bool(
    np.all(spec.minimum >= -_EXACT) and np.all(spec.maximum <= _EXACT)
  )
