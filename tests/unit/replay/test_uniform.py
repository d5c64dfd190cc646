"""Which transitions uniform replay samples."""

import numpy as np
import pytest
import replay_rows
import tensorflow as tf

FIRST, MID, LAST = 0, 1, 2


def test_samples_every_window_equally_often(compiled):
  buffer = replay_rows.make_buffer(max_length=5)
  replay_rows.add_episode(buffer, 0, 100)  # keeps 96..99 and LAST 100
  sample = compiled(lambda: replay_rows.windows(buffer, 5_000, 2))
  first = sample().observation[:, 0, 0].numpy()
  values, counts = np.unique(first, return_counts=True)
  assert values.tolist() == [96, 97, 98, 99, 100]
  assert counts.min() > 850 and counts.max() < 1150


def test_the_newest_transition_can_be_sampled_at_once():
  buffer = replay_rows.make_buffer()
  buffer.add(replay_rows.transition(FIRST, 3, MID, 4))
  windows = replay_rows.windows(buffer, 4, 2)
  np.testing.assert_array_equal(windows.observation[:, :, 0], [[3, 4]] * 4)
  np.testing.assert_array_equal(windows.reward[:, 0], [3] * 4)
  np.testing.assert_array_equal(windows.next_step_type[:, 0], [MID] * 4)


@pytest.mark.parametrize("length", range(3, 12))
def test_windows_are_always_consecutive(length):
  """Whatever the fill: no window runs over the place that is written next."""
  buffer = replay_rows.make_buffer(max_length=5)
  for i in range(length):
    buffer.add(replay_rows.transition(FIRST if i == 0 else MID, i, MID, i + 1))
  windows = replay_rows.windows(buffer, 200, 4)
  x = windows.observation[..., 0].numpy()
  np.testing.assert_array_equal(x, x[:, :1] + np.arange(4))
  assert x.min() == max(length - 5, 0) and x.max() == length


def test_a_handle_says_which_transitions_were_sampled():
  """Also after others were added, as long as none was overwritten."""
  buffer = replay_rows.make_buffer(batch_size=50, max_length=20, n_step=2)
  replay_rows.add_episode(buffer, 0, 6)
  sample = buffer.sample()
  replay_rows.add_episode(buffer, 20, 23)
  again = buffer.transitions(sample.handle)
  tf.nest.map_structure(
    np.testing.assert_array_equal, again, sample.transitions
  )


def test_uniform_replay_ignores_priorities():
  one, other = replay_rows.make_buffer(seed=1), replay_rows.make_buffer(seed=1)
  for buffer in (one, other):
    replay_rows.add_episode(buffer, 0, 6)
  sampled = one.sample()
  other.sample()
  assert sampled.weights is None
  one.update_priorities(sampled.handle, tf.constant([9.0, 0.0, 0.0, 0.0]))
  tf.nest.map_structure(
    np.testing.assert_array_equal,
    one.sample().transitions,
    other.sample().transitions,
  )


def test_seeds_choose_the_samples():
  draw = lambda seed: [
    float(x)
    for buffer in [replay_rows.make_buffer(seed=seed, batch_size=20)]
    for _ in [replay_rows.add_episode(buffer, 0, 7)]
    for x in buffer.sample().transitions.time_step.observation[:, 0]
  ]
  assert draw(1) == draw(1)
  assert draw(1) != draw(2)
