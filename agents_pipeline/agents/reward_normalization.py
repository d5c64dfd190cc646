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
    so_far, sums = self._return.value(), []  # [B]
    for t in range(reached.reward.shape[0]):
      sums.append(self._gamma * so_far + reached.reward[t])
      so_far = sums[-1] * going_on[t]
    self._return.assign(so_far)
    self._statistics.update(tf.stack(sums), counts)

  def normalized(self, rollout: trajectory.Transition) -> trajectory.Transition:
    """Returns a rollout [T, B, ...] with its rewards divided."""
    reached = rollout.next_time_step
    reward = self._statistics(reached.reward, center=False)
    return rollout._replace(next_time_step=reached._replace(reward=reward))

  def abandon_episodes(self) -> None:
    """Forgets the episodes under way, which will not be finished."""
    self._return.assign(tf.zeros_like(self._return))
