"""The rows of a replay buffer, which agents never see, for tests."""

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import time_step as ts

from agents_pipeline.losses import n_step
from agents_pipeline.replay import rows


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
  return rows.Row(*(field(i) if x is None else x for i, x in enumerate(row)))


def kept(buffer) -> rows.Row:
  """Every row kept, [B, T, ...] from the oldest; all rings must be alike."""
  heads = buffer._heads.numpy()
  num_rows = np.minimum(heads, buffer._max_length)
  if len(set(num_rows)) > 1:
    raise ValueError("environments have different numbers of rows")
  first = buffer._in_ring(buffer._heads.value()) - int(num_rows[0])  # [B]
  place = first[:, None] + tf.range(int(num_rows[0]))  # [B, T]
  return read(buffer, tf.range(len(heads)), place)


def transitions(window, gamma=1.0):
  """The n-step transitions [S, ...] of windows of rows [S, n + 1, ...]."""
  is_last = window.next_step_type[:, :-1] == ts.StepType.LAST
  reward, discount, last = n_step.n_step_return(
    window.reward[:, :-1], window.discount[:, :-1], is_last, gamma
  )
  at = lambda x, step: tf.gather(x, step, axis=1, batch_dims=1)
  return rows.transition_of(
    tf.nest.map_structure(lambda x: x[:, 0], window),
    reward,
    discount,
    at(is_last, last),
    at(window.observation, last + 1),
  )
