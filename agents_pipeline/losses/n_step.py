"""What is learnt towards: returns over several steps."""

import tensorflow as tf
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts


def n_step_transition(
  experience: trajectory.Trajectory, gamma: float
) -> trajectory.Transition:
  """Sums n rewards, and no further than the end of the episode.

  With m <= n the number of steps until the episode ends or the window does,

    reward   = sum_{i < m} gamma^i * (prod_{j < i} discount_j) * reward_i
    discount = gamma^(m - 1) * prod_{i < m} discount_i
    next observation = the one reached by step m - 1

  so that `reward + gamma * discount * V(next)` is the n-step return of Sutton &
  Barto (2018), section 7.1. A truncated episode bootstraps from its true last
  observation. TF-Agents' own conversion runs on into the next episode there
  (tensorflow/agents#939). Runs inside XLA.

  Args:
    experience: [B, n + 1, ...], consecutive rows. The row of a last observation
      has step type LAST; rows after it belong to the next episode.
    gamma: the agent's discount per env step.

  Returns:
    A transition of [B, ...]. Its first step type is LAST where the window
    began at an episode's end; agents mask that.

  Raises:
    ValueError: the window is shorter than two rows.
  """
  num_steps = experience.reward.shape[1] - 1
  if num_steps < 1:
    raise ValueError(f"expected at least 2 rows, got {num_steps + 1}")
  first = tf.nest.map_structure(
    lambda x: x[:, 0],
    (experience.step_type, experience.observation, experience.action),
  )
  sum_steps = _one_step if num_steps == 1 else _many_steps
  reached = sum_steps(experience, gamma)
  return trajectory.Transition(
    ts.TimeStep(
      first[0],
      tf.zeros_like(reached.reward),
      tf.ones_like(reached.reward),
      first[1],
    ),
    policy_step.PolicyStep(first[2], (), ()),
    reached,
  )


def _one_step(experience: trajectory.Trajectory, gamma: float) -> ts.TimeStep:
  """What the first step reached, [B, ...]: there is nothing to sum."""
  del gamma
  return ts.TimeStep(
    _step_type_reached(experience.next_step_type[:, 0]),
    experience.reward[:, 0],
    experience.discount[:, 0],
    experience.observation[:, 1],
  )


def _many_steps(experience: trajectory.Trajectory, gamma: float) -> ts.TimeStep:
  """What n steps reached, [B, ...], with their summed rewards."""
  reward = experience.reward[:, :-1]  # [B, n]
  discount = experience.discount[:, :-1]  # [B, n]
  next_step_type = experience.next_step_type[:, :-1]  # [B, n]
  going_on = tf.cast(next_step_type != ts.StepType.LAST, tf.float32)  # [B, n]
  # 1 for the steps up to and including the first that ended the episode.
  counts = tf.math.cumprod(going_on, axis=1, exclusive=True)  # [B, n]
  power = gamma ** tf.range(reward.shape[1], dtype=tf.float32)  # [n]
  weight = tf.math.cumprod(discount, axis=1, exclusive=True) * power  # [B, n]
  last = tf.reduce_sum(tf.cast(counts, tf.int32), axis=1) - 1  # [B], m - 1
  at = lambda x, row: tf.gather(x, row, axis=1, batch_dims=1)  # [B, ...]
  return ts.TimeStep(
    _step_type_reached(at(next_step_type, last)),
    tf.reduce_sum(counts * weight * reward, axis=1),
    at(weight * discount, last),
    at(experience.observation, last + 1),
  )


def _step_type_reached(next_step_type: tf.Tensor) -> tf.Tensor:
  is_last = next_step_type == ts.StepType.LAST
  return tf.where(is_last, ts.StepType.LAST, ts.StepType.MID)
