"""QR-DQN's quantiles."""

import numpy as np
import tensorflow as tf

from agents_pipeline.agents.q_learning import distributions
from agents_pipeline.agents.qr_dqn import distribution


def test_quantiles_are_the_middles_of_even_intervals():
  made = distribution.Quantiles(4)
  np.testing.assert_allclose(made.fractions, [0.125, 0.375, 0.625, 0.875])
  probability, returns = made.atoms(tf.constant([[1.0, 2.0, 3.0, 8.0]]))
  assert float(probability) == 0.25
  assert returns.numpy().tolist() == [[1, 2, 3, 8]]


def test_q_is_their_mean():
  made = distribution.Quantiles(2)
  theta = tf.constant([[[1.0, 2.0], [-4.0, 0.0]]])  # [B, A, N]
  q = distributions.expectation(made, theta)
  np.testing.assert_allclose(q, [[1.5, -2.0]])
