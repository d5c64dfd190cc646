"""Fixed-length rollouts: T steps of every environment, over episode ends."""

from collections.abc import Callable

import tensorflow as tf
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from agents_pipeline.collection import drivers


def collect(
  driver: drivers.StepDriver,
  act: Callable[[ts.TimeStep], policy_step.PolicyStep],
  time_step: ts.TimeStep,
  num_steps: int,
) -> tuple[trajectory.Transition, ts.TimeStep]:
  """Acts in every environment for some steps.

  Episodes go on from one rollout to the next, and others begin within it.

  Args:
    driver: steps the environments; its observers watch.
    act: what to do; the driver's policy, compiled or not.
    time_step: [B, ...], to act from.
    num_steps: T.

  Returns:
    Transitions of [T, B, ...], and the time step to act from next.
  """
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

  # A loop: written out, hundreds of steps would compile for an hour.
  def body(t, time_step, arrays):
    transition, time_step = driver.transition(time_step, act(time_step))
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
  return tf.nest.map_structure(lambda array: array.stack(), arrays), time_step
