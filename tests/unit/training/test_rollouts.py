"""Rollouts of environments on the device and in Python."""

import pytest
import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from agents_pipeline.config import rewards
from agents_pipeline.training import (
  compilation,
  drivers,
  episode_statistics,
  rollouts,
)


def steps(step_type, reward=(0.0, 0.0)):
  return ts.TimeStep(
    tf.constant(step_type, tf.int32), tf.constant(reward), tf.ones((2,)),
    tf.zeros((2, 1)),
  )  # fmt: skip


class AlwaysOne(tf_policy.TFPolicy):
  def __init__(self):
    spec = ts.time_step_spec(tensor_spec.TensorSpec((1,), tf.float32))
    super().__init__(spec, tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1))

  def _action(self, time_step, policy_state, seed):
    return policy_step.PolicyStep(tf.ones((2,), tf.int64), policy_state, ())


def on_device(environment, driver, num_steps, time_step):
  del environment
  return rollouts.on_device(driver, num_steps, time_step)


def in_python(environment, driver, num_steps, time_step):
  """Transitions are computed afterwards."""
  steps = rollouts.step_in_python(
    environment,
    driver.policy.action,
    lambda arrays, stack: (
      driver.policy.action(environment.time_steps(arrays, stack)[1]),
      stack,
    ),
    num_steps,
    time_step,
  )
  return rollouts.of_python_steps(driver, steps, time_step)


@pytest.mark.parametrize("unrolls", [False, True])
@pytest.mark.parametrize("collect", [on_device, in_python])
def test_rollouts_continue_across_episode_ends(collect, unrolls, monkeypatch):
  monkeypatch.setattr(compilation, "unrolls", lambda num_steps: unrolls)

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

    def stack_of(self, time_step):
      return ()

    def time_steps(self, arrays, stack=()):
      return ts.TimeStep(*arrays[:4]), ts.TimeStep(*arrays[4:])

  environment = Counting()
  statistics = episode_statistics.EpisodeStatistics(2, 9)
  driver = drivers.StepDriver(
    environment, AlwaysOne(), [], statistics, rewards.KeepReward()
  )
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
  assert int(statistics.env_steps) == 10
  # The first environment's: 2 + 3, then 1 + 2 + 3; two env steps at a time.
  ended = [x.tolist() for x in statistics.ended()]
  assert ended == [[4, 10], [5.0, 6.0], [2, 3]]
