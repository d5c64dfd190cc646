"""Where weights are drawn from, and what that leaves as it was."""

import random

import numpy as np
import tensorflow as tf

from agents_pipeline.networks import variables


def test_weights_come_from_the_seed_and_other_generators_go_on():
  def draw(seed):
    with variables.drawn_from(seed):
      initializer = tf.keras.initializers.RandomUniform()
      return initializer((3,)).numpy().tolist()

  random.seed(5)
  np.random.seed(5)
  expected = random.random(), np.random.random()
  random.seed(5)
  np.random.seed(5)
  first = draw(1)
  assert (random.random(), np.random.random()) == expected
  assert draw(1) == first != draw(2)
