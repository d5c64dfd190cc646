"""The rows that transitions are stored as."""

from typing import Any, NamedTuple

import tensorflow as tf
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts


class Row(NamedTuple):
  """An observation and the step taken from it, [B, ...] each.

  Attributes:
    step_type: int32, of the observation.
    observation: what was acted from.
    action: that was taken.
    next_step_type: int32, of the observation that it led to.
    reward: float32, of the step.
    discount: float32, of the step: 0 where the episode terminated.
  """

  step_type: Any
  observation: Any
  action: Any
  next_step_type: Any
  reward: Any
  discount: Any


def row_spec(observation_spec, action_spec) -> Row:
  """The spec of one row."""
  step_type, number = tf.TensorSpec((), tf.int32), tf.TensorSpec((), tf.float32)
  return Row(
    step_type, observation_spec, action_spec, step_type, number, number
  )


def rows_of(transition: trajectory.Transition) -> tuple[Row, Row]:
  """The two rows of a transition: its own, and the observation it led to.

  Args:
    transition: [B, ...].

  Returns:
    Rows of [B, ...]; what is not known of the second is 0.
  """
  time_step, step, next_time_step = transition
  own = Row(
    time_step.step_type,
    time_step.observation,
    step.action,
    next_time_step.step_type,
    next_time_step.reward,
    next_time_step.discount,
  )
  zero = tf.zeros_like(next_time_step.reward)  # [B]
  following = Row(
    next_time_step.step_type,
    next_time_step.observation,
    tf.nest.map_structure(tf.zeros_like, step.action),
    tf.fill(tf.shape(zero), ts.StepType.FIRST),
    zero,
    tf.ones_like(zero),
  )
  return own, following


def transition_of(
  own: Row, reward: tf.Tensor, discount: tf.Tensor, is_last, next_observation
) -> trajectory.Transition:
  """The transition that an agent trains on, [S, ...].

  Args:
    own: the row that it begins with. Where its step type is LAST it is no
      transition but an episode's last observation, which agents mask.
    reward: [S] float32, over one or several steps.
    discount: [S] float32, likewise.
    is_last: [S] bool, whether the episode ended there.
    next_observation: [S, ...], to bootstrap from.
  """
  return trajectory.Transition(
    ts.TimeStep(
      own.step_type,
      tf.zeros_like(reward),
      tf.ones_like(reward),
      own.observation,
    ),
    policy_step.PolicyStep(own.action, (), ()),
    ts.TimeStep(
      tf.where(is_last, ts.StepType.LAST, ts.StepType.MID),
      reward,
      discount,
      next_observation,
    ),
  )
