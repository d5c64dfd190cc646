"""Fixed-length rollouts: T steps of every environment, over episode ends.

Episodes go on from one rollout to the next, and others begin within it.
"""

from collections.abc import Callable

import tensorflow as tf
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from agents_pipeline.collection import drivers

# The time step [B, ...] to act from -> transitions of [T, B, ...], and the time
# step to act from next.
Collect = Callable[[ts.TimeStep], tuple[trajectory.Transition, ts.TimeStep]]


def on_device(driver: drivers.StepDriver, num_steps: int) -> Collect:
  """Collects in one XLA program; its steps are a loop.

  Args:
    driver: acts in environments of TensorFlow ops.
    num_steps: T.
  """

  def collect(time_step):
    step_spec = driver.policy.time_step_spec
    spec = trajectory.Transition(
      step_spec, driver.policy.policy_step_spec, step_spec
    )
    arrays = tf.nest.map_structure(
      lambda s: tf.TensorArray(
        s.dtype, num_steps, element_shape=[*time_step.reward.shape, *s.shape]
      ),
      spec,
    )

    # Written out, tens of steps would compile for minutes.
    def body(t, time_step, arrays):
      action_step = driver.policy.action(time_step)
      transition, time_step = driver.transition(time_step, action_step)
      written = tf.nest.map_structure(
        lambda array, x: array.write(t, x), arrays, transition
      )
      return t + 1, time_step, written

    _, time_step, arrays = tf.while_loop(
      lambda t, *_: t < num_steps,
      body,
      (tf.constant(0), time_step, arrays),
      parallel_iterations=1,
      maximum_iterations=num_steps,
    )
    rollout = tf.nest.map_structure(lambda array: array.stack(), arrays)
    return rollout, time_step

  return collect


def around_host(driver: drivers.HostDriver, num_steps: int) -> Collect:
  """Collects in a graph around environments that live in Python.

  Its steps are written out: what a loop in a graph keeps of each costs as much
  as acting.

  Args:
    driver: acts in them.
    num_steps: T.
  """

  def collect(time_step):
    transitions, action_step = [], driver.act(time_step)
    for _ in range(num_steps - 1):
      transition, time_step, action_step = driver.transition_and_act(
        time_step, action_step
      )
      transitions.append(transition)
    # The next action is the learnt policy's.
    transition, time_step = driver.transition(time_step, action_step)
    transitions.append(transition)
    rollout = tf.nest.map_structure(lambda *x: tf.stack(x), *transitions)
    return rollout, time_step

  return collect
