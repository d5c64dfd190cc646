"""What the seed of the tensor CartPole chooses."""

import numpy as np

from agents_pipeline.environments.tensor import cart_pole
from agents_pipeline.ops import random_stream


def test_the_seed_determines_the_initial_states():
  make = lambda seed: cart_pole.CartPole(
    500, batch_size=3, rng=random_stream.RandomStream(seed)
  )
  first = lambda seed: make(seed).reset().observation
  np.testing.assert_array_equal(first(1), first(1))
  assert np.abs(first(1) - first(2)).max() > 1e-4
