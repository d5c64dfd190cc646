"""Schedules of epsilon: the choices of `QLearningConfig.epsilon`.

Each is a function of the env steps done, or the episodes ended, over all
environments, including those before training.
"""

import math
import typing

from agents_pipeline.config import fields

if typing.TYPE_CHECKING:
  import tensorflow as tf


class Epsilon:
  """Base of the choices."""

  def __call__(
    self, env_steps: "tf.Tensor", num_episodes: "tf.Tensor"
  ) -> "tf.Tensor":
    """The probability of a random action.

    Args:
      env_steps: [] int64, the env steps done so far over all environments.
      num_episodes: [] int64, the episodes ended so far over all environments.

    Returns:
      [] float32 in [0, 1].
    """
    raise NotImplementedError


@fields.config
class ConstantEpsilon(Epsilon):
  """epsilon = value.

  Attributes:
    value: the probability of a random action.
  """

  value: float = fields.number(0.1, 0, 1)

  def __call__(self, env_steps, num_episodes):
    """Returns the value."""
    import tensorflow as tf

    return tf.constant(self.value, tf.float32)


@fields.config
class LinearEpsilon(Epsilon):
  """Linear from initial to final, then constant (Mnih et al. 2015).

  Attributes:
    initial: the probability of a random action at the first env step.
    final: the probability of a random action from num_env_steps on.
    num_env_steps: env steps from initial to final, over all environments.
  """

  initial: float = fields.number(1.0, 0, 1)
  final: float = fields.number(0.05, 0, 1)
  num_env_steps: int = fields.integer(10_000)

  def __call__(self, env_steps, num_episodes):
    """Returns epsilon after that many env steps."""
    return _linear(self.initial, self.final, env_steps, self.num_env_steps)


@fields.config
class ExponentialEpsilon(Epsilon):
  """final + (initial - final) * exp(-env_steps / time_constant_env_steps).

  Attributes:
    initial: the probability of a random action at the first env step.
    final: the probability that epsilon approaches.
    time_constant_env_steps: env steps, over all environments, in which the
      distance to final shrinks to 1 / e.
  """

  initial: float = fields.number(0.9, 0, 1)
  final: float = fields.number(0.05, 0, 1)
  time_constant_env_steps: float = fields.number(1_000.0, above=True)

  def __call__(self, env_steps, num_episodes):
    """Returns epsilon after that many env steps."""
    import tensorflow as tf

    age = tf.cast(env_steps, tf.float32) / self.time_constant_env_steps
    return self.final + (self.initial - self.final) * tf.exp(-age)


@fields.config
class GeometricEpsilon(Epsilon):
  """max(final, initial * factor_per_env_step ** env_steps).

  Attributes:
    initial: the probability of a random action at the first env step.
    final: the least probability of a random action.
    factor_per_env_step: the factor of the probability at every env step of any
      environment.
  """

  initial: float = fields.number(1.0, 0, 1)
  final: float = fields.number(0.1, 0, 1)
  factor_per_env_step: float = fields.number(0.99, 0, 1, above=True)

  def __call__(self, env_steps, num_episodes):
    """Returns epsilon after that many env steps."""
    import tensorflow as tf

    # In Python's float64: in float32, a factor near 1 is 1.
    per_env_step = math.log(self.factor_per_env_step)
    decay = tf.exp(per_env_step * tf.cast(env_steps, tf.float32))
    return tf.maximum(self.final, self.initial * decay)


@fields.config
class LinearEpsilonOverEpisodes(Epsilon):
  """Linear from initial to final over episodes, then constant.

  Attributes:
    initial: the probability of a random action in the first episode.
    final: the probability of a random action from num_episodes on.
    num_episodes: episodes from initial to final, over all environments.
  """

  initial: float = fields.number(0.5, 0, 1)
  final: float = fields.number(0.005, 0, 1)
  num_episodes: int = fields.integer(100)

  def __call__(self, env_steps, num_episodes):
    """Returns epsilon after that many episodes."""
    return _linear(self.initial, self.final, num_episodes, self.num_episodes)


def _linear(initial: float, final: float, done: "tf.Tensor", total: int):
  """Interpolates from initial, at 0 done, to final, at total and beyond."""
  import tensorflow as tf

  progress = tf.cast(done, tf.float32) / total
  return initial + (final - initial) * tf.minimum(progress, 1.0)
