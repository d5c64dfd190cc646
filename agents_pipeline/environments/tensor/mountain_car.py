"""MountainCar in TensorFlow ops, equal to gymnasium's step for step.

Moore (1990); constants as in gymnasium's `classic_control/mountain_car.py`,
which computes in float64.
"""

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.environments.tensor import tensor_environment

_FORCE = 0.001  # m / step^2, of the engine
_GRAVITY = 0.0025  # m / step^2, along the steepest slope
_MIN_POSITION = -1.2  # m, a wall
_MAX_POSITION = 0.6  # m
_MAX_SPEED = 0.07  # m / step
_GOAL_POSITION = 0.5  # m
_INITIAL_POSITIONS = (-0.6, -0.4)  # m, around the bottom of the valley


class MountainCar(tensor_environment.TensorEnvironment):
  """A weak car in a valley: state and observation are (x, x')."""

  def __init__(self, time_limit: int, batch_size: int, rng):
    """Creates B cars.

    Args:
      time_limit: the env steps after which an episode is truncated, 200 for
        MountainCar-v0.
      batch_size: the number of copies, B.
      rng: a `RandomStream`.
    """
    super().__init__(
      tensor_spec.BoundedTensorSpec(
        (2,),
        tf.float32,
        np.array([_MIN_POSITION, -_MAX_SPEED], np.float32),
        np.array([_MAX_POSITION, _MAX_SPEED], np.float32),
      ),
      tensor_spec.BoundedTensorSpec((), tf.int64, 0, 2),
      state_size=2,
      time_limit=time_limit,
      batch_size=batch_size,
      rng=rng,
    )

  def initial_state(self) -> tf.Tensor:
    """Draws states [B, 2]: x uniform in [-0.6, -0.4), at rest."""
    x = self._rng.uniform((self.batch_size,), *_INITIAL_POSITIONS)  # [B]
    return tf.stack([x, tf.zeros_like(x)], axis=1)

  def dynamics(self, state, action):
    """Accelerates left (0), not at all (1) or right (2) for one step.

    The reward is -1 for every env step, also for the one that reaches the goal.
    """
    x, x_dot = tf.unstack(state, axis=1)  # [B] each
    x_dot_next = tf.clip_by_value(
      x_dot
      + _FORCE * tf.cast(action - 1, state.dtype)
      - _GRAVITY * tf.cos(3 * x),
      -_MAX_SPEED,
      _MAX_SPEED,
    )
    x_next = tf.clip_by_value(x + x_dot_next, _MIN_POSITION, _MAX_POSITION)
    # Only the wall on the left stops the car.
    stopped = (x_next <= _MIN_POSITION) & (x_dot_next < 0)  # [B]
    x_dot_next = tf.where(stopped, tf.zeros_like(x), x_dot_next)
    # Rolling back past the goal does not count as reaching it.
    terminated = (x_next >= _GOAL_POSITION) & (x_dot_next >= 0)  # [B]
    return tf.stack([x_next, x_dot_next], axis=1), -tf.ones_like(x), terminated
