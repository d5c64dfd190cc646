"""Optimizers beside their formulas written out."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.agents import learning_rates, optimizers

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
  rate = learning_rates.LinearLearningRate(0.4, 0.1, num_train_steps=3)
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


def test_sgd_with_momentum_and_with_weight_decay():
  # Weights: 1 - 0.3, then velocity 0.5 * -0.3 + 0.05, and so on.
  found = steps(optimizers.Sgd(0.1, momentum=0.5))
  np.testing.assert_allclose(found, [0.7, 0.6, 0.35, 0.225, 0.0625], atol=1e-6)
  # Shrinks by 0.1 * 0.2 of itself, then steps.
  found = steps(optimizers.Sgd(0.1, weight_decay=0.2))
  expected, weight = [], START
  for gradient in GRADIENTS:
    weight = weight * (1 - 0.1 * 0.2) - 0.1 * gradient
    expected.append(weight)
  np.testing.assert_allclose(found, expected, atol=1e-6)


def test_rms_prop_with_weight_decay_shrinks_the_weight_first():
  plain = steps(optimizers.RmsProp(0.1))[0]
  found = steps(optimizers.RmsProp(0.1, weight_decay=0.5))[0]
  assert found == pytest.approx(plain - 0.1 * 0.5 * START, rel=1e-5)


def test_any_optimizer_of_keras_by_its_name():
  offered = {
    name
    for name, kind in vars(tf.keras.optimizers).items()
    if isinstance(kind, type) and name != "Optimizer"
  }
  (names,) = [
    f.metadata["rule"].choices
    for f in dataclasses.fields(optimizers.Optimizer)
    if f.name == "name"
  ]
  assert set(names) == offered
  same = optimizers.Optimizer(
    "AdamW", 0.1, {"weight_decay": 0.5, "epsilon": 1e-8}
  )
  assert steps(same) == steps(
    optimizers.AdamW(0.1, weight_decay=0.5, epsilon=1e-8)
  )
  # Chen et al. (2023), steps by the sign of 0.9 m + 0.1 g: of 0.3, -0.023,
  # 0.222, 0.04 and 0.139, where m = 0.99 m + 0.01 g.
  found = steps(optimizers.Optimizer("Lion", 0.1))
  np.testing.assert_allclose(found, [0.9, 1.0, 0.9, 0.8, 0.7], atol=1e-6)


@pytest.mark.parametrize("name", ["Adadelta", "Adafactor", "Ftrl", "Nadam"])
def test_they_are_the_same_compiled_and_restored(compiled, name, tmp_path):
  """No state of theirs is Python's alone."""

  def updates(numbers, saved=None, to=None, way=lambda f: f):
    weights = [tf.Variable([[1.0, 2.0]]), tf.Variable([0.5])]
    made = optimizers.Optimizer(name, 0.1).make(weights, None, 1.0)
    state = tf.train.Checkpoint(weights=weights, optimizer=made)
    if saved:
      state.read(saved).assert_consumed()
    apply = way(lambda gs: made.apply_gradients(zip(gs, weights, strict=True)))
    for number in numbers:
      apply((tf.constant([[number, -1.0]]), tf.constant([0.5 * number])))
    if to:
      state.write(to)
    return np.concatenate([w.numpy().ravel() for w in weights])

  whole = updates((1.0, -2.0, 0.5, 3.0))
  found = updates((1.0, -2.0, 0.5, 3.0), way=compiled)
  np.testing.assert_allclose(found, whole, atol=1e-5)
  path = str(tmp_path / "half")
  updates((1.0, -2.0), to=path, way=compiled)
  np.testing.assert_array_equal(
    updates((0.5, 3.0), saved=path, way=compiled), found
  )


def test_nadam_is_its_formula(compiled):
  """Dozat (2016), with mu_t = 0.9 (1 - 0.96^t / 2), for two weights."""
  weights = [tf.Variable([START]), tf.Variable([START])]
  made = optimizers.Optimizer("Nadam", 0.1).make(weights, None, None)
  apply = compiled(lambda g: made.apply_gradients([(g, w) for w in weights]))
  weight, m, v, product = START, 0.0, 0.0, 1.0
  mu = lambda t: 0.9 * (1 - 0.5 * 0.96**t)
  for t, gradient in enumerate(GRADIENTS, 1):
    apply(tf.constant([gradient]))
    product *= mu(t)
    m = 0.9 * m + 0.1 * gradient
    v = 0.999 * v + 0.001 * gradient**2
    m_hat = mu(t + 1) * m / (1 - product * mu(t + 1)) + (
      (1 - mu(t)) * gradient / (1 - product)
    )
    weight -= 0.1 * m_hat / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
    for one in weights:
      assert float(one[0]) == pytest.approx(weight, abs=1e-4)


def test_weights_are_replaced_by_their_average():
  averaged = {"use_ema": True, "ema_overwrite_frequency": 5}
  of_steps = steps(optimizers.Optimizer("SGD", 0.1))
  found = steps(
    optimizers.Optimizer("SGD", 0.1, averaged | {"ema_momentum": 0.5})
  )
  assert found[:4] == of_steps[:4]
  # The average begins at the weight itself, and halves its distance each step.
  average = START
  for weight in of_steps:
    average = 0.5 * average + 0.5 * weight
  assert found[4] == pytest.approx(average, rel=1e-5)


def test_only_one_kind_of_clipping_by_value_or_norm():
  optimizer = optimizers.Optimizer("SGD", arguments={"clipnorm": 1.0})
  optimizer.make([tf.Variable([1.0])], None, None)
  with pytest.raises(errors.UserError, match="beside 'clipnorm', Keras igno"):
    optimizer.make([tf.Variable([1.0])], 0.5, None)


@pytest.mark.parametrize(
  ("arguments", "expected"),
  [
    ({"learning_rate": 1.0}, "'learning_rate' is Optimizer.learning_rate; "),
    ({"clipvalue": 1.0}, "'clipvalue' is the agent's gradient_clip_value; "),
    ({"beta1": 0.5}, "Nadam takes no 'beta1'; expected some of beta_1, "),
    ({"beta_1": "x"}, "Nadam refuses them: "),
    ({"use_ema": True}, "averages of weights change nothing by themselves; "),
    ({"ema_momentum": 0.9}, "averages of weights change nothing by themselves"),
    ({"epsilon": -1.0}, "a weight of 1 with a gradient of 1 is no number"),
  ],
)
def test_arguments_that_do_not_fit_are_one_line(arguments, expected):
  with pytest.raises(errors.UserError) as caught:
    steps(optimizers.Optimizer("Nadam", arguments=arguments))
  message, *others = str(caught.value).splitlines()
  assert message.startswith(f"Optimizer.arguments = {arguments!r}: {expected}")
  assert not any(others) or "In call to configurable" in "".join(others)  # gin
