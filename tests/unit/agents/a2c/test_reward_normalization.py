"""Rewards by the deviation of discounted returns, by hand."""

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from agents_pipeline.agents.a2c import reward_normalization

FIRST, MID, LAST = 0, 1, 2


def rollout(reward, step_type, next_step_type):
  """[T, B = 1], without observations and actions."""
  column = lambda x, dtype: tf.constant(x, dtype)[:, None]
  step = lambda kind, reward: ts.TimeStep(
    column(kind, tf.int32), column(reward, tf.float32), (), ()
  )
  return trajectory.Transition(
    step(step_type, [0.0] * len(reward)), (), step(next_step_type, reward)
  )


# Sums with gamma 0.5: 2, 1 + 4 = 5, then a new episode: -1. The step that only
# resets, from LAST to FIRST, does not count.
ROLLOUT = rollout(
  [2.0, 4.0, 9.0, -1.0], [FIRST, MID, LAST, FIRST], [MID, LAST, FIRST, MID]
)


def test_rewards_are_divided_by_the_deviation_of_sums_so_far(compiled):
  normalizer = reward_normalization.RewardNormalizer(1, gamma=0.5)
  compiled(normalizer.update)(ROLLOUT)
  found = compiled(normalizer.normalized)(ROLLOUT).next_time_step.reward
  expected = np.array([2.0, 4.0, 9.0, -1.0]) / np.std([2.0, 5.0, -1.0])
  np.testing.assert_allclose(found[:, 0], expected, rtol=1e-6)


def test_a_sum_continues_in_the_next_rollout_unless_its_episode_is_abandoned():
  for abandoned, expected in ((False, [2, 5, -1, 1.5]), (True, [2, 5, -1, 2])):
    normalizer = reward_normalization.RewardNormalizer(1, gamma=0.5)
    normalizer.update(ROLLOUT)
    if abandoned:
      normalizer.abandon_episodes()
    following = rollout([2.0], [MID], [MID])
    normalizer.update(following)
    found = normalizer.normalized(following).next_time_step.reward
    np.testing.assert_allclose(found, [[2 / np.std(expected)]], rtol=1e-6)
