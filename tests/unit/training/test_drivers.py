"""Drivers and what observes them."""

import pytest
import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from agents_pipeline.config import rewards
from agents_pipeline.training import (
  drivers,
  episode_statistics,
  rollouts,
  shaping,
)


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


def test_a_driver_acts_steps_and_tells_in_this_order():
  tape = []
  both = Taped(tape)
  tell = lambda who: (
    lambda t: tape.append(
      f"{who} sees {t.time_step.step_type.numpy().tolist()} -> "
      f"{t.next_time_step.step_type.numpy().tolist()}"
    )
  )
  driver = drivers.StepDriver(both, both, [tell("buffer"), tell("counter")])
  after, _ = driver.run(steps([0, 1]))
  driver.run(after)
  assert tape == [
    "act from [0, 1]", "step [1, 1]",
    "buffer sees [0, 1] -> [1, 2]", "counter sees [0, 1] -> [1, 2]",
    "act from [1, 0]", "step [1, 1]",
    "buffer sees [1, 0] -> [1, 2]", "counter sees [1, 0] -> [1, 2]",
  ]  # fmt: skip


def watch(statistics, *reached):
  """Tells of steps; returns what was told of the episodes so far."""
  return [
    statistics.observe(steps(step_type, reward)).numpy().tolist()
    for step_type, reward in reached
  ]


def taken(statistics):
  """(env steps, return, length) of every episode since the last look."""
  episodes = statistics.ended()
  statistics.forget_ended()
  return list(zip(*(column.tolist() for column in episodes), strict=True))


def test_statistics_keep_every_ended_episode():
  statistics = episode_statistics.EpisodeStatistics(2, 9)
  watch(
    statistics,
    ([1, 1], (1.0, 10.0)),
    ([2, 1], (2.0, 20.0)),  # ends with 3 after 2 steps
    ([1, 2], (5.0, 30.0)),  # ends with 60 after 3 steps
  )
  assert taken(statistics) == [(4, 3.0, 2), (6, 60.0, 3)]
  assert taken(statistics) == []
  assert int(statistics.env_steps) == 6
  assert int(statistics.num_episodes) == 2
  watch(statistics, ([2, 2], (1.0, 7.0)))
  assert taken(statistics) == [(8, 6.0, 2), (8, 7.0, 1)]


def test_statistics_leave_out_steps_that_only_reset():
  statistics = episode_statistics.EpisodeStatistics(2, 9)
  watch(
    statistics,
    ([2, 1], (1.0, 1.0)),
    ([0, 1], (99.0, 1.0)),  # the first copy resets
    ([2, 2], (4.0, 1.0)),
  )
  assert int(statistics.env_steps) == 5
  assert taken(statistics) == [(2, 1.0, 1), (5, 4.0, 1), (5, 3.0, 3)]


def test_abandoned_episodes_are_not_counted():
  statistics = episode_statistics.EpisodeStatistics(2, 9)
  watch(statistics, ([1, 1], (1.0, 10.0)))
  statistics.abandon_episodes()
  watch(statistics, ([2, 2], (2.0, 20.0)))
  assert taken(statistics) == [(4, 2.0, 1), (4, 20.0, 1)]


def test_what_is_told_is_the_return_so_far():
  statistics = episode_statistics.EpisodeStatistics(2, 9)
  told = watch(
    statistics,
    ([1, 1], (1.0, 10.0)),
    ([2, 1], (2.0, 20.0)),
    ([1, 1], (5.0, 30.0)),
  )
  assert told == [[1.0, 10.0], [3.0, 30.0], [5.0, 60.0]]


def test_success_is_of_the_last_episode_of_every_environment():
  statistics = episode_statistics.EpisodeStatistics(2, 9)
  reached = lambda: bool(statistics.last_episodes_reached(5.0))
  assert not reached()
  watch(statistics, ([2, 1], (7.0, 3.0)))
  assert not reached()  # the second has not ended any
  watch(statistics, ([1, 2], (1.0, 2.0)))
  assert reached()  # 7, and 3 + 2
  watch(statistics, ([2, 1], (1.0, 0.0)))
  assert not reached()  # 2, and 5


