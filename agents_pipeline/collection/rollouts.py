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
  transitions = []
  for _ in range(num_steps):
    transition, time_step = driver.transition(time_step, act(time_step))
    transitions.append(transition)
  return tf.nest.map_structure(lambda *x: tf.stack(x), *transitions), time_step
