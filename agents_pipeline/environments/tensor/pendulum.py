"""Pendulum in TensorFlow ops, equal to gymnasium's step for step.

Constants and semi-implicit Euler integration as in gymnasium's
`classic_control/pendulum.py`, which computes in float64.
"""

import math

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.environments.tensor import tensor_environment

_GRAVITY = 10.0  # m / s^2
_MASS = 1.0  # kg
_LENGTH = 1.0  # m
_MAX_TORQUE = 2.0  # N m
_SECONDS_PER_STEP = 0.05
_MAX_SPEED = 8.0  # rad / s
_SPEED_COST = 0.1  # s^2 / rad^2
_TORQUE_COST = 0.001  # 1 / (N m)^2
_MAX_INITIAL = (math.pi, 1.0)  # rad, rad / s


class Pendulum(tensor_environment.TensorEnvironment):
  """A rod to swing up and balance: the state is (theta, theta'), 0 is upright.

  The observation is (cos theta, sin theta, theta').
  """

  def __init__(self, time_limit: int, batch_size: int, rng):
    """Creates B pendulums.

    Args:
      time_limit: the env steps after which an episode is truncated, 200 for
        Pendulum-v1.
      batch_size: the number of copies, B.
      rng: a `RandomStream`.
    """
    high = np.array([1, 1, _MAX_SPEED], np.float32)
    super().__init__(
      tensor_spec.BoundedTensorSpec((3,), tf.float32, -high, high),
      tensor_spec.BoundedTensorSpec(
        (1,), tf.float32, -_MAX_TORQUE, _MAX_TORQUE
      ),
      state_size=2,
      time_limit=time_limit,
      batch_size=batch_size,
      rng=rng,
    )

  def initial_state(self) -> tf.Tensor:
    """Draws states [B, 2]: theta uniform in [-pi, pi), theta' in [-1, 1)."""
    high = tf.constant(_MAX_INITIAL)  # [2]
    return high * self._rng.uniform((self.batch_size, 2), -1.0, 1.0)

  def observe(self, state):
    """Returns cos and sin of theta, theta': [B, 3]."""
    theta, theta_dot = tf.unstack(state, axis=1)  # [B] each
    return tf.stack([tf.cos(theta), tf.sin(theta), theta_dot], axis=1)

  def dynamics(self, state, action):
    """Applies a torque in [-2, 2] N m for 50 ms; never terminates.

    Args:
      state: the states, [B, 2].
      action: the torques, [B, 1], which are clipped.

    Returns:
      The next state, the reward and terminated, as in the base class. The
      reward depends on the state before the env step: 0 if upright, at rest and
      without torque, else negative.
    """
    theta, theta_dot = tf.unstack(state, axis=1)  # [B] each
    torque = tf.clip_by_value(action[:, 0], -_MAX_TORQUE, _MAX_TORQUE)  # [B]
    # Gymnasium wraps theta only to compute the cost. Wrapping the state as well
    # changes no observation, and keeps the angle of a spinning rod small enough
    # for float32.
    turns = tf.floor((theta + math.pi) / (2 * math.pi))
    theta = theta - turns * (2 * math.pi)
    cost = (
      tf.square(theta)
      + _SPEED_COST * tf.square(theta_dot)
      + _TORQUE_COST * tf.square(torque)
    )
    theta_acc = (
      3 * _GRAVITY / (2 * _LENGTH) * tf.sin(theta)
      + 3 / (_MASS * _LENGTH**2) * torque
    )
    theta_dot_next = tf.clip_by_value(
      theta_dot + _SECONDS_PER_STEP * theta_acc, -_MAX_SPEED, _MAX_SPEED
    )
    theta_next = theta + _SECONDS_PER_STEP * theta_dot_next
    next_state = tf.stack([theta_next, theta_dot_next], axis=1)  # [B, 2]
    return next_state, -cost, tf.zeros_like(theta, tf.bool)
