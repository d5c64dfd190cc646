"""Acrobot's angles; its dynamics are in test_tensor_environment."""

import numpy as np
import tensorflow as tf
from gymnasium.envs.classic_control import acrobot as gymnasium_acrobot

from agents_pipeline.environments.tensor import acrobot

PI = np.pi


def test_acrobot_wraps_angles_as_gymnasium_does():
  """In float64, where whole turns are exact too: pi and -pi stay apart."""
  angles = np.concatenate(
    [np.linspace(-25, 25, 2001), PI * np.arange(-7, 8), [-1e-300, 5e-17]]
  )
  expected = [gymnasium_acrobot.wrap(angle, -PI, PI) for angle in angles]
  ours = acrobot.wrap_angle(tf.constant(angles)).numpy()
  np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-14)
  inside = np.abs(angles) <= PI
  np.testing.assert_array_equal(ours[inside], angles[inside])
