"""The driver: the order of its work, and shaped rewards."""

import pytest
import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from agents_pipeline.config import rewards
from agents_pipeline.training import drivers, episode_statistics


def steps(step_type, reward=(0.0, 0.0)):
  return ts.TimeStep(
    tf.constant(step_type, tf.int32), tf.constant(reward), tf.ones((2,)),
    tf.zeros((2, 1)),
  )  # fmt: skip


class Taped(tf_policy.TFPolicy):
  """A policy and an environment that write down what happens."""

  def __init__(self, tape):
    spec = ts.time_step_spec(tensor_spec.TensorSpec((1,), tf.float32))
    super().__init__(spec, tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1))
    self.tape = tape

  def _action(self, time_step, policy_state, seed):
    self.tape.append(f"act from {time_step.step_type.numpy().tolist()}")
    return policy_step.PolicyStep(tf.ones((2,), tf.int64), policy_state, ())

  def step_and_reset(self, action):
    self.tape.append(f"step {action.numpy().tolist()}")
    return steps([1, 2]), steps([1, 0])


def make_driver(environment, policy, observers=(), choice=None):
  statistics = episode_statistics.EpisodeStatistics(2, 9)
  return drivers.StepDriver(
    environment, policy, observers, statistics, choice or rewards.KeepReward()
  ), statistics


def test_a_driver_acts_steps_and_observes_in_this_order():
  tape = []
  both = Taped(tape)
  note = lambda who: (
    lambda t: tape.append(
      f"{who} sees {t.time_step.step_type.numpy().tolist()} -> "
      f"{t.next_time_step.step_type.numpy().tolist()}"
    )
  )
  driver, _ = make_driver(both, both, [note("buffer"), note("counter")])
  after, _ = driver.run(steps([0, 1]))
  driver.run(after)
  assert tape == [
    "act from [0, 1]", "step [1, 1]",
    "buffer sees [0, 1] -> [1, 2]", "counter sees [0, 1] -> [1, 2]",
    "act from [1, 0]", "step [1, 1]",
    "buffer sees [1, 0] -> [1, 2]", "counter sees [1, 0] -> [1, 2]",
  ]  # fmt: skip


class Played:
  """An environment whose steps lead where it is given."""

  def __init__(self, *reached):
    self._reached = iter(reached)

  def step_and_reset(self, action):
    del action
    reached = steps(*next(self._reached))
    ended = reached.is_last()
    after = reached._replace(
      step_type=tf.where(ended, 0, reached.step_type),
      reward=tf.where(ended, 0.0, reached.reward),
    )
    return reached, after


def shaped(choice, *reached):
  """The rewards to train on, and (env steps, return, length) of episodes."""
  observed = []
  driver, statistics = make_driver(
    Played(*reached), Taped([]), [observed.append], choice
  )
  time_step = steps([0, 0])
  for _ in reached:
    time_step, _ = driver.run(time_step)
    shaped_ = observed[-1].next_time_step.reward
    expected = tf.where(time_step.is_first(), 0.0, shaped_)
    assert time_step.reward.numpy().tolist() == expected.numpy().tolist()
  episodes = zip(*(x.tolist() for x in statistics.ended()), strict=True)
  return [t.next_time_step.reward.numpy().tolist() for t in observed], list(
    episodes
  )


REACHED = (([1, 1], (0.0, 7.0)), ([2, 1], (3.0, -0.5)), ([2, 2], (1.0, -7.0)))
# Returns 3 and 1 of the first environment, -0.5 of the second.
EPISODES = [(4, 3.0, 2), (6, 1.0, 1), (6, -0.5, 3)]


@pytest.mark.parametrize(
  ("choice", "expected"),
  [
    (rewards.KeepReward(), [[0, 7], [3, -0.5], [1, -7]]),
    (rewards.ClipReward(), [[0, 1], [1, -0.5], [1, -1]]),
    # It is told of the ends of episodes, and of their returns.
    (rewards.SuccessReward(2.0), [[0, 0], [1, 0], [-1, -1]]),
  ],
)
def test_rewards_are_shaped_and_returns_are_not(choice, expected):
  found, sums = shaped(choice, *REACHED)
  assert found == expected
  assert sums == EPISODES


def test_a_reset_step_has_no_shaped_reward_of_success():
  choice = rewards.SuccessReward(0.0)
  found, _ = shaped(choice, ([2, 1], (1.0, 1.0)), ([0, 1], (0.0, 1.0)))
  assert found == [[1, 0], [0, 0]]
