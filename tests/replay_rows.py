"""The rows of a replay buffer, which agents never see, for tests."""

import tensorflow as tf
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from agents_pipeline.losses import n_step
from agents_pipeline.replay import storage


def windows(buffer, size, num_rows):
  """Windows of consecutive rows [S, T, ...], chosen as `sample` chooses."""
  env, first = buffer._draw(size, num_rows)
  return read(buffer, env, first[:, None] + tf.range(num_rows))


def read(buffer, env, place):
  """Rows [S, T, ...] at places [S, T] of the rings [S]."""
  several = tf.repeat(env, place.shape[1])

  def field(i):
    flat = buffer._read_field(i, several, tf.reshape(place, [-1]))
    return tf.reshape(flat, [*place.shape, *flat.shape[1:]])

  row = buffer._read_numbers(env, place)
  return storage.Row(*(field(i) if x is None else x for i, x in enumerate(row)))


def kept(buffer) -> storage.Row:
  """Every row kept, [B, T, ...] from the oldest; all rings must be alike."""
  num_rows = buffer._rings.num_kept().numpy()  # [B]
  if len(set(num_rows)) > 1:
    raise ValueError("environments have different numbers of rows")
  env = tf.range(len(num_rows))
  oldest = buffer._rings.places(env, tf.constant(num_rows))  # [B]
  place = oldest[:, None] + tf.range(int(num_rows[0]))  # [B, T]
  return read(buffer, env, place)


def num_rows(buffer) -> tf.Tensor:
  """[] int32, the rows kept of all environments."""
  return tf.reduce_sum(buffer._rings.num_kept())


def transitions(window, gamma=1.0):
  """The n-step transitions [S, ...] of windows of rows [S, n + 1, ...]."""
  is_last = window.next_step_type[:, :-1] == ts.StepType.LAST
  reward, discount, last = n_step.n_step_return(
    window.reward[:, :-1], window.discount[:, :-1], is_last, gamma
  )
  at = lambda x, step: tf.gather(x, step, axis=1, batch_dims=1)
  own = tf.nest.map_structure(lambda x: x[:, 0], window)
  kind = tf.where(at(is_last, last), ts.StepType.LAST, ts.StepType.MID)
  return trajectory.Transition(
    ts.TimeStep(own.step_type, 0.0 * reward, 0.0 * reward + 1, own.observation),
    policy_step.PolicyStep(own.action, (), ()),
    ts.TimeStep(kind, reward, discount, at(window.observation, last + 1)),
  )
