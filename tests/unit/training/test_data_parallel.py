"""Means over the steps of several learners."""

import numpy as np
import tensorflow as tf

from agents_pipeline.training import data_parallel


def test_a_mean_is_over_the_steps_of_all(compiled):
  # 3 steps of a mean of 1 and 1 of a mean of 5: (3 * 1 + 1 * 5) / 4 = 2.
  # None is the gradient of a weight that the loss does not depend on.
  one = (
    [tf.constant([[1.0, -2.0]]), None, tf.constant([3.0])],
    tf.constant(1.0),
  )
  other = (
    [tf.constant([[5.0, 6.0]]), None, tf.constant([-1.0])],
    tf.constant(5.0),
  )

  def mean():
    summed = data_parallel.weighted(one, tf.constant(3.0))
    summed += data_parallel.weighted(other, tf.constant(1.0))
    return data_parallel.mean_of(summed, like=one)

  (matrix, none, vector), number = compiled(mean)()
  assert none is None
  np.testing.assert_array_equal(matrix, [[2.0, 0.0]])
  np.testing.assert_array_equal(vector, [2.0])
  assert float(number) == 2.0


def test_a_learner_whose_steps_only_reset_has_no_part():
  nothing, own = tf.constant([7.0]), tf.constant([4.0])
  summed = data_parallel.weighted([nothing], tf.constant(0.0))
  summed += data_parallel.weighted([own], tf.constant(6.0))
  (mean,) = data_parallel.mean_of(summed, like=[own])
  np.testing.assert_array_equal(mean, [4.0])
