"""Quantile distributions of returns (Dabney et al. 2018)."""

import numpy as np
import tensorflow as tf


class Quantiles:
  """Atoms of equal probability; the network gives their returns, theta.

  Attributes:
    num_atoms: the number of atoms, N.
    fractions: [N] float32, the probabilities that theta are the quantiles of:
      the middles of N intervals, tau-hat of lemma 2.
  """

  def __init__(self, num_quantiles: int):
    """Divides the probability among so many quantiles, N."""
    self.num_atoms = num_quantiles
    middles = (np.arange(num_quantiles) + 0.5) / num_quantiles
    self.fractions = middles.astype(np.float32)

  def atoms(self, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """See `distributions.Distribution`; the probabilities are []."""
    return tf.constant(1.0 / self.num_atoms), parameters
