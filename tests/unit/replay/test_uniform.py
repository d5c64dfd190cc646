"""The replay buffer: what is kept, what is sampled, at what cost in bytes."""

import numpy as np
import pytest
import replay_rows
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from agents_pipeline.ops import random_stream
from agents_pipeline.replay import uniform

FIRST, MID, LAST = 0, 1, 2
ACTION = tensor_spec.TensorSpec((), tf.int64)


def make_buffer(
  num_envs=1, max_length=8, observation=tf.float32, seed=0, **sampling
):
  sampling = {"batch_size": 4} | sampling
  return uniform.UniformReplayBuffer(
    tensor_spec.TensorSpec((1,), observation),
    ACTION,
    num_envs,
    max_length,
    random_stream.RandomStream(seed),
    **sampling,
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
        FIRST if i == first else MID, i, LAST if i + 1 == last else MID, i + 1
      )
    )


def rows(buffer):
  kept = replay_rows.kept(buffer)
  return [
    (int(kind), float(x[0]))
    for kind, x in zip(kept.step_type[0], kept.observation[0], strict=True)
  ]


def test_stores_each_observation_once_and_true_last_ones_too():
  buffer = make_buffer()
  add_episode(buffer, 0, 2)
  add_episode(buffer, 10, 12)
  assert rows(buffer) == [
    (FIRST, 0), (MID, 1), (LAST, 2), (FIRST, 10), (MID, 11), (LAST, 12),
  ]  # fmt: skip
  assert int(buffer.num_rows()) == 6


def test_forgets_the_oldest_when_full():
  buffer = make_buffer(max_length=4)
  add_episode(buffer, 0, 6)
  assert rows(buffer) == [(MID, 3), (MID, 4), (MID, 5), (LAST, 6)]
  add_episode(buffer, 20, 21)
  assert rows(buffer) == [(MID, 5), (LAST, 6), (FIRST, 20), (LAST, 21)]


def test_leaves_out_the_step_that_only_resets():
  buffer = make_buffer()
  add_episode(buffer, 0, 1)
  buffer.add(transition(LAST, 1, FIRST, 10))
  add_episode(buffer, 10, 11)
  assert rows(buffer) == [(FIRST, 0), (LAST, 1), (FIRST, 10), (LAST, 11)]


def test_environments_have_rings_of_their_own():
  buffer = make_buffer(num_envs=2)
  buffer.add(transition([0, 0], [0, 100], [1, 2], [1, 101]))
  buffer.add(transition([1, 0], [1, 200], [1, 2], [2, 201]))
  with pytest.raises(ValueError, match="different numbers of rows"):
    replay_rows.kept(buffer)
  assert int(buffer.num_rows()) == 2 + 4
  windows = replay_rows.windows(buffer, 500, 2)
  pairs = {
    (float(a), float(b))
    for (a, b), kinds in zip(
      windows.observation[..., 0].numpy(), windows.step_type, strict=True
    )
    if kinds[0] != LAST
  }
  assert pairs == {(0, 1), (1, 2), (100, 101), (200, 201)}


def test_samples_every_window_equally_often(compiled):
  buffer = make_buffer(max_length=5)
  add_episode(buffer, 0, 100)  # keeps 96..99 and LAST 100
  sample = compiled(lambda: replay_rows.windows(buffer, 5_000, 2))
  first = sample().observation[:, 0, 0].numpy()
  values, counts = np.unique(first, return_counts=True)
  assert values.tolist() == [96, 97, 98, 99, 100]
  assert counts.min() > 850 and counts.max() < 1150


def test_the_newest_transition_can_be_sampled_at_once():
  buffer = make_buffer()
  buffer.add(transition(FIRST, 3, MID, 4))
  windows = replay_rows.windows(buffer, 4, 2)
  np.testing.assert_array_equal(windows.observation[:, :, 0], [[3, 4]] * 4)
  np.testing.assert_array_equal(windows.reward[:, 0], [3] * 4)
  np.testing.assert_array_equal(windows.next_step_type[:, 0], [MID] * 4)


@pytest.mark.parametrize("length", range(3, 12))
def test_windows_are_always_consecutive(length):
  """Whatever the fill: no window runs over the place that is written next."""
  buffer = make_buffer(max_length=5)
  for i in range(length):
    buffer.add(transition(FIRST if i == 0 else MID, i, MID, i + 1))
  windows = replay_rows.windows(buffer, 200, 4)
  x = windows.observation[..., 0].numpy()
  np.testing.assert_array_equal(x, x[:, :1] + np.arange(4))
  assert x.min() == max(length - 5, 0) and x.max() == length


