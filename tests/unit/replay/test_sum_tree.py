"""Priorities of rows: their sums, who is found, and that nothing drifts."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.replay import sum_tree

EIGHT = [1.0, 2.0, 3.0, 4.0, 0.0, 6.0, 0.0, 8.0]


def make(priorities, **fanout):
  tree = sum_tree.SumTree(len(priorities), **fanout)
  tree.update(tf.range(len(priorities)), tf.constant(priorities, tf.float32))
  return tree


def levels(tree):
  """The values of each level, from the lowest."""
  return [x.ravel() for x in np.split(tree._nodes.numpy(), tree._firsts[1:])]


def as_lists(tree):
  return [level.tolist() for level in levels(tree)]


def found(tree, shares):
  row, priority = tree.find(tf.constant(shares, tf.float64))
  return list(zip(row.numpy().tolist(), priority.numpy().tolist(), strict=True))


def test_sums_of_a_binary_tree_of_eight():
  tree = make(EIGHT, fanout=2)
  assert as_lists(tree) == [EIGHT, [3, 7, 6, 8], [10, 14]]
  assert tree.priorities(tf.constant([7, 0, 4])).numpy().tolist() == [8, 1, 0]


def test_an_update_changes_the_sums_above_it_alone(compiled):
  tree = make(EIGHT, fanout=2)

  @compiled
  def update(row, priority):
    tree.update(row, priority)

  update(tf.constant([3, 6, 3]), tf.constant([0.5, 2.0, 0.5]))
  assert as_lists(tree) == [
    [1, 2, 3, 0.5, 0, 6, 2, 8], [3, 3.5, 6, 10], [6.5, 16],
  ]  # fmt: skip
  update(tf.constant([0]), tf.constant([4.0]))  # of one row
  assert as_lists(tree) == [
    [4, 2, 3, 0.5, 0, 6, 2, 8], [6, 3.5, 6, 10], [9.5, 16],
  ]  # fmt: skip


@pytest.mark.parametrize("fanout", [2, 3, 8])
def test_a_row_is_found_at_its_share_of_the_sum(compiled, fanout):
  """1, 2, 3, 4, 0, 6, 0, 8 end at 1, 3, 6, 10, 10, 16, 16, 24 of 24."""
  tree = make(EIGHT, fanout=fanout)
  find = compiled(tree.find)
  shares = [0.0, 0.9, 1.1, 2.9, 3.1, 5.9, 6.1, 9.9, 10.1, 15.9, 16.1, 23.99]
  row, priority = find(tf.constant(shares, tf.float64) / 24)
  assert row.numpy().tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 5, 5, 7, 7]
  assert priority.numpy().tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 6, 6, 8, 8]


def test_the_end_of_the_sum_is_the_last_row_that_has_a_priority():
  tree = make([0.1] * 9 + [0.0] * 70)
  assert found(tree, [1.0 - 2.0**-53, 1.0]) == [(8, np.float32(0.1))] * 2


def test_without_priorities_a_row_that_exists_is_found():
  assert found(make([0.0] * 3, fanout=2), [0.0, 0.9]) == [(2, 0.0)] * 2


def test_shares_of_tiny_priorities_among_large_ones():
  """Four levels down, a share still tells 1e-5 of the sum apart."""
  priorities = np.full(4_000, 1e-3, np.float32)
  priorities[[7, 3_003]] = 4e2, 4e2
  tree = make(priorities)
  ends = np.cumsum(priorities.astype(np.float64))
  shares = (ends - 0.5 * priorities) / ends[-1]  # the middle of every row
  row, priority = tree.find(tf.constant(shares))
  np.testing.assert_array_equal(row, np.arange(4_000))
  np.testing.assert_array_equal(priority, priorities)


def test_100_000_draws_follow_the_priorities():
  """Pearson's chi-squared over 300 rows, a tenth of which are never found."""
  draw = np.random.default_rng(0)
  priorities = draw.uniform(0.1, 3, 300).astype(np.float32)
  priorities[::10] = 0
  row, priority = make(priorities).find(tf.constant(draw.uniform(size=100_000)))
  np.testing.assert_array_equal(priority, priorities[row.numpy()])
  counts = np.bincount(row, minlength=300)
  expected = 100_000 * priorities.astype(np.float64) / priorities.sum()
  assert counts[::10].sum() == 0
  drawn = expected > 0
  chi_squared = np.sum((counts - expected)[drawn] ** 2 / expected[drawn])
  assert chi_squared < 269 + 4 * np.sqrt(2 * 269)  # of 269 degrees of freedom


def test_10_million_updates_do_not_drift():
  """Priorities over six decades: differences would leave their rounding."""
  num_rows, per_update = 2_000, 1_000
  tree = make([1.0] * num_rows)

  @tf.function(jit_compile=True, autograph=False)
  def update_often(seed, num_updates):
    def update(i):
      rows = tf.random.stateless_uniform(
        (per_update,), [seed, i], 0, num_rows, tf.int32
      )
      # The same for the same row, as in a batch that has it twice.
      size = tf.math.floormod(rows * 7919 + i * 104_729, 601)
      tree.update(rows, 10.0 ** (tf.cast(size, tf.float32) / 100 - 3))
      return i + 1

    return tf.while_loop(lambda i: i < num_updates, update, [tf.constant(0)])

  update_often(tf.constant(5), tf.constant(10_000))
  lowest, *_, highest = levels(tree)
  exact = lowest.astype(np.float64).sum()
  assert lowest.max() > 1e4 * lowest.min()
  assert highest.astype(np.float64).sum() == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("num_rows", [1, 8, 9, 65])
def test_its_size_is_known_before_it_is_made(num_rows):
  tree = sum_tree.SumTree(num_rows)
  made = sum(4 * v.shape.num_elements() for v in tree.variables)
  assert sum_tree.num_bytes(num_rows) == made
