"""Samples through tf.data, and actions that wait for the next call."""

import numpy as np
import replay_rows
import tensorflow as tf

from agents_pipeline.training import around_python


def test_dataset_gives_what_sample_gives():
  one, other = (replay_rows.make_buffer(seed=3, n_step=2) for _ in range(2))
  for buffer in (one, other):
    replay_rows.add_episode(buffer, 0, 6)
  batches = iter(around_python.dataset_of(one))
  for _ in range(3):
    given, direct = next(batches), other.sample()
    assert given.weights is direct.weights is None
    for field in ("transitions", "handle"):
      tf.nest.map_structure(
        np.testing.assert_array_equal,
        getattr(given, field),
        getattr(direct, field),
      )


def test_dataset_sees_rows_added_after_it_was_made():
  buffer = replay_rows.make_buffer(batch_size=64)
  replay_rows.add_episode(buffer, 0, 1)
  batches = iter(around_python.dataset_of(buffer))
  next(batches)
  replay_rows.add_episode(buffer, 50, 52)
  begins = next(batches).transitions.time_step.observation[:, 0].numpy()
  assert 50 in begins


def test_an_action_is_kept_until_it_is_taken_and_may_be_forgotten(compiled):
  pending = around_python.PendingAction(2)
  act = lambda: tf.constant([7, 8], tf.int64)
  take = compiled(lambda: pending.take(act))
  assert take().numpy().tolist() == [7, 8]  # nothing was kept
  compiled(lambda: pending.keep(tf.constant([1, 0], tf.int64)))()
  assert take().numpy().tolist() == [1, 0]
  pending.forget()
  assert take().numpy().tolist() == [7, 8]
