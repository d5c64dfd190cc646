"""Where rows are, before and after their ring is full."""

import numpy as np
import tensorflow as tf

from agents_pipeline.replay import rings


def make(num_rows):
  """Two rings that keep 3 rows, of 5; the second has one row less."""
  made = rings.Rings(2, 3, num_spare_rows=2)
  for count in num_rows:
    made.advance(tf.constant([count, count - 1]))
  return made


def test_no_more_rows_are_kept_than_fit():
  assert make([]).num_kept().numpy().tolist() == [0, 0]
  assert make([2]).num_kept().numpy().tolist() == [2, 1]
  assert make([2, 9]).num_kept().numpy().tolist() == [3, 3]


def test_rows_from_the_head_wrap_around_within_their_ring(compiled):
  found = compiled(make([4]).rows_from_head)
  # The heads are at 4 of the first ring, and at 3 of the second, from row 5.
  assert found(0).numpy().tolist() == [4, 8]
  assert found(1).numpy().tolist() == [0, 9]
  assert found(2).numpy().tolist() == [1, 5]
  assert found(-4).numpy().tolist() == [0, 9]


def test_the_newest_row_has_age_1(compiled):
  made = make([6])  # the heads are at 1 and 0
  env = tf.constant([0, 0, 1])
  age = tf.constant([1, 3, 1])
  place = compiled(lambda: made.places(env, age))()
  assert place.numpy().tolist() == [0, -2, -1]
  rows = compiled(lambda: made.rows(env, place))()
  assert rows.numpy().tolist() == [0, 3, 9]
  assert made.table_length == 10


def test_starts_of_windows_are_as_old_as_their_steps():
  """Three rows, of the ages 1 to 3."""
  assert make([9]).num_starts(1).numpy().tolist() == [3, 3]
  assert make([9]).num_starts(2).numpy().tolist() == [2, 2]
  assert make([2]).num_starts(2).numpy().tolist() == [1, 0]


def test_a_row_is_kept_until_its_head_is_three_rows_further(compiled):
  """Heads at 12 and 11: rows 7 to 11 at places 2, 3, 4, 0, 1, and 6 to 10."""
  made = make([12])
  row = tf.constant([1, 2, 0, 5, 6, 9])

  def find():
    env, place = made.places_of(row)
    return env, place, made.kept_until(made.heads(), env, place)

  env, place, until = compiled(find)()
  assert env.numpy().tolist() == [0, 0, 0, 1, 1, 1]
  assert place.numpy().tolist() == [1, 2, 0, 0, 1, 4]
  assert until.numpy().tolist() == [14, 10, 13, 13, 9, 12]
  np.testing.assert_array_equal(made.rows(env, place), row)
