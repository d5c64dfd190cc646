"""FlappyBall in TensorFlow ops, equal to tasks/flappy_ball.py bit for bit."""

import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.environments.tasks import flappy_ball
from agents_pipeline.environments.tensor import tensor_environment


class FlappyBall(tensor_environment.TensorEnvironment):
  """FlappyBall; see the gymnasium version.

  The state is (y, v, number of steps), the observation (y, v).
  """

  def __init__(self, batch_size: int, rng):
    """Creates B balls.

    Args:
      batch_size: the number of copies, B.
      rng: a `RandomStream`.
    """
    bound = flappy_ball.OBSERVATION_BOUND
    super().__init__(
      tensor_spec.BoundedTensorSpec((2,), tf.float32, -bound, bound),
      tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1),
      state_size=3,
      # The task has none: it terminates before this limit.
      time_limit=flappy_ball.MAX_STEPS + 1,
      batch_size=batch_size,
      rng=rng,
    )

  def initial_state(self) -> tf.Tensor:
    """Draws states [B, 3]: y = 0, v ~ N(0, 0.1^2), no steps."""
    v = flappy_ball.START_SPEED_DEVIATION * self._rng.normal((self.batch_size,))
    zeros = tf.zeros_like(v)  # [B]
    return tf.stack([zeros, v, zeros], axis=1)

  def observe(self, state):
    """Returns (y, v) [B, 2] of states (y, v, number of steps) [B, 3]."""
    return state[:, :2]

  def dynamics(self, state, action):
    """Moves the balls for 50 ms, then lets them fall (0) or jump (1)."""
    y, v, num_steps = tf.unstack(state, axis=1)  # [B] each
    y = y + v
    v = tf.where(action == 1, flappy_ball.JUMP_SPEED, v - flappy_ball.FALL)
    num_steps = num_steps + 1
    succeeded = num_steps >= flappy_ball.MAX_STEPS  # [B]
    failed = ~succeeded & (tf.abs(y) > 1)  # [B]
    reward = tf.cast(succeeded, y.dtype) - tf.cast(failed, y.dtype)
    return tf.stack([y, v, num_steps], axis=1), reward, succeeded | failed
