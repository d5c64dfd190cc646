"""What a network may predict in place of an expected return."""

from typing import Protocol

import tensorflow as tf


class Distribution(Protocol):
  """Distributions of returns on N atoms, from N numbers for each action.

  Attributes:
    num_atoms: the number of atoms, N.
  """

  num_atoms: int

  def atoms(self, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The probability of each atom, and its return.

    Args:
      parameters: [..., N] float32, as the network gives them.

    Returns:
      Two tensors that broadcast to [..., N] float32.
    """


def expectation(distribution: Distribution, parameters: tf.Tensor) -> tf.Tensor:
  """q [...], the expected return, from parameters [..., N]."""
  probabilities, returns = distribution.atoms(parameters)
  return tf.reduce_sum(probabilities * returns, axis=-1)
