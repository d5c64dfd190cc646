"""When a run ends early: the choices of `TrainingConfig.stop`.

Returns are sums of the environment's own rewards, undiscounted.
"""

import typing

import gin

from agents_pipeline.config import fields

if typing.TYPE_CHECKING:
  import tensorflow as tf


class Stop:
  """Base of the choices: a condition, evaluated after every iteration."""

  def __call__(self, statistics, best_return: "tf.Variable") -> "tf.Tensor":
    """Whether the run has reached its goal. Runs inside XLA.

    Args:
      statistics: the `EpisodeStatistics` of the training episodes.
      best_return: [] float32, the mean return of the best evaluation so far.

    Returns:
      [] bool.
    """
    raise NotImplementedError


@fields.config
class AtTheEnd(Stop):
  """Never: the run does all of its env steps."""

  def __call__(self, statistics, best_return):
    """Returns False."""
    import tensorflow as tf

    return tf.constant(False)


@fields.config
class OnLastEpisodes(Stop):
  """When the last finished episode of every environment was a success.

  These are training episodes, which explore.

  Attributes:
    min_episode_return: an episode with at least this return is a success.
  """

  min_episode_return: float = fields.number(gin.REQUIRED, -fields.INFINITY)

  def __call__(self, statistics, best_return):
    """Returns whether all of these episodes were successes."""
    return statistics.last_episodes_reached(self.min_episode_return)


@fields.config
class OnEvaluation(Stop):
  """When an evaluation is a success; the one before training counts too.

  Attributes:
    min_mean_return: an evaluation with at least this mean return is a success.
  """

  min_mean_return: float = fields.number(gin.REQUIRED, -fields.INFINITY)

  def __call__(self, statistics, best_return):
    """Returns whether the best evaluation was a success."""
    return best_return >= self.min_mean_return
