"""Packed fields: which ones, and that nothing of them is lost."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.ops import packing

EXACT = 2**24  # float32 has every whole number up to here


def bounded(dtype, low, high, shape=()):
  return tensor_spec.BoundedTensorSpec(shape, dtype, low, high)


STEP_TYPE = tf.TensorSpec((), tf.int32)
OBSERVATION = tf.TensorSpec((2, 3), tf.float32)
IMAGE = bounded(tf.uint8, 0, 255, (12, 12))
ACTION = bounded(tf.int64, 0, 3)
COUNT = tf.TensorSpec((), tf.int64)  # without bounds
REWARD = tf.TensorSpec((), tf.float32)
LARGE = bounded(tf.int64, 0, EXACT + 1)
FIELDS = [STEP_TYPE, OBSERVATION, IMAGE, ACTION, COUNT, REWARD, LARGE]


def draw(spec, leading, seed):
  """Of the whole range of a field; half of the integers are its ends."""
  rng = np.random.default_rng(seed)
  shape = (*leading, *spec.shape)
  if spec.dtype == tf.float32:
    return tf.constant(rng.normal(size=shape), tf.float32)
  limit = EXACT if spec is STEP_TYPE else 2**62
  low = getattr(spec, "minimum", -limit)
  high = getattr(spec, "maximum", limit)
  numbers = rng.integers(low, high, shape, np.int64, endpoint=True)
  ends = np.where(rng.random(shape) < 0.5, low, high)
  return tf.constant(
    np.where(rng.random(shape) < 0.5, numbers, ends), spec.dtype
  )


def draw_all(specs, *leading):
  return [draw(spec, leading, seed) for seed, spec in enumerate(specs)]


def assert_same(found, expected):
  assert [x.dtype for x in found] == [x.dtype for x in expected]
  assert [x.shape for x in found] == [x.shape for x in expected]
  for one, other in zip(found, expected, strict=True):
    np.testing.assert_array_equal(one, other)


def is_packed(spec):
  """Whether it goes where a reward goes; else there are two tables."""
  return len(packing.Packing([REWARD, spec]).specs) == 1


def test_rows_come_back_as_they_were(compiled):
  packed_fields = packing.Packing(FIELDS)
  fields = draw_all(FIELDS, 50)  # [N]
  packed = compiled(packed_fields.pack)(fields)
  for x, spec in zip(packed, packed_fields.specs, strict=True):
    assert (x.dtype, x.shape) == (spec.dtype, (50, *spec.shape))
  assert_same(compiled(packed_fields.unpack)(packed), fields)


def test_windows_of_rows_come_back_as_they_were(compiled):
  packed_fields = packing.Packing(FIELDS)
  fields = draw_all(FIELDS, 50)
  rows = np.random.default_rng(0).integers(0, 50, (4, 3))  # [S, T]
  windows = [tf.gather(x, rows) for x in packed_fields.pack(fields)]
  assert_same(
    compiled(packed_fields.unpack)(windows),
    [tf.gather(x, rows) for x in fields],
  )


def test_small_fields_become_one_and_the_others_follow():
  specs = packing.Packing(FIELDS).specs
  assert [(s.shape, s.dtype) for s in specs] == [
    ((1 + 6 + 1 + 1,), tf.float32),
    ((12, 12), tf.uint8),
    ((), tf.int64),
    ((), tf.int64),
  ]
  # Plain ones: a variable is made of them.
  assert {type(s) for s in specs} == {tf.TensorSpec}


@pytest.mark.parametrize(
  ("spec", "expected"),
  [
    (tf.TensorSpec((), tf.float32), True),
    (bounded(tf.float32, -1e30, 1e30), True),
    (tf.TensorSpec((128,), tf.float32), True),
    (tf.TensorSpec((8, 16), tf.float32), True),
    (tf.TensorSpec((129,), tf.float32), False),
    (tf.TensorSpec((3, 43), tf.float32), False),
    (bounded(tf.uint8, 0, 255, (84, 84)), False),
    (tf.TensorSpec((12, 12), tf.uint8), False),
    (tf.TensorSpec((), tf.int32), True),  # a step's type
    (tf.TensorSpec((), tf.int64), False),
    (tf.TensorSpec((), tf.uint8), False),
    (bounded(tf.int64, 0, 1), True),
    (bounded(tf.int64, -EXACT, EXACT, (5,)), True),
    (bounded(tf.int64, 0, EXACT + 1), False),
    (bounded(tf.int64, -EXACT - 1, 0), False),
    (bounded(tf.int64, [0, 0], [1, EXACT + 1], (2,)), False),
    (bounded(tf.int64, [0, -EXACT - 1], [1, 1], (2,)), False),
    (bounded(tf.int32, 0, EXACT), True),
    (bounded(tf.int32, 0, EXACT + 1), False),
    (bounded(tf.int64, np.iinfo(np.int64).min, 0), False),
    (bounded(tf.int64, 0, np.iinfo(np.int64).max), False),
    (bounded(tf.int32, np.iinfo(np.int32).min, 0), False),
    (bounded(tf.int32, 0, np.iinfo(np.int32).max), False),
    (bounded(tf.int8, -128, 127, (3,)), False),
    (bounded(tf.uint8, 0, 255, (3,)), False),
    (tf.TensorSpec((), tf.float64), False),
    (tf.TensorSpec((), tf.bool), False),
  ],
)
def test_what_float32_holds_exactly_is_packed(spec, expected):
  assert is_packed(spec) == expected


def test_the_ends_of_what_is_packed_are_exact():
  ends = bounded(tf.int64, -EXACT, EXACT)
  packed_fields = packing.Packing([ends])
  fields = [tf.constant([-EXACT, 1 - EXACT, EXACT - 1, EXACT], tf.int64)]
  (packed,) = packed_fields.pack(fields)
  assert packed.dtype == tf.float32
  assert_same(packed_fields.unpack([packed]), fields)


def test_fields_apart_stay_their_own():
  packed_fields = packing.Packing([STEP_TYPE, OBSERVATION, REWARD], apart=[1])
  assert [(s.shape, s.dtype) for s in packed_fields.specs] == [
    ((2,), tf.float32), ((2, 3), tf.float32)
  ]  # fmt: skip
  fields = draw_all([STEP_TYPE, OBSERVATION, REWARD], 7)
  packed = packed_fields.pack(fields)
  np.testing.assert_array_equal(packed[1], fields[1])
  assert_same(packed_fields.unpack(packed), fields)


def test_table_and_column_tell_where_a_field_is():
  packed_fields = packing.Packing(FIELDS)
  fields = draw_all(FIELDS, 9)
  packed = packed_fields.pack(fields)
  tables = {i: packed_fields.table(i) for i in (2, 4, 6)}
  assert tables == {2: 1, 4: 2, 6: 3}
  for i, table in tables.items():
    np.testing.assert_array_equal(packed[table], fields[i])
  columns = {i: packed_fields.column(i) for i in (0, 3, 5)}
  assert columns == {0: 0, 3: 7, 5: 8}
  for i, column in columns.items():
    np.testing.assert_array_equal(packed[0][:, column], fields[i])
  # Of more than a number, the first.
  np.testing.assert_array_equal(
    packed[0][:, packed_fields.column(1)], fields[1][:, 0, 0]
  )


def test_where_nothing_is_packed_fields_stay_as_they_are():
  specs = [IMAGE, COUNT]
  packed_fields = packing.Packing(specs)
  assert [(s.shape, s.dtype) for s in packed_fields.specs] == [
    ((12, 12), tf.uint8), ((), tf.int64)
  ]  # fmt: skip
  assert [packed_fields.table(i) for i in range(2)] == [0, 1]
  fields = draw_all(specs, 5)
  assert_same(packed_fields.pack(fields), fields)
  assert_same(packed_fields.unpack(fields), fields)


def test_where_all_is_packed_there_is_one_table(compiled):
  specs = [STEP_TYPE, OBSERVATION, ACTION]
  packed_fields = packing.Packing(specs)
  fields = draw_all(specs, 5)
  (packed,) = compiled(packed_fields.pack)(fields)
  assert packed.shape == (5, 8)
  assert_same(compiled(packed_fields.unpack)([packed]), fields)


def test_arrays_are_packed_as_tensors_are():
  """Python's side of the bridge; nothing shares memory with what it got."""
  packed_fields = packing.Packing(FIELDS)
  fields = draw_all(FIELDS, 5)
  arrays = [x.numpy() for x in fields]
  packed = packed_fields.pack_arrays(arrays)
  for array, tensor in zip(packed, packed_fields.pack(fields), strict=True):
    assert array.dtype == tensor.dtype.as_numpy_dtype
    np.testing.assert_array_equal(array, tensor)
  assert not any(np.shares_memory(a, p) for a in arrays for p in packed)
  own = packing.Packing([IMAGE])
  (copy,) = own.pack_arrays([arrays[2]])
  np.testing.assert_array_equal(copy, arrays[2])
