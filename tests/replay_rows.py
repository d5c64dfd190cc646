"""Replay buffers for tests, and their rows, which agents never see."""

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from agents_pipeline.losses import n_step
from agents_pipeline.ops import random_stream
from agents_pipeline.replay import prioritized, specs, storage, uniform

ACTION = tensor_spec.TensorSpec((), tf.int64)


def make_buffer(max_length=8, seed=0, **experience):
  return uniform.UniformReplayBuffer(
    _spec(**experience), max_length, random_stream.RandomStream(seed)
  )


def make_prioritized(
  max_length=8, seed=0, alpha=1.0, beta=1.0, epsilon=1e-6, **experience
):
  return prioritized.PrioritizedReplayBuffer(
    _spec(**experience),
    max_length,
    random_stream.RandomStream(seed),
    alpha=alpha,
    beta=lambda: tf.constant(beta),
    epsilon=epsilon,
  )


def _spec(num_envs=1, observation=tf.float32, **sampling):
  return specs.ReplaySpec(
    tensor_spec.TensorSpec((1,), observation),
    ACTION,
    num_envs,
    **({"batch_size": 4} | sampling),
  )


def transition(
  step_type, observation, next_step_type, next_observation, dtype=tf.float32
):
  """A transition of [B]; its reward is its observation, its action too."""
  number = np.atleast_1d(observation)
  time_step = lambda kind, x, reward: ts.TimeStep(
    tf.constant(np.broadcast_to(kind, number.shape), tf.int32),
    tf.constant(np.broadcast_to(reward, number.shape), tf.float32),
    tf.ones(number.shape),
    tf.constant(np.atleast_1d(x)[:, None], dtype),
  )
  return trajectory.Transition(
    time_step(step_type, observation, 0),
    policy_step.PolicyStep(tf.constant(number, tf.int64), (), ()),
    time_step(next_step_type, next_observation, number),
  )


def add_episode(buffer, first, last):
  """Observations first to last, one apart; every reward is where it began."""
  for i in range(first, last):
    buffer.add(
      transition(
        ts.StepType.FIRST if i == first else ts.StepType.MID,
        i,
        ts.StepType.LAST if i + 1 == last else ts.StepType.MID,
        i + 1,
      )
    )


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

  row = buffer._read_packed(env, place)
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


def priorities(buffer) -> np.ndarray:
  """[N] float32, of every row of the tables of prioritized replay."""
  return buffer._tree.priorities(tf.range(buffer._rings.table_length)).numpy()


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


def experience(
  observations,
  actions,
  rewards,
  discounts,
  step_types,
  next_step_types,
  gamma=0.5,
):
  """The transition [1, ...] of one window of rows, as a buffer samples it."""
  row = lambda x, dtype: tf.constant(x, dtype)[None]
  window = storage.Row(
    row(step_types, tf.int32), row(observations, tf.float32),
    row(actions, tf.int64), row(next_step_types, tf.int32),
    row(rewards, tf.float32), row(discounts, tf.float32),
  )  # fmt: skip
  return transitions(window, gamma)
