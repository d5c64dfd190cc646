"""The rows that a transition is stored as."""

import tensorflow as tf
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory


def rows_of(
  items: trajectory.Transition,
) -> tuple[trajectory.Trajectory, trajectory.Trajectory]:
  """The two rows of a transition: its own, and the observation it reached.

  Args:
    items: [B, ...].

  Returns:
    Rows of [B, ...]; what is not known of the second is 0.
  """
  time_step, policy_step, next_time_step = items
  zero, one = tf.zeros_like(time_step.reward), tf.ones_like(time_step.reward)
  own = trajectory.Trajectory(
    time_step.step_type,
    time_step.observation,
    policy_step.action,
    policy_step.info,
    next_time_step.step_type,
    next_time_step.reward,
    next_time_step.discount,
  )
  reached = trajectory.Trajectory(
    next_time_step.step_type,
    next_time_step.observation,
    tf.nest.map_structure(tf.zeros_like, policy_step.action),
    tf.nest.map_structure(tf.zeros_like, policy_step.info),
    tf.fill(tf.shape(zero), ts.StepType.FIRST),
    zero,
    one,
  )
  return own, reached
