"""A sum tree in tensor operations: draws rows in proportion to a priority."""

import math

import tensorflow as tf

_FANOUT = 8  # docs/decisions/0025-prioritized-replay.md
_BELOW_ONE = 1.0 - 2.0**-32


class SumTree(tf.Module):
  """Priorities of rows, and sums of them up to a single node.

  Schaul et al. (2016), appendix B.2.1, for batches. The values of a node's
  children lie side by side, so that one gather reads them; the nodes of each
  level follow those of the level below:

      level 1   [ 3  7]                    updating: a node's value becomes the
      level 0   [ 1  2]  [ 3  4]           sum of its children's, level by level
      rows        0  1     2  3            finding: down from the last node

  A sum is always made of what lies below it, never changed by a difference, so
  rounding does not add up over updates. Runs inside XLA, in place: all levels
  are one table, so that every scatter is of what was last read. With a table
  for each, a read of one level is followed by a scatter of another, nothing
  orders it before the next scatter of its own, and XLA copies the table.
  """

  def __init__(self, num_rows: int, fanout: int = _FANOUT):
    """Allocates the nodes; every priority is 0.

    Args:
      num_rows: the number of rows, which are numbered from 0.
      fanout: the number of children of a node.
    """
    super().__init__(name="sum_tree")
    self._num_rows = num_rows
    self._fanout = fanout
    sizes = _nodes(num_rows, fanout)
    # The first node of each level, from the lowest.
    self._firsts = [sum(sizes[:i]) for i in range(len(sizes))]
    self._nodes = tf.Variable(tf.zeros((sum(sizes), fanout)), name="nodes")

  def priorities(self, row: tf.Tensor) -> tf.Tensor:
    """The priorities [K] float32 of rows [K] int32."""
    values = tf.gather(self._nodes, row // self._fanout)  # [K, fanout]
    return tf.gather(values, row % self._fanout, axis=1, batch_dims=1)

  def update(self, row: tf.Tensor, priority: tf.Tensor) -> list:
    """Gives rows other priorities.

    Args:
      row: [K] int32, the rows. One that is named twice keeps one of its
        priorities, no matter which.
      priority: [K] float32, their priorities: finite, 0 for rows that are never
        found.

    Returns:
      What must be done before the rows can be found.
    """
    if row.shape[0] == 1:  # XLA copies a table for a scatter of one row
      row, priority = tf.repeat(row, 2), tf.repeat(priority, 2)
    written = []
    for first in self._firsts:
      node = first + row // self._fanout  # [K]
      place = tf.stack([node, row % self._fanout], axis=1)  # [K, 2]
      written.append(self._nodes.scatter_nd_update(place, priority))
      if first < self._firsts[-1]:
        row = row // self._fanout
        priority = tf.reduce_sum(tf.gather(self._nodes, node), axis=1)  # [K]
    return written

  def find(self, share: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The rows that lie at shares of the sum of all priorities.

    With a uniform share, a row is found with the probability of its priority
    over the sum of all: to about 2**-24 of it, the precision of the sums. In
    float64, because a float32 share has no digits left after a few levels.

    Args:
      share: [K] float64, in [0, 1).

    Returns:
      Rows [K] int32, and their priorities [K] float32: above 0, unless all are
      0.
    """
    # Entry (i, j) is 1 where i <= j: a product with it sums up to each child.
    ones = tf.ones((self._fanout, self._fanout), tf.float64)
    up_to_each = tf.linalg.band_part(ones, 0, -1)
    row = tf.zeros_like(share, tf.int32)  # [K], of the level
    for first in reversed(self._firsts):
      values = tf.cast(tf.gather(self._nodes, first + row), tf.float64)
      # Everything below is computed from `ends`. XLA might delay a second read
      # of the table, such as one of the priority, into a later kernel; nothing
      # orders that before the next update, so XLA would copy the table.
      ends = values @ up_to_each  # [K, fanout]
      sought = tf.minimum(share, _BELOW_ONE) * ends[:, -1]  # [K]
      is_before = ends <= sought[:, None]  # [K, fanout]
      child = tf.reduce_sum(tf.cast(is_before, tf.int32), axis=1)  # [K]
      child = tf.minimum(child, self._fanout - 1)  # if all are 0
      begin = tf.reduce_max(tf.where(is_before, ends, 0.0), axis=1)  # [K]
      is_found = tf.range(self._fanout) == child[:, None]  # [K, fanout]
      end = tf.reduce_sum(tf.where(is_found, ends, 0.0), axis=1)  # [K]
      share = tf.math.divide_no_nan(sought - begin, end - begin)
      row = row * self._fanout + child
    priority = tf.cast(end - begin, tf.float32)  # [K]
    return tf.minimum(row, self._num_rows - 1), priority


def num_bytes(num_rows: int) -> int:
  """Bytes of the tree over `num_rows` rows."""
  return sum(4 * _FANOUT * nodes for nodes in _nodes(num_rows, _FANOUT))


def _nodes(num_rows: int, fanout: int) -> list[int]:
  """The number of nodes of each level, from the lowest to the root."""
  nodes = [max(math.ceil(num_rows / fanout), 1)]
  while nodes[-1] > 1:
    nodes.append(math.ceil(nodes[-1] / fanout))
  return nodes
