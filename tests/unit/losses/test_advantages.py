"""Returns and advantages: corners whose numbers are worked out by hand."""

import pytest
import tensorflow as tf

from agents_pipeline.losses import advantages

# One environment, three steps. Rewards 1, 2, 4; V(s) 10, 20, 30; V(s') where
# nothing ends is the next V(s), and 40 at the rollout's end.
REWARD, VALUE, NEXT = [1.0, 2.0, 4.0], [10.0, 20.0, 30.0], [20.0, 30.0, 40.0]


NEVER = [False, False, False]


def column(values, dtype=tf.float32):
  """[T] -> [T, 1]."""
  return tf.constant(values, dtype)[:, None]


def gae(way, gamma, lam, terminated=NEVER, truncated=NEVER, next_value=NEXT):
  """The advantages, which a loop and single steps agree on."""
  looped, unrolled = (
    way(
      lambda *tensors, unroll=unroll: advantages.generalized_advantages(
        *tensors, gamma, lam, unroll=unroll
      )
    )(
      column(REWARD), column(VALUE), column(next_value),
      column(terminated, tf.bool), column(truncated, tf.bool),
    )[:, 0].numpy().tolist()
    for unroll in (False, True)
  )  # fmt: skip
  assert looped == unrolled
  return looped


def test_gamma_0_sees_only_the_reward(compiled):
  assert gae(compiled, 0.0, 0.7) == [1 - 10, 2 - 20, 4 - 30]


def test_gamma_1_and_lambda_1_is_the_whole_sum(compiled):
  assert gae(compiled, 1.0, 1.0) == [47 - 10, 46 - 20, 44 - 30]


def test_lambda_0_is_the_one_step_error(compiled):
  # 1 + 20/2 - 10, 2 + 30/2 - 20, 4 + 40/2 - 30
  assert gae(compiled, 0.5, 0.0) == [1.0, -3.0, -6.0]


def test_lambda_in_between_discounts_later_errors(compiled):
  # The errors above, each step back worth 0.5 * 0.5.
  assert gae(compiled, 0.5, 0.5) == [1 - 4.5 / 4, -3 - 6 / 4, -6.0]


def test_a_termination_has_nothing_ahead(compiled):
  ends = [False, True, False]
  assert gae(compiled, 1.0, 1.0, terminated=ends) == [3 - 10, 2 - 20, 44 - 30]


def test_a_truncation_has_the_value_of_the_true_last_observation(compiled):
  ends, ahead = [False, True, False], [20.0, 500.0, 40.0]
  assert gae(
    compiled, 1.0, 1.0, truncated=ends, next_value=ahead
  ) == [503 - 10, 502 - 20, 44 - 30]  # fmt: skip


def test_both_at_once_count_as_terminated(compiled):
  ends = [False, True, False]
  both = {"terminated": ends, "truncated": ends, "next_value": [20.0, 9e9, 40]}
  assert gae(compiled, 1.0, 1.0, **both) == [3 - 10, 2 - 20, 44 - 30]


@pytest.mark.parametrize("kind", ["terminated", "truncated"])
def test_nothing_of_the_next_episode_reaches_back(compiled, kind):
  """What comes after the end may be anything."""
  ends = {kind: [False, True, False]}
  plain = gae(compiled, 0.9, 0.95, **ends)
  REWARD[2] = 4e6
  try:
    changed = gae(compiled, 0.9, 0.95, **ends)
    assert changed[2] > 1e6
    assert changed[:2] == plain[:2]
  finally:
    REWARD[2] = 4.0


def test_an_end_at_the_rollouts_last_step(compiled):
  last = [False, False, True]
  # Returns 3, 4 and 4, or with 40 ahead 8, 14 and 24; less V.
  ended = gae(compiled, 0.5, 1.0, terminated=last)
  assert ended == [3 - 10, 4 - 20, 4 - 30]
  cut_off = gae(compiled, 0.5, 1.0, truncated=last)
  assert cut_off == [8 - 10, 14 - 20, 24 - 30]


def test_a_rollout_of_one_step(compiled):
  one = compiled(
    lambda *tensors: advantages.generalized_advantages(*tensors, 0.5, 1.0)
  )
  no = tf.constant([[False, False]])
  found = one(
    tf.constant([[1.0, 2.0]]), tf.constant([[3.0, 4.0]]),
    tf.constant([[8.0, 6.0]]), no, no,
  )  # fmt: skip
  assert found.numpy().tolist() == [[2.0, 1.0]]


@pytest.mark.parametrize("wrong", range(5))
def test_arguments_that_would_broadcast_are_rejected(wrong):
  arguments = [tf.ones((5, 2))] * 3 + [tf.zeros((5, 2), tf.bool)] * 2
  arguments[wrong] = arguments[wrong][:1]
  with pytest.raises(ValueError, match="[Ss]hape"):
    advantages.generalized_advantages(*arguments, 0.9, 0.95)
