"""What a replay keeps, gives back, and needs of memory."""

import numpy as np
import pytest
import replay_rows
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.replay import specs, storage

FIRST, MID, LAST = 0, 1, 2


def rows(buffer):
  kept = replay_rows.kept(buffer)
  return [
    (int(kind), float(x[0]))
    for kind, x in zip(kept.step_type[0], kept.observation[0], strict=True)
  ]


def test_stores_each_observation_once_and_true_last_ones_too():
  buffer = replay_rows.make_buffer()
  replay_rows.add_episode(buffer, 0, 2)
  replay_rows.add_episode(buffer, 10, 12)
  assert rows(buffer) == [
    (FIRST, 0), (MID, 1), (LAST, 2), (FIRST, 10), (MID, 11), (LAST, 12),
  ]  # fmt: skip
  assert int(replay_rows.num_rows(buffer)) == 6


def test_forgets_the_oldest_when_full():
  buffer = replay_rows.make_buffer(max_length=4)
  replay_rows.add_episode(buffer, 0, 6)
  assert rows(buffer) == [(MID, 3), (MID, 4), (MID, 5), (LAST, 6)]
  replay_rows.add_episode(buffer, 20, 21)
  assert rows(buffer) == [(MID, 5), (LAST, 6), (FIRST, 20), (LAST, 21)]


def test_leaves_out_the_step_that_only_resets():
  buffer = replay_rows.make_buffer()
  replay_rows.add_episode(buffer, 0, 1)
  buffer.add(replay_rows.transition(LAST, 1, FIRST, 10))
  replay_rows.add_episode(buffer, 10, 11)
  assert rows(buffer) == [(FIRST, 0), (LAST, 1), (FIRST, 10), (LAST, 11)]


def test_environments_have_rings_of_their_own():
  buffer = replay_rows.make_buffer(num_envs=2)
  buffer.add(replay_rows.transition([0, 0], [0, 100], [1, 2], [1, 101]))
  buffer.add(replay_rows.transition([1, 0], [1, 200], [1, 2], [2, 201]))
  with pytest.raises(ValueError, match="different numbers of rows"):
    replay_rows.kept(buffer)
  assert int(replay_rows.num_rows(buffer)) == 2 + 4
  windows = replay_rows.windows(buffer, 500, 2)
  pairs = {
    (float(a), float(b))
    for (a, b), kinds in zip(
      windows.observation[..., 0].numpy(), windows.step_type, strict=True
    )
    if kinds[0] != LAST
  }
  assert pairs == {(0, 1), (1, 2), (100, 101), (200, 201)}


def test_unfinished_episodes_end_where_they_stand():
  buffer = replay_rows.make_buffer(num_envs=2)
  buffer.add(replay_rows.transition([0, 0], [0, 100], [1, 2], [1, 101]))
  buffer.abandon_episodes()
  buffer.abandon_episodes()  # nothing is left to end
  buffer.add(replay_rows.transition([0, 0], [10, 200], [1, 1], [11, 201]))
  kept = replay_rows.kept(buffer)
  np.testing.assert_array_equal(kept.step_type, [[0, 2, 0], [0, 2, 0]])
  np.testing.assert_array_equal(kept.next_step_type[:, 0], [LAST, LAST])
  np.testing.assert_array_equal(
    kept.observation[..., 0], [[0, 1, 10], [100, 101, 200]]
  )


def test_keeps_the_type_of_every_field():
  buffer = replay_rows.make_buffer(observation=tf.uint8)
  buffer.add(replay_rows.transition(FIRST, 255, MID, 7, tf.uint8))
  windows = replay_rows.windows(buffer, 1, 2)
  assert windows.observation.dtype == tf.uint8
  assert windows.action.dtype == tf.int64
  np.testing.assert_array_equal(windows.observation[0, :, 0], [255, 7])


def test_samples_are_the_transitions_of_its_rows():
  """Of three steps, or of fewer at an episode's end."""
  buffer = replay_rows.make_buffer(batch_size=500, n_step=3, gamma=0.5)
  replay_rows.add_episode(buffer, 10, 14)
  replay_rows.add_episode(buffer, 20, 21)
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


def test_num_bytes():
  buffer = replay_rows.make_buffer(num_envs=2, max_length=8)
  # 4 + 4 + 8 + 4 + 4 + 4 bytes a row; 2 rings of 8 rows and 2 spare ones.
  experience = specs.ReplaySpec(
    tensor_spec.TensorSpec((1,), tf.float32), replay_rows.ACTION, num_envs=2
  )
  needed = storage.num_bytes(experience, 8)
  assert needed == 28 * 2 * 10
  assert needed == sum(
    v.shape.num_elements() * v.dtype.size
    for v in buffer.variables
    if v.name.startswith("table")
  )