class Played:
  """An environment that reaches what it is told to."""

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
  """What is learnt from, and the statistics."""
  statistics = episode_statistics.EpisodeStatistics(2, 9)
  environment = shaping.ShapedEnvironment(
    Played(*reached), shaping.shaping(choice), statistics
  )
  rewards_ = []
  for _ in reached:
    learnt, after = environment.step_and_reset(None)
    rewards_.append(learnt.reward.numpy().tolist())
    expected = tf.where(after.is_first(), 0.0, learnt.reward)
    assert after.reward.numpy().tolist() == expected.numpy().tolist()
  return rewards_, taken(statistics)


REACHED = (([1, 1], (0.0, 7.0)), ([2, 1], (3.0, -0.5)), ([2, 2], (1.0, -7.0)))
# Returns 3 and 1 of the first environment, -0.5 of the second.
EPISODES = [(4, 3.0, 2), (6, 1.0, 1), (6, -0.5, 3)]


@pytest.mark.parametrize(
  ("choice", "expected"),
  [
    (rewards.KeepReward(), [[0, 7], [3, -0.5], [1, -7]]),
    (rewards.ClipReward(), [[0, 1], [1, -0.5], [1, -1]]),
    (rewards.ClipReward(-2, 5), [[0, 5], [3, -0.5], [1, -2]]),
    (rewards.SignReward(), [[0, 1], [1, -1], [1, -1]]),
    (rewards.SuccessReward(2.0), [[0, 0], [1, 0], [-1, -1]]),
    (rewards.SuccessReward(1.0, 5.0, 0.5), [[0, 0], [5, 0], [5, 0.5]]),
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


def on_device(environment, driver, num_steps, time_step):
  del environment
  return rollouts.on_device(driver, num_steps, time_step)


def in_python(environment, driver, num_steps, time_step):
  """What was stepped is worked out afterwards."""
  steps = rollouts.step_in_python(
    environment,
    driver.policy.action,
    lambda arrays: driver.policy.action(environment.time_steps(arrays)[1]),
    num_steps,
    time_step,
  )
  return rollouts.of_python_steps(driver, steps, time_step)


@pytest.mark.parametrize("collect", [on_device, in_python])
def test_rollouts_go_on_over_the_ends_of_episodes(collect):
  class Counting:
    """Two environments: their states count steps; the first ends at 3."""

    def __init__(self):
      self.state = tf.Variable([1.0, 1.0])

    def step_and_reset(self, action):
      now = self.state + tf.cast(action, tf.float32)
      ended = now[0] >= 3
      make = lambda kind, value: ts.TimeStep(
        tf.stack([kind, tf.constant(1)]), now, tf.ones((2,)), value[:, None]
      )
      self.state.assign(tf.stack([tf.where(ended, 0.0, now[0]), now[1]]))
      return (
        make(tf.where(ended, 2, 1), now),
        make(tf.where(ended, 0, 1), self.state.read_value()),
      )

    def step_in_python(self, action):
      return tf.nest.flatten(self.step_and_reset(action))

    def time_steps(self, arrays):
      return ts.TimeStep(*arrays[:4]), ts.TimeStep(*arrays[4:])

  environment = Counting()
  driver = drivers.StepDriver(environment, Taped([]), [])
  begin = steps([1, 1])._replace(observation=tf.ones((2, 1)))
  rollout, after = collect(environment, driver, 4, begin)
  numbers = lambda step: step.observation[..., 0].numpy().tolist()
  assert numbers(rollout.time_step) == [[1, 1], [2, 2], [0, 3], [1, 4]]
  assert numbers(rollout.next_time_step) == [[2, 2], [3, 3], [1, 4], [2, 5]]
  assert rollout.next_time_step.step_type[:, 0].numpy().tolist() == [1, 2, 1, 1]
  assert rollout.time_step.step_type[:, 0].numpy().tolist() == [1, 1, 0, 1]
  assert numbers(after) == [2, 5]
  again, _ = collect(environment, driver, 1, after)
  assert numbers(again.time_step) == [[2, 5]]