def test_unfinished_episodes_end_where_they_stand():
  buffer = make_buffer(num_envs=2)
  buffer.add(transition([0, 0], [0, 100], [1, 2], [1, 101]))
  buffer.end_episodes()
  buffer.end_episodes()  # nothing is left to end
  buffer.add(transition([0, 0], [10, 200], [1, 1], [11, 201]))
  kept = replay_rows.kept(buffer)
  np.testing.assert_array_equal(kept.step_type, [[0, 2, 0], [0, 2, 0]])
  np.testing.assert_array_equal(kept.next_step_type[:, 0], [LAST, LAST])
  np.testing.assert_array_equal(
    kept.observation[..., 0], [[0, 1, 10], [100, 101, 200]]
  )


def test_keeps_the_type_of_every_field():
  buffer = make_buffer(observation=tf.uint8)
  buffer.add(transition(FIRST, 255, MID, 7, tf.uint8))
  windows = replay_rows.windows(buffer, 1, 2)
  assert windows.observation.dtype == tf.uint8
  assert windows.action.dtype == tf.int64
  np.testing.assert_array_equal(windows.observation[0, :, 0], [255, 7])


def test_samples_are_the_transitions_of_its_rows():
  """Of three steps, or of fewer at an episode's end."""
  buffer = make_buffer(batch_size=500, n_step=3, gamma=0.5)
  add_episode(buffer, 10, 14)
  add_episode(buffer, 20, 21)
  found = {}
  transitions = buffer.sample().transitions
  row = lambda i: tf.nest.map_structure(lambda x: x[i], transitions)
  for own, _, reached in map(row, range(500)):
    if own.is_last():  # which agents mask
      continue
    found[float(own.observation[0])] = (
      int(own.step_type), float(reached.reward), float(reached.discount),
      float(reached.observation[0]), int(reached.step_type),
    )  # fmt: skip
  # The reward of a step is the number that it begins at.
  assert found == {
    10: (FIRST, 10 + 11 / 2 + 12 / 4, 0.25, 13, MID),
    11: (MID, 11 + 12 / 2 + 13 / 4, 0.25, 14, LAST),
    12: (MID, 12 + 13 / 2, 0.5, 14, LAST),
    13: (MID, 13, 1, 14, LAST),
  }


def test_uniform_replay_ignores_priorities():
  one, other = make_buffer(seed=1), make_buffer(seed=1)
  for buffer in (one, other):
    add_episode(buffer, 0, 6)
  sampled = one.sample()
  other.sample()
  assert sampled.weights is None
  one.update_priorities(sampled.handle, tf.constant([9.0, 0.0, 0.0, 0.0]))
  tf.nest.map_structure(
    np.testing.assert_array_equal,
    one.sample().transitions,
    other.sample().transitions,
  )


def test_dataset_gives_what_sample_gives():
  one, other = (make_buffer(seed=3, n_step=2) for _ in range(2))
  for buffer in (one, other):
    add_episode(buffer, 0, 6)
  batches = iter(one.as_dataset())
  for _ in range(3):
    direct = other.sample().transitions
    tf.nest.map_structure(np.testing.assert_array_equal, next(batches), direct)


def test_dataset_sees_rows_added_after_it_was_made():
  buffer = make_buffer(batch_size=64)
  add_episode(buffer, 0, 1)
  batches = iter(buffer.as_dataset())
  next(batches)
  add_episode(buffer, 50, 52)
  assert 50 in next(batches).time_step.observation[:, 0].numpy()


def test_seeds_choose_the_samples():
  draw = lambda seed: [
    float(x)
    for buffer in [make_buffer(seed=seed, batch_size=20)]
    for _ in [add_episode(buffer, 0, 7)]
    for x in buffer.sample().transitions.time_step.observation[:, 0]
  ]
  assert draw(1) == draw(1)
  assert draw(1) != draw(2)


def test_bytes_are_told():
  buffer = make_buffer(num_envs=2, max_length=8)
  # 4 + 4 + 8 + 4 + 4 + 4 bytes a row; 2 rings of 8 rows and 2 spare ones.
  needed = uniform.num_bytes(
    tensor_spec.TensorSpec((1,), tf.float32), ACTION, 2, 8
  )
  assert needed == 28 * 2 * 10
  assert needed == sum(
    v.shape.num_elements() * v.dtype.size
    for v in buffer.variables
    if v.name.startswith("table")
  )
