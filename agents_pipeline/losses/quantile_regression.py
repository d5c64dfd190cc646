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
         = c (u - c / 2) with c = u, clipped to [-kappa, kappa]

  Args:
    quantiles: [S, N] float32, the quantiles that are learned.
    fractions: [N] float32, tau, the probability below each quantile.
    targets: [S, N] float32, samples of the distribution whose quantiles are
      learned.
    kappa: the |u| up to which L(u) is quadratic; 0 is quantile regression:
      L(u) = |u|.

  Returns:
    [S] float32.
  """
  shapes.check_same(quantiles, targets)
  # [S, N, N], j before i: XLA on the CPU sums over the last dimension slowly.
  u = targets[:, :, None] - quantiles[:, None, :]
  clipped = tf.clip_by_value(u, -kappa, kappa)
  huber = clipped * (u - 0.5 * clipped) if kappa else tf.abs(u)
  weight = tf.where(u < 0, 1.0 - fractions, fractions)
  return tf.reduce_sum(tf.reduce_mean(weight * huber, axis=1), axis=1)
