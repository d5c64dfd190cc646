"""Making and counting the weights of TF-Agents networks."""

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from tf_agents.networks import network as tf_agents_network


def num_weights(network: tf_agents_network.Network) -> int:
  """The number of weights that a network learns."""
  return sum(v.shape.num_elements() for v in network.trainable_variables)


@contextlib.contextmanager
def drawn_from(seed: int) -> Iterator[None]:
  """Draws the weights that are made in a `with` block from a seed.

  Keras seeds Python's and NumPy's own generators as well. They go on as before:
  they may belong to a notebook, or to an environment.
  """
  of_python, of_numpy = random.getstate(), np.random.get_state()
  tf.keras.utils.set_random_seed(seed)
  try:
    yield
  finally:
    random.setstate(of_python)
    np.random.set_state(of_numpy)


def make_by_zeros(network: tf_agents_network.Network):
  """Makes the weights of a network by calling it on zeros.

  TF-Agents calls a network on random numbers; random uint8 overflow under
  NumPy 2.

  Args:
    network: the network; its `input_tensor_spec` says what to call it with.

  Returns:
    The spec of its output for one observation.
  """
  zeros = tf.nest.map_structure(
    lambda spec: tf.zeros([1, *spec.shape], spec.dtype),
    network.input_tensor_spec,
  )
  output, _ = network(zeros)
  return tf.nest.map_structure(
    lambda x: tf.TensorSpec(x.shape[1:], x.dtype), output
  )
