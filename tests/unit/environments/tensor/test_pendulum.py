"""The Pendulum after many turns."""

import numpy as np
import tensorflow as tf

PI = np.pi


def test_the_angle_of_a_spinning_pendulum_does_not_grow(start):
  environment, step = start("Pendulum-v1", 500)
  state = environment.tracked.state
  turned = 0.0
  for _ in range(199):
    next_time_step, _ = step(tf.fill((500, 1), 2.0))
    assert not np.any(next_time_step.is_last())
    turned += 0.05 * next_time_step.observation[:, 2].numpy()
    assert np.abs(state[:, 0].numpy()).max() < PI + 0.401
  assert turned.max() > 6 * 2 * PI
