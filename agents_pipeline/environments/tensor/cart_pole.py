"""CartPole in TensorFlow ops, equal to gymnasium's step for step.

Barto, Sutton & Anderson (1983); constants and Euler integration as in
gymnasium's `classic_control/cartpole.py`, which computes in float64.
"""

import math

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.environments.tensor import tensor_environment

_GRAVITY = 9.8  # m / s^2
_POLE_MASS = 0.1  # kg
_TOTAL_MASS = 1.1  # kg, cart and pole
_HALF_LENGTH = 0.5  # m
_FORCE = 10.0  # N
_SECONDS_PER_STEP = 0.02
_MAX_POSITION = 2.4  # m
_MAX_ANGLE = 12 * 2 * math.pi / 360  # rad
_MAX_INITIAL = 0.05  # of each component of the initial state


class CartPole(tensor_environment.TensorEnvironment):
  """A pole on a cart: state and observation are (x, x', theta, theta')."""

  def __init__(self, time_limit: int, batch_size: int, rng):
    """Creates B carts.

    Args:
      time_limit: the env steps after which an episode is truncated, 200 for
        CartPole-v0, 500 for CartPole-v1.
      batch_size: the number of copies, B.
      rng: a `RandomStream`.
    """
    high = np.array(
      [2 * _MAX_POSITION, np.inf, 2 * _MAX_ANGLE, np.inf], np.float32
    )
    super().__init__(
      tensor_spec.BoundedTensorSpec((4,), tf.float32, -high, high),
      tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1),
      state_size=4,
      time_limit=time_limit,
      batch_size=batch_size,
      rng=rng,
    )

  def initial_state(self) -> tf.Tensor:
    """Draws states [B, 4], uniform in [-0.05, 0.05)."""
    return self._rng.uniform((self.batch_size, 4), -_MAX_INITIAL, _MAX_INITIAL)

  def dynamics(self, state, action):
    """Pushes left (0) or right (1) for 20 ms; every env step is rewarded 1."""
    x, x_dot, theta, theta_dot = tf.unstack(state, axis=1)  # [B] each
    force = tf.where(action == 1, _FORCE, -_FORCE)
    cos, sin = tf.cos(theta), tf.sin(theta)
    push = (
      force + _POLE_MASS * _HALF_LENGTH * tf.square(theta_dot) * sin
    ) / _TOTAL_MASS
    theta_acc = (_GRAVITY * sin - cos * push) / (
      _HALF_LENGTH * (4.0 / 3.0 - _POLE_MASS * tf.square(cos) / _TOTAL_MASS)
    )
    x_acc = push - _POLE_MASS * _HALF_LENGTH * theta_acc * cos / _TOTAL_MASS
    x_next = x + _SECONDS_PER_STEP * x_dot
    theta_next = theta + _SECONDS_PER_STEP * theta_dot
    next_state = tf.stack(
      [
        x_next,
        x_dot + _SECONDS_PER_STEP * x_acc,
        theta_next,
        theta_dot + _SECONDS_PER_STEP * theta_acc,
      ],
      axis=1,
    )  # [B, 4]
    terminated = (tf.abs(x_next) > _MAX_POSITION) | (
      tf.abs(theta_next) > _MAX_ANGLE
    )  # [B]
    return next_state, tf.ones_like(x), terminated
