"""n-step returns, with numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.trajectories import trajectory

from agents_pipeline.losses import n_step

FIRST, MID, LAST = 0, 1, 2


def window(step_types, next_step_types, rewards, discounts):
  """One window [1, T]; the observation of row i is 10 * i."""
  row = lambda x, dtype: tf.constant([x], dtype)
  length = len(rewards)
  return trajectory.Trajectory(
    row(step_types, tf.int32),
    row([[10.0 * i] for i in range(length)], tf.float32),
    row(list(range(length)), tf.int64),
    (),
    row(next_step_types, tf.int32),
    row(rewards, tf.float32),
    row(discounts, tf.float32),
  )


def convert(experience, gamma, compiled=lambda f: f):
  """The return, with the window's steps as tensors of the function."""
  is_last = experience.next_step_type == LAST
  return compiled(
    lambda reward, discount, is_last: n_step.n_step_return(
      reward, discount, is_last, gamma
    )
  )(experience.reward[:, :-1], experience.discount[:, :-1], is_last[:, :-1])


def numbers(found):
  """Reward, discount, and how many steps they are of."""
  reward, discount, last = (float(x[0]) for x in found)
  return reward, discount, last + 1


def test_one_step_is_the_row_itself(compiled):
  experience = window([MID, MID], [MID, MID], [5, 7], [1, 1])
  found = convert(experience, 0.9, compiled)
  assert numbers(found) == pytest.approx((5, 1, 1))


def test_three_steps_within_an_episode(compiled):
  experience = window([MID] * 4, [MID] * 4, [1, 2, 4, 99], [1] * 4)
  # 1 + 0.5 * 2 + 0.25 * 4 = 3; gamma^2 = 0.25, the agent multiplies by gamma.
  found = convert(experience, 0.5, compiled)
  assert numbers(found) == pytest.approx((3, 0.25, 3))


def test_stops_at_a_termination_and_bootstraps_with_zero(compiled):
  experience = window(
    [MID, MID, LAST, FIRST],
    [MID, LAST, FIRST, MID],
    [1, 2, 0, 99],
    [1, 0, 1, 1],
  )
  # 1 + 0.5 * 2 = 2, and nothing of the next episode's 99.
  found = convert(experience, 0.5, compiled)
  assert numbers(found) == pytest.approx((2, 0, 2))


def test_stops_at_a_truncation_and_bootstraps_from_its_last_observation(
  compiled,
):
  experience = window(
    [MID, MID, LAST, FIRST],
    [MID, LAST, FIRST, MID],
    [1, 2, 0, 99],
    [1, 1, 1, 1],
  )
  # 1 + 0.5 * 2 = 2, then gamma^2 * V of what step 2 led to.
  found = convert(experience, 0.5, compiled)
  assert numbers(found) == pytest.approx((2, 0.5, 2))


def test_truncation_corrects_what_tf_agents_computes():
  """tensorflow/agents#939: theirs adds the next episode's reward."""
  experience = window(
    [MID, LAST, FIRST, MID], [LAST, FIRST, MID, MID], [1, 0, 8, 0], [1] * 4
  )
  theirs = trajectory.to_n_step_transition(experience, gamma=0.5)
  ours = convert(experience, 0.5)
  # Theirs: 1 + 0.5 * 0 + 0.25 * 8 = 3, from an observation of episode 2.
  assert float(theirs.next_time_step.reward[0]) == pytest.approx(3)
  assert float(theirs.next_time_step.observation[0, 0]) == 30
  # Right: the one reward of this episode, and its own last observation.
  assert numbers(ours) == pytest.approx((1, 1, 1))


def test_environment_discounts_are_multiplied_in(compiled):
  experience = window([MID] * 3, [MID] * 3, [1, 2, 0], [0.5, 0.8, 1])
  # 1 + gamma * 0.5 * 2 = 2 with gamma 1; discount 0.5 * 0.8.
  found = convert(experience, 1.0, compiled)
  assert numbers(found) == pytest.approx((2, 0.4, 2))


def test_gamma_zero_keeps_the_first_reward_alone(compiled):
  experience = window([MID] * 4, [MID] * 4, [3, 2, 4, 9], [1] * 4)
  reward, discount, _ = numbers(convert(experience, 0.0, compiled))
  assert (reward, discount) == (3, 0)


def test_each_window_of_a_batch_is_cut_where_it_ends():
  ends = window([MID, LAST, FIRST], [LAST, FIRST, MID], [1, 0, 5], [0, 1, 1])
  continues = window([MID] * 3, [MID] * 3, [1, 2, 5], [1] * 3)
  both = tf.nest.map_structure(lambda *x: tf.concat(x, 0), ends, continues)
  found = convert(both, 1.0)
  np.testing.assert_allclose(found.reward, [1, 3])
  np.testing.assert_allclose(found.discount, [0, 1])
  np.testing.assert_allclose(found.last, [0, 1])


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_arguments_of_other_shapes_are_rejected(wrong):
  """They would broadcast."""
  arguments = [tf.ones((4, 3)), tf.ones((4, 3)), tf.zeros((4, 3), tf.bool)]
  arguments[wrong] = arguments[wrong][:, 0]
  with pytest.raises(ValueError, match="[Ss]hape"):
    n_step.n_step_return(*arguments, 0.9)
