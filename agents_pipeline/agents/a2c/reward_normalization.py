"""Rewards of about the same size, whatever an environment's are."""

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
    reached = rollout.next_time_step
    counts = tf.cast(~rollout.time_step.is_last(), tf.float32)  # [T, B]
    going_on = tf.cast(~reached.is_last(), tf.float32)  # [T, B]

    def add(before, step):
      (so_far, _), (reward, counts, going_on) = before, step
      total = self._gamma * so_far + counts * reward  # [B]
      return total * going_on, total

    so_far, totals = tf.scan(
      add,
      (reached.reward, counts, going_on),
      (self._return.value(), tf.zeros_like(self._return)),
    )  # [T, B] each
    self._return.assign(so_far[-1])
    self._statistics.update(totals, counts)

  def normalized(self, rollout: trajectory.Transition) -> trajectory.Transition:
    """Returns a rollout [T, B, ...] with its rewards divided."""
    reached = rollout.next_time_step
    reward = self._statistics(reached.reward, center=False)
    return rollout._replace(next_time_step=reached._replace(reward=reward))

  def abandon_episodes(self) -> None:
    """Forgets the episodes under way, which will not be finished."""
    self._return.assign(tf.zeros_like(self._return))
