"""Rewards to train on, of steps worked out by hand."""

import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.config import rewards

# Of five environments: the reward of a step, whether the episode ended with
# it, and the return until then.
REWARD = [0.0, 7.0, -0.5, 3.0, -7.0]
ENDED = [False, False, True, True, True]
RETURN = [9.0, 9.0, 1.5, 2.0, -7.0]


@pytest.mark.parametrize(
  ("choice", "expected"),
  [
    (rewards.KeepReward(), REWARD),
    (rewards.ClipReward(), [0, 1, -0.5, 1, -1]),
    (rewards.ClipReward(-2, 5), [0, 5, -0.5, 3, -2]),
    (rewards.SignReward(), [0, 1, -1, 1, -1]),
    (rewards.SuccessReward(2.0), [0, 0, -1, 1, -1]),
    (rewards.SuccessReward(1.0, 5.0, 0.5), [0, 0, 5, 5, 0.5]),
  ],
)
def test_rewards_by_hand(choice, expected, compiled):
  found = compiled(choice)(
    tf.constant(REWARD), tf.constant(ENDED), tf.constant(RETURN)
  )
  assert found.dtype == tf.float32
  assert found.numpy().tolist() == expected


def test_bounds_that_leave_nothing_between_them_are_rejected():
  with pytest.raises(errors.UserError) as caught:
    rewards.ClipReward(1.0, 1.0)
  assert str(caught.value).startswith(
    "ClipReward.low = 1.0: expected less than ClipReward.high = 1.0"
  )
