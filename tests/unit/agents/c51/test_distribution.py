"""C51's atoms."""

import numpy as np
import tensorflow as tf

from agents_pipeline.agents.c51 import distribution
from agents_pipeline.agents.q_learning import distributions


def test_atoms_lie_evenly_between_the_bounds():
  made = distribution.Categorical(5, -1.0, 3.0)
  assert made.support.tolist() == [-1, 0, 1, 2, 3]
  probabilities, returns = made.atoms(tf.math.log([[1.0, 1.0, 2.0, 4.0, 0.0]]))
  np.testing.assert_allclose(probabilities, [[1 / 8, 1 / 8, 1 / 4, 1 / 2, 0]])
  assert returns.numpy().tolist() == made.support.tolist()


def test_q_is_the_expected_return():
  made = distribution.Categorical(3, 0.0, 10.0)
  logits = tf.math.log([[[1.0, 1.0, 2.0], [3.0, 1.0, 0.0]]])  # [B, A, N]
  q = distributions.expectation(made, logits)
  np.testing.assert_allclose(q, [[5 / 4 + 10 / 2, 5 / 4]], rtol=1e-6)
