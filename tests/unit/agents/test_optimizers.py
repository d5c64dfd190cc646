"""Optimizers beside their formulas written out."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.agents import optimizers

START, GRADIENTS = 1.0, (3.0, -0.5, 2.0, 0.0, 1.0)


def steps(optimizer, way=lambda f: f):
  """The weight after each update."""
  weight = tf.Variable([START])
  made = optimizer.make([weight], None, None)
  apply = way(lambda g: made.apply_gradients([(g, weight)]))
  found = []
  for gradient in GRADIENTS:
    apply(tf.constant([gradient]))
    found.append(float(weight[0]))
  return found


def rms_prop(square, rate, decay=0.99, epsilon=1e-5):
  """Tieleman & Hinton (2012), epsilon inside the root."""
  weight, found = START, []
  for gradient in GRADIENTS:
    square = decay * square + (1 - decay) * gradient**2
    weight -= rate * gradient / np.sqrt(square + epsilon)
    found.append(weight)
  return found


@pytest.mark.parametrize("accumulator", [0.0, 1.0])
def test_rms_prop_is_its_formula(compiled, accumulator):
  """Also compiled: the slots must not begin anew at a trace or an update."""
  found = steps(
    optimizers.RmsProp(
      0.1, 0.99, epsilon=1e-5, initial_accumulator=accumulator
    ),
    compiled,
  )
  np.testing.assert_allclose(found, rms_prop(accumulator, 0.1), atol=1e-6)


def test_rms_prop_from_1_is_tensorflow_1s():
  weight = tf.Variable([START])
  theirs = tf.compat.v1.train.RMSPropOptimizer(0.1, 0.99, epsilon=1e-5)
  expected = []
  for gradient in GRADIENTS:
    theirs.apply_gradients([(tf.constant([gradient]), weight)])
    expected.append(float(weight[0]))
  found = steps(
    optimizers.RmsProp(0.1, 0.99, epsilon=1e-5, initial_accumulator=1.0)
  )
  np.testing.assert_allclose(found, expected, rtol=1e-6)
  assert abs(found[0] - START) < 0.3 < abs(rms_prop(0.0, 0.1)[0] - START)


def test_adam_has_its_epsilon():
  """The first step of Kingma & Ba (2015) is rate * g / (|g| + epsilon)."""
  found = steps(optimizers.Adam(0.1, epsilon=1.5))
  # Their epsilon-hat is in units of the uncorrected root: times sqrt(1 - b2).
  corrected = 1.5 / np.sqrt(1 - 0.999)
  assert found[0] == pytest.approx(START - 0.1 * 3 / (3 + corrected), rel=1e-4)


def test_a_linear_rate_falls_and_stays(compiled):
  rate = optimizers.LinearLearningRate(0.4, 0.1, num_train_steps=3)
  found = steps(optimizers.RmsProp(rate, 0.0, epsilon=1e-12), compiled)
  # With decay 0 every step is rate * sign(g): 0.4, 0.3, 0.2, (g = 0), 0.1.
  np.testing.assert_allclose(found, [0.6, 0.9, 0.7, 0.7, 0.6], atol=1e-5)


def test_adamw_shrinks_the_weight_and_then_steps():
  """By rate * decay * weight; the first step of Adam is the rate."""
  found = steps(optimizers.AdamW(0.1, weight_decay=0.5, epsilon=1e-8))
  assert found[0] == pytest.approx(START - 0.1 * 0.5 - 0.1, rel=1e-5)


def test_clipping_by_value_and_by_the_norm_of_all_gradients():
  def moved(value, global_norm):
    weights = [tf.Variable([0.0]), tf.Variable([0.0])]
    # Of so large an epsilon, a step is gradient / 1000.
    made = optimizers.RmsProp(1.0, epsilon=1e6).make(
      weights, value, global_norm
    )
    gradients = [tf.constant([3.0]), tf.constant([-4.0])]
    made.apply_gradients(zip(gradients, weights, strict=True))
    return pytest.approx([-1000 * float(w[0]) for w in weights], rel=1e-3)

  assert moved(None, None) == [3.0, -4.0]
  assert moved(1.0, None) == [1.0, -1.0]
  assert moved(None, 0.5) == [0.3, -0.4]


def test_amsgrad_divides_by_the_largest_second_moment():
  moves = {}
  for amsgrad in (True, False):
    variable = tf.Variable([1.0])
    optimizer = optimizers.AdamW(
      0.1, weight_decay=0.0, beta_1=0.0, beta_2=0.5, amsgrad=amsgrad
    )
    made = optimizer.make([variable], None, None)
    for gradient in (10.0, 0.0, 0.0, 1.0):
      before = float(variable[0])
      made.apply_gradients([(tf.constant([gradient]), variable)])
    moves[amsgrad] = before - float(variable[0])
  # v: 50, 25, 12.5, 6.75; bias correction 1 - 0.5^4 = 0.9375.
  assert moves[False] == pytest.approx(0.1 / (6.75 / 0.9375) ** 0.5, rel=1e-3)
  # Keras keeps the largest uncorrected moment, 50.
  assert moves[True] == pytest.approx(0.1 / (50 / 0.9375) ** 0.5, rel=1e-3)
