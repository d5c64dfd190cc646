"""Categorical distributions of returns (Bellemare et al. 2017)."""

import numpy as np
import tensorflow as tf


class Categorical:
  """Atoms at fixed returns; the network gives logits of their probabilities.

    z_i = v_min + i (v_max - v_min) / (N - 1),  0 <= i < N

  Attributes:
    num_atoms: the number of atoms, N.
    support: [N] float32, the returns z.
  """

  def __init__(self, num_atoms: int, v_min: float, v_max: float):
    """Places the atoms.

    Args:
      num_atoms: the number of atoms, N.
      v_min: the return of the first atom.
      v_max: the return of the last atom.
    """
    self.num_atoms = num_atoms
    self.support = np.linspace(v_min, v_max, num_atoms, dtype=np.float32)

  def atoms(self, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """See `distributions.Distribution`; the returns are [N]."""
    return tf.nn.softmax(parameters), tf.constant(self.support)
