"""Quantile regression of returns: Dabney et al. (2018), section 4."""

import tensorflow as tf

from agents_pipeline.losses import shapes


def quantile_huber_loss(
  quantiles: tf.Tensor, fractions: tf.Tensor, targets: tf.Tensor, kappa: float
) -> tf.Tensor:
  """The quantile Huber loss: equations 9 and 10, summed as in algorithm 1.

  With u_ij = target_j - quantile_i and tau the fractions,

    loss = sum_i mean_j |tau_i - 1{u_ij < 0}| L(u_ij)
    L(u) = u^2 / 2 where |u| <= kappa, else kappa (|u| - kappa / 2)

  Args:
    quantiles: [S, N] float32, which are learned.
    fractions: [N] float32, tau, the probability below each.
    targets: [S, N] float32, samples of what they are the quantiles of.
    kappa: 0 is quantile regression: L(u) = |u|.

  Returns:
    [S] float32.
  """
  shapes.check_same(quantiles, targets)
  u = targets[:, None, :] - quantiles[:, :, None]  # [S, N, N]
  size = tf.abs(u)
  huber = size
  if kappa:
    huber = tf.where(
      size <= kappa, 0.5 * tf.square(u), kappa * (size - 0.5 * kappa)
    )
  weight = tf.abs(fractions[:, None] - tf.cast(u < 0, tf.float32))  # [S, N, N]
  return tf.reduce_sum(tf.reduce_mean(weight * huber, axis=2), axis=1)
