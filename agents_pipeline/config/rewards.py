"""Reward shaping for training: the choices of `EnvironmentConfig.reward`.

Evaluations, logged returns and stopping rules use the environment's own
rewards.
"""

import typing

import gin

from agents_pipeline import errors
from agents_pipeline.config import fields

if typing.TYPE_CHECKING:
  import tensorflow as tf


class Reward:
  """Base of the choices: a function of what a step gave."""

  def __call__(
    self, reward: "tf.Tensor", ended: "tf.Tensor", episode_return: "tf.Tensor"
  ) -> "tf.Tensor":
    """Shapes the rewards of one step of every environment.

    Args:
      reward: [B] float32, the environment's own rewards.
      ended: [B] bool, whether the episode ended with this step.
      episode_return: [B] float32, the sum of the environment's own rewards in
        the episode so far.

    Returns:
      [B] float32, the reward to train on.
    """
    raise NotImplementedError


@fields.config
class KeepReward(Reward):
  """The environment's own reward."""

  def __call__(self, reward, ended, episode_return):
    """Returns the reward as it is."""
    return reward


@fields.config
class ClipReward(Reward):
  """The reward clipped to [low, high], as Atari's in Mnih et al. (2015).

  Attributes:
    low: the least reward.
    high: the greatest reward.
  """

  low: float = fields.number(-1.0, -fields.INFINITY)
  high: float = fields.number(1.0, -fields.INFINITY)

  def validate(self) -> None:
    """Compares the bounds."""
    if self.low >= self.high:
      raise errors.UserError(
        f"ClipReward.low = {self.low}: expected less than ClipReward.high = "
        f"{self.high}"
      )

  def __call__(self, reward, ended, episode_return):
    """Returns the clipped reward."""
    import tensorflow as tf

    return tf.clip_by_value(reward, self.low, self.high)


@fields.config
class SignReward(Reward):
  """The sign of the reward: -1, 0 or 1."""

  def __call__(self, reward, ended, episode_return):
    """Returns the sign."""
    import tensorflow as tf

    return tf.sign(reward)


@fields.config
class SuccessReward(Reward):
  """0, except at an episode's end: there it is success or failure.

  At a time limit the target still bootstraps from the last observation.

  Attributes:
    min_episode_return: an episode with at least this return is a success.
    success: the last reward of a success.
    failure: the last reward of other episodes.
  """

  min_episode_return: float = fields.number(gin.REQUIRED, -fields.INFINITY)
  success: float = fields.number(1.0, -fields.INFINITY)
  failure: float = fields.number(-1.0, -fields.INFINITY)

  def __call__(self, reward, ended, episode_return):
    """Returns success or failure where the episode ended, else 0."""
    import tensorflow as tf

    succeeded = episode_return >= self.min_episode_return  # [B]
    last = tf.where(succeeded, self.success, self.failure)  # [B]
    return tf.where(ended, last, tf.zeros_like(reward))  # [B]
