"""Hidden layers, plain and with batch normalization, by hand."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.networks import initial_weights, torso


def make(hidden_layers=(1,), batch_normalization=True):
  made = torso.Torso(
    (),
    hidden_layers,
    "relu",
    initial_weights.drawn_by(tf.keras.initializers.HeNormal),
    batch_normalization=batch_normalization,
  )
  made([tf.zeros((1, 1))])
  return made


def by_name(layer):
  """The last part of each variable's name, and the variable."""
  return [
    (v.name.split("/")[-1].removesuffix(":0"), v) for v in layer.variables
  ]


def test_normalized_layers_have_no_bias():
  made = make((5, 4))
  named = [(name, tuple(v.shape)) for name, v in by_name(made)]
  assert sorted(named) == [
    ("beta", (4,)), ("beta", (5,)),
    ("gamma", (4,)), ("gamma", (5,)),
    ("kernel", (4, 5)), ("kernel", (5, 1)),
    ("moving_mean", (4,)), ("moving_mean", (5,)),
    ("moving_variance", (4,)), ("moving_variance", (5,)),
  ]  # fmt: skip
  # Running statistics are not trained, and making them has not moved them.
  assert len(made.trainable_variables) == 6
  for name, variable in by_name(made):
    if "moving" in name:
      assert np.all(variable.numpy() == (1.0 if "variance" in name else 0.0))


def test_without_normalization_there_is_none():
  plain = make((5,), batch_normalization=False)
  assert [name for name, _ in by_name(plain)] == ["kernel", "bias"]
  assert len(plain.trainable_variables) == 2


def test_by_the_batch_when_training_and_by_running_statistics_else(compiled):
  layer = make()
  variables = dict(by_name(layer))
  for name, value in (
    ("kernel", [[1.0]]), ("gamma", [2.0]), ("beta", [1.0]),
    ("moving_mean", [1.0]), ("moving_variance", [3.999]),
  ):  # fmt: skip
    variables[name].assign(value)
  x = tf.constant([[1.0], [5.0]])  # mean 3, variance 4
  acting = compiled(lambda: layer([x])[:, 0])
  # 2 * (x - 1) / sqrt(3.999 + 0.001) + 1 = x.
  np.testing.assert_allclose(acting(), [1, 5], rtol=1e-6)
  assert variables["moving_mean"].numpy() == 1.0  # acting leaves them
  learning = compiled(lambda: layer([x], training=True)[:, 0])
  # 2 * (5 - 3) / sqrt(4 + 0.001) + 1 = 2.99975; below 0 for x = 1.
  np.testing.assert_allclose(learning(), [0, 2.99975], rtol=1e-5)
  # 0.99 * 1 + 0.01 * 3, and 0.99 * 3.999 + 0.01 * 4.
  assert variables["moving_mean"].numpy() == pytest.approx(1.02)
  assert variables["moving_variance"].numpy() == pytest.approx(3.99901)
  # 2 * (x - 1.02) / sqrt(3.99901 + 0.001) + 1.
  np.testing.assert_allclose(acting(), [0.98, 4.979995], rtol=1e-6)


def test_convolutions_come_first_and_are_flattened():
  """An image of 3 x 3 pixels and a kernel of 2 give 2 x 2 sums of four."""
  made = torso.Torso(
    ((1, 2, 1),),
    (1,),
    "relu",
    initial_weights.drawn_by(tf.keras.initializers.Ones),
  )
  image = tf.reshape(tf.range(9.0), (1, 3, 3, 1))
  # 0+1+3+4, 1+2+4+5, 3+4+6+7, 4+5+7+8; and their sum.
  assert made([image]).numpy().tolist() == [[8.0 + 12 + 20 + 24]]


def test_each_image_has_its_own_convolutions_and_numbers_are_joined():
  """A kernel of 1 that begins as 1: the sum of all pixels and numbers."""
  made = torso.Torso(
    ((1, 1, 1),),
    (1,),
    "relu",
    initial_weights.drawn_by(tf.keras.initializers.Ones),
    (True, False, True),
  )
  ones, fours = tf.ones((1, 2, 2, 1)), tf.fill((1, 1, 1, 1), 4.0)
  numbers = tf.constant([[10.0, 20.0]])
  assert made([ones, numbers, fours]).numpy().tolist() == [[4.0 + 30 + 4]]
  assert len(made.trainable_variables) == 2 + 2 + 2
