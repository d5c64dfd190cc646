"""Acrobot in TensorFlow ops, equal to gymnasium's step for step.

Sutton (1996), with the equations of Sutton & Barto's book; constants and
fourth-order Runge-Kutta integration as in gymnasium's
`classic_control/acrobot.py`, which computes in float64.
"""

import math

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.environments.tensor import tensor_environment

# Both links are the same.
_GRAVITY = 9.8  # m / s^2
_MASS = 1.0  # kg
_LENGTH = 1.0  # m
_CENTER = 0.5  # m, from a link's joint to its center of mass
_INERTIA = 1.0  # kg m^2
_TORQUE = 1.0  # N m
_SECONDS_PER_STEP = 0.2
_MAX_SPEED_1 = 4 * math.pi  # rad / s
_MAX_SPEED_2 = 9 * math.pi  # rad / s
_GOAL_HEIGHT = 1.0  # m, of the free end above the fixed one
_MAX_INITIAL = 0.1  # of each component of the initial state


class Acrobot(tensor_environment.TensorEnvironment):
  """Two links hanging from a point, with a motor in the joint between them.

  The state is (theta1, theta2, theta1', theta2'): the first link's angle from
  hanging down, and the second's from the first. The observation has each
  angle's cosine and sine instead.
  """

  def __init__(self, time_limit: int, batch_size: int, rng):
    """Creates B acrobots.

    Args:
      time_limit: the env steps after which an episode is truncated, 500 for
        Acrobot-v1.
      batch_size: the number of copies, B.
      rng: a `RandomStream`.
    """
    high = np.array([1, 1, 1, 1, _MAX_SPEED_1, _MAX_SPEED_2], np.float32)
    super().__init__(
      tensor_spec.BoundedTensorSpec((6,), tf.float32, -high, high),
      tensor_spec.BoundedTensorSpec((), tf.int64, 0, 2),
      state_size=4,
      time_limit=time_limit,
      batch_size=batch_size,
      rng=rng,
    )

  def initial_state(self) -> tf.Tensor:
    """Draws states [B, 4], uniform in [-0.1, 0.1)."""
    return self._rng.uniform((self.batch_size, 4), -_MAX_INITIAL, _MAX_INITIAL)

  def observe(self, state):
    """Returns cos and sin of theta1 and of theta2, theta1', theta2': [B, 6]."""
    theta_1, theta_2, speed_1, speed_2 = tf.unstack(state, axis=1)  # [B] each
    return tf.stack(
      [
        tf.cos(theta_1),
        tf.sin(theta_1),
        tf.cos(theta_2),
        tf.sin(theta_2),
        speed_1,
        speed_2,
      ],
      axis=1,
    )  # [B, 6]

  def dynamics(self, state, action):
    """Applies a torque of -1, 0 or 1 N m to the joint for 0.2 s.

    The reward is -1 for every env step, except 0 for the one that lifts the
    free end above the height of the goal, which terminates the episode.
    """
    torque = _TORQUE * tf.cast(action - 1, state.dtype)  # [B]
    theta_1, theta_2, speed_1, speed_2 = _integrate(
      tf.unstack(state, axis=1), torque
    )  # [B] each
    theta_1, theta_2 = wrap_angle(theta_1), wrap_angle(theta_2)
    next_state = tf.stack(
      [
        theta_1,
        theta_2,
        tf.clip_by_value(speed_1, -_MAX_SPEED_1, _MAX_SPEED_1),
        tf.clip_by_value(speed_2, -_MAX_SPEED_2, _MAX_SPEED_2),
      ],
      axis=1,
    )  # [B, 4]
    height = -_LENGTH * (tf.cos(theta_1) + tf.cos(theta_1 + theta_2))  # [B]
    terminated = height > _GOAL_HEIGHT  # [B]
    return next_state, tf.where(terminated, 0.0, -1.0), terminated


def wrap_angle(angle: tf.Tensor) -> tf.Tensor:
  """Adds whole turns to an angle until it is in [-pi, pi].

  Gymnasium subtracts a turn while the angle is above pi, then adds one while
  it is below -pi. The first loop runs the smallest number of times, n, that
  brings the angle to pi or below: n is (angle - pi) / (2 pi) rounded up, or 0.
  The second is its mirror image, and at most one of them runs, as neither
  skips the interval, which is a whole turn long. So one formula on the
  absolute value replaces both; up to pi its fraction is in [-1/2, 0], which
  rounds up to 0.

  Args:
    angle: the angles, floats of any shape.

  Returns:
    The angles, floats of the same shape.
  """
  turns = tf.math.ceil((tf.abs(angle) - math.pi) / (2 * math.pi))
  return angle - tf.sign(angle) * turns * (2 * math.pi)


def _integrate(state: list[tf.Tensor], torque: tf.Tensor) -> list[tf.Tensor]:
  # One step of the classic Runge-Kutta method. The state stays four tensors
  # [B] throughout: stacking and unstacking them would cost time.
  def extrapolate(seconds, rates):
    return [x + seconds * rate for x, rate in zip(state, rates, strict=True)]

  rates_1 = _rates(state, torque)
  rates_2 = _rates(extrapolate(_SECONDS_PER_STEP / 2, rates_1), torque)
  rates_3 = _rates(extrapolate(_SECONDS_PER_STEP / 2, rates_2), torque)
  rates_4 = _rates(extrapolate(_SECONDS_PER_STEP, rates_3), torque)
  return extrapolate(
    _SECONDS_PER_STEP / 6,
    [
      a + 2 * b + 2 * c + d
      for a, b, c, d in zip(rates_1, rates_2, rates_3, rates_4, strict=True)
    ],
  )


def _rates(state: list[tf.Tensor], torque: tf.Tensor) -> list[tf.Tensor]:
  # The time derivative of a state. Names as in the book; gymnasium's
  # cos(x - pi / 2) is sin(x), without float32's rounding of the difference.
  theta_1, theta_2, speed_1, speed_2 = state  # [B] each
  cos_2, sin_2 = tf.cos(theta_2), tf.sin(theta_2)
  swing = _MASS * _LENGTH * _CENTER * sin_2
  d_1 = (
    2 * _INERTIA
    + _MASS * (_LENGTH**2 + 2 * _CENTER**2)
    + 2 * _MASS * _LENGTH * _CENTER * cos_2
  )
  d_2 = _INERTIA + _MASS * _CENTER**2 + _MASS * _LENGTH * _CENTER * cos_2
  phi_2 = _MASS * _CENTER * _GRAVITY * tf.sin(theta_1 + theta_2)
  phi_1 = (
    phi_2
    + _MASS * (_CENTER + _LENGTH) * _GRAVITY * tf.sin(theta_1)
    - swing * speed_2 * (speed_2 + 2 * speed_1)
  )
  acc_2 = (torque + d_2 / d_1 * phi_1 - swing * tf.square(speed_1) - phi_2) / (
    _INERTIA + _MASS * _CENTER**2 - tf.square(d_2) / d_1
  )
  acc_1 = -(d_2 * acc_2 + phi_1) / d_1
  return [speed_1, speed_2, acc_1, acc_2]
