"""The quantile Huber loss, with numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.losses import quantile_regression

FRACTIONS = np.array([0.25, 0.75], np.float32)


def loss(quantiles, targets, kappa=1.0):
  found = quantile_regression.quantile_huber_loss(
    tf.constant([quantiles]), tf.constant(FRACTIONS), tf.constant([targets]),
    kappa,
  )  # fmt: skip
  return float(found[0])


@pytest.mark.parametrize(
  ("kappa", "expected"),
  [
    # Quantiles 0 and 2, targets 0.5 and 4. Of the first: u = 0.5 and 4, both
    # from below, weight 0.25; L = 0.125 and 3.5. Of the second: u = -1.5, with
    # weight |0.75 - 1| = 0.25 and L = 1, and u = 2, with 0.75 and 1.5.
    (1.0, 0.25 * (0.125 + 3.5) / 2 + (0.25 * 1.0 + 0.75 * 1.5) / 2),
    # Quadratic everywhere: 0.125 and 8; 1.125 and 2.
    (10.0, 0.25 * (0.125 + 8) / 2 + (0.25 * 1.125 + 0.75 * 2) / 2),
    # kappa (|u| - kappa / 2): 0.5 * (0.5 - 0.25) and so on.
    (0.5, 0.25 * (0.125 + 1.875) / 2 + (0.25 * 0.625 + 0.75 * 0.875) / 2),
    # Quantile regression: |u|.
    (0.0, 0.25 * (0.5 + 4) / 2 + (0.25 * 1.5 + 0.75 * 2) / 2),
  ],
)
def test_by_hand(kappa, expected):
  assert loss([0.0, 2.0], [0.5, 4.0], kappa) == pytest.approx(expected)


@pytest.mark.parametrize(("fraction", "quantile"), [(0.25, 0.0), (0.75, 2.0)])
def test_a_quantile_of_samples_is_where_its_loss_is_least(fraction, quantile):
  """Of -1, 0, 1, 2 and 3, a quarter and three quarters: the 2nd and 4th."""
  tried = np.arange(-2, 4, 0.125, np.float32)[:, None]  # [S, 1]
  samples = np.arange(-1, 4, dtype=np.float32)  # [N]
  found = quantile_regression.quantile_huber_loss(
    tf.constant(np.tile(tried, 5)), tf.constant([fraction] * 5),
    tf.constant(np.tile(samples, (len(tried), 1))), 0.0,
  )  # fmt: skip
  assert tried[int(tf.argmin(found)), 0] == quantile


def test_shapes_that_would_broadcast_are_rejected():
  with pytest.raises(ValueError, match="rank"):
    quantile_regression.quantile_huber_loss(
      tf.zeros((2,)), tf.constant(FRACTIONS), tf.zeros((1, 2)), 1.0
    )
