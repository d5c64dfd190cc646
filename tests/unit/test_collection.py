"""Drivers and what observes them."""

import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from agents_pipeline.collection import drivers, episode_statistics


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


def test_statistics_sum_returns_and_lengths_of_ended_episodes():
  statistics = episode_statistics.EpisodeStatistics(2)
  watch(
    statistics,
    ([1, 1], (1.0, 10.0)),
    ([2, 1], (2.0, 20.0)),  # ends with 3 after 2 steps
    ([1, 2], (5.0, 30.0)),  # ends with 60 after 3 steps
  )
  assert statistics.take() == (2, 63.0, 5.0)
  assert statistics.take() == (0, 0.0, 0.0)
  assert int(statistics.env_steps) == 6
  assert int(statistics.num_episodes) == 2
  watch(statistics, ([2, 2], (1.0, 7.0)))
  assert statistics.take() == (2, 6.0 + 7.0, 2.0 + 1.0)


def test_statistics_leave_out_steps_that_only_reset():
  statistics = episode_statistics.EpisodeStatistics(2)
  watch(
    statistics,
    ([2, 1], (1.0, 1.0)),
    ([0, 1], (99.0, 1.0)),  # the first copy resets
    ([2, 2], (4.0, 1.0)),
  )
  assert int(statistics.env_steps) == 5
  assert statistics.take() == (3, 1.0 + 4.0 + 3.0, 1.0 + 1.0 + 3.0)


def test_abandoned_episodes_are_not_counted():
  statistics = episode_statistics.EpisodeStatistics(2)
  watch(statistics, ([1, 1], (1.0, 10.0)))
  statistics.abandon_episodes()
  watch(statistics, ([2, 2], (2.0, 20.0)))
  assert statistics.take() == (2, 22.0, 2.0)
