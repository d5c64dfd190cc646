"""Reward normalization by the standard deviation of returns."""

import tensorflow as tf
from tf_agents.trajectories import trajectory

from agents_pipeline.networks import normalization


class RewardNormalizer(tf.Module):
  """Divides rewards by the standard deviation of discounted returns.

  As gymnasium's `NormalizeReward`: every environment keeps the discounted sum
  of its episode's rewards so far, and all these sums together give the standard
  deviation. Rewards are not centered. Runs inside XLA.
  """

  def __init__(self, batch_size: int, gamma: float):
    """Starts at a standard deviation of 1.

    Args:
      batch_size: the number of environments, B.
      gamma: discount per env step.
    """
    super().__init__(name="reward_normalizer")
    self._gamma = gamma
    self._return = tf.Variable(tf.zeros((batch_size,)), name="return")
    self._statistics = normalization.RunningNormalization((), name="statistics")

  def update(self, rollout: trajectory.Transition) -> None:
    """Takes the rewards of a rollout [T, B, ...] into account."""
    reward = rollout.next_time_step.reward  # [T, B]
    mask = tf.cast(~rollout.time_step.is_last(), tf.float32)  # [T, B]
    continues = tf.cast(~rollout.next_time_step.is_last(), tf.float32)

    def add(before, step):
      (carried, _), (reward, mask, continues) = before, step
      total = self._gamma * carried + mask * reward  # [B]
      return total * continues, total

    carried, totals = tf.scan(
      add,
      (reward, mask, continues),
      (self._return.value(), tf.zeros_like(self._return)),
    )  # [T, B] each
    self._return.assign(carried[-1])
    self._statistics.update(totals, mask)

  def normalized(self, rollout: trajectory.Transition) -> trajectory.Transition:
    """Returns a rollout [T, B, ...] with its rewards divided."""
    next_time_step = rollout.next_time_step
    reward = self._statistics(next_time_step.reward, center=False)  # [T, B]
    return rollout._replace(
      next_time_step=next_time_step._replace(reward=reward)
    )

  def abandon_episodes(self) -> None:
    """Forgets the episodes under way, which will not be continued."""
    self._return.assign(tf.zeros_like(self._return))
