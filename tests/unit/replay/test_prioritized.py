"""Which transitions prioritized replay samples, how often and how weighted."""

import re

import numpy as np
import pytest
import replay_rows
import tensorflow as tf

from agents_pipeline.replay import prioritized
from agents_pipeline.training import around_python

FIRST, MID, LAST = 0, 1, 2


def priorities(buffer):
  """Row of the table -> its priority, of those that can be sampled."""
  values = replay_rows.priorities(buffer)
  return {int(row): float(values[row]) for row in np.flatnonzero(values)}


def by_observation(buffer):
  """Observation -> priority, of those that can be sampled."""
  column = buffer._packing.column(buffer._index.observation)
  observations = buffer._tables[0].numpy()[:, column]
  return {
    float(observations[row]): priority
    for row, priority in priorities(buffer).items()
  }


def handle(buffer, *observations):
  """The handle of transitions that begin at these observations."""
  found = buffer.sample()
  begins = found.transitions.time_step.observation[:, 0].numpy().tolist()
  at = [begins.index(observation) for observation in observations]
  return tf.nest.map_structure(lambda x: tf.gather(x, at), found.handle)


class Emitter:
  """Steps of one environment: observations are numbers, episodes random."""

  def __init__(self, draw, first, resets_take_a_step):
    self._draw, self._resets_take_a_step = draw, resets_take_a_step
    self._number, self._must_reset = first, False
    self.kinds = [FIRST]  # of every row written, and of what is acted from

  def step(self):
    """Returns step type and observation, and those that follow."""
    self._number += 1
    if self._must_reset:
      self._must_reset = False
      return LAST, self._number - 1, FIRST, self._number
    own = self.kinds[-1], self._number - 1
    reached = LAST if self._draw.random() < 0.3 else MID, self._number
    self.kinds.append(reached[0])
    if reached[0] == LAST:
      self.kinds.append(FIRST)
      self._must_reset = self._resets_take_a_step
      self._number += not self._must_reset
    return *own, *reached

  def abandon(self):
    """The next observation is the first one of another episode."""
    self._number, self._must_reset = self._number + 1, False
    if self.kinds[-1] != FIRST:
      self.kinds[-1:] = [LAST, FIRST]

  def rows(self, n_step, max_length):
    """Rows, counted from the first, that begin a transition of n steps."""
    written = len(self.kinds) - 1
    return {
      i
      for i in range(max(written - max_length, 0), written - n_step + 1)
      if self.kinds[i] != LAST
    }


@pytest.mark.parametrize("resets_take_a_step", [False, True])
@pytest.mark.parametrize(("n_step", "max_length"), [(1, 7), (2, 7), (3, 4)])
def test_exactly_the_rows_that_begin_a_complete_transition_can_be_sampled(
  all_ways, n_step, max_length, resets_take_a_step
):
  """At every step of ten turns of two rings, after abandoned episodes too."""
  draw = np.random.default_rng(n_step)
  envs = [Emitter(draw, at, resets_take_a_step) for at in (0, 1_000)]
  buffer = replay_rows.make_prioritized(max_length, num_envs=2, n_step=n_step)
  length = buffer._rings.table_length // 2
  add = all_ways["graph"](buffer.add)
  for step in range(80):
    if step % 17 == 16:
      buffer.abandon_episodes()
      for env in envs:
        env.abandon()
    fields = zip(*(env.step() for env in envs), strict=True)
    add(replay_rows.transition(*(np.array(field) for field in fields)))
    assert set(priorities(buffer)) == {
      i * length + row % length
      for i, env in enumerate(envs)
      for row in env.rows(n_step, max_length)
    }
  assert min(len(env.kinds) for env in envs) > 10 * max_length


def test_new_transitions_have_the_largest_priority_so_far():
  """Also where the one that had it is gone."""
  buffer = replay_rows.make_prioritized(max_length=3, epsilon=0.5)
  replay_rows.add_episode(buffer, 0, 3)
  # The ring holds 1, 2 and the last observation.
  assert by_observation(buffer) == {1: 1, 2: 1}
  buffer.update_priorities(handle(buffer, 1, 2), tf.constant([-3.5, 0.0]))
  assert by_observation(buffer) == {1: 4, 2: 0.5}
  buffer.add(replay_rows.transition(FIRST, 10, MID, 11))
  assert by_observation(buffer) == {2: 0.5, 10: 4}
  buffer.add(replay_rows.transition(MID, 11, MID, 12))
  buffer.add(replay_rows.transition(MID, 12, MID, 13))
  assert by_observation(buffer) == {10: 4, 11: 4, 12: 4}


def test_priorities_and_probabilities_of_eight_transitions(compiled):
  """(|error| + epsilon) ** alpha: 1 to 8 of 36; weights are relative to 1."""
  buffer = replay_rows.make_prioritized(
    max_length=20, batch_size=3_600, alpha=0.5, beta=0.5, epsilon=0.75
  )
  replay_rows.add_episode(buffer, 0, 8)
  errors = tf.constant([(-1) ** i * ((i + 1) ** 2 - 0.75) for i in range(8)])

  def update(*of):
    buffer.update_priorities(prioritized.Handle(*of), errors)

  compiled(update)(*handle(buffer, *range(8)))
  found = by_observation(buffer)
  assert found == pytest.approx({i: i + 1 for i in range(8)}, rel=1e-6)
  sample = compiled(buffer.sample)()
  begins = sample.transitions.time_step.observation[:, 0].numpy()
  counts = np.bincount(begins.astype(int))
  # One of each of 3,600 equal shares: 100 of them are a priority of 1.
  np.testing.assert_allclose(counts, 100 * np.arange(1, 9), atol=1)
  np.testing.assert_allclose(sample.weights, (begins + 1) ** -0.5, rtol=1e-6)
  reached = sample.transitions.next_time_step
  np.testing.assert_array_equal(reached.observation[:, 0], begins + 1)
  assert not sample.transitions.time_step.is_last().numpy().any()


@pytest.mark.parametrize(
  ("beta", "expected"), [(0.0, [1, 1, 1]), (1.0, [1, 0.5, 0.25])]
)
def test_beta_is_how_far_weights_correct(beta, expected):
  buffer = replay_rows.make_prioritized(beta=beta, batch_size=50, epsilon=1.0)
  replay_rows.add_episode(buffer, 0, 3)
  errors = tf.constant([0.0, 1.0, 3.0])
  buffer.update_priorities(handle(buffer, 0, 1, 2), errors)
  sample = buffer.sample()
  begins = sample.transitions.time_step.observation[:, 0].numpy().astype(int)
  np.testing.assert_allclose(sample.weights, np.array(expected)[begins])


def test_100_000_samples_follow_the_priorities():
  """Batches of 10 from 4 rings: every transition as often as it should be."""
  buffer = replay_rows.make_prioritized(
    max_length=20, num_envs=4, batch_size=10
  )
  kinds = [FIRST] + [MID] * 18
  for i, kind in enumerate(kinds):
    own = np.array([0, 100, 200, 300]) + i
    buffer.add(replay_rows.transition(kind, own, MID, own + 1))
  draw = np.random.default_rng(1)
  rows = np.array(sorted(priorities(buffer)))
  assert len(rows) == 4 * 19
  wanted = draw.uniform(0.1, 3, len(rows)).astype(np.float32)
  buffer._tree.update(tf.constant(rows, tf.int32), tf.constant(wanted))

  @tf.function(jit_compile=True, autograph=False)
  def count():
    def add(i, counts):
      row = buffer.sample().handle.row
      once = tf.one_hot(row, buffer._rings.table_length, dtype=tf.float64)
      return i + 1, counts + tf.reduce_sum(once, 0)

    zeros = tf.zeros(buffer._rings.table_length, tf.float64)
    return tf.while_loop(lambda i, _: i < 10_000, add, (0, zeros))[1]

  counts = count().numpy()
  assert counts.sum() == counts[rows].sum() == 100_000
  expected = 100_000 * wanted / wanted.sum()
  chi_squared = np.sum((counts[rows] - expected) ** 2 / expected)
  assert chi_squared < 75 + 4 * np.sqrt(2 * 75)


def test_an_error_of_a_transition_that_was_overwritten_is_dropped():
  buffer = replay_rows.make_prioritized(max_length=4, batch_size=30)
  for i in range(4):
    buffer.add(replay_rows.transition(MID, i, MID, i + 1))
  old = handle(buffer, 0, 3)
  buffer.add(replay_rows.transition(MID, 4, MID, 5))  # 0 is not kept any more
  buffer.update_priorities(old, tf.constant([5.0, 6.0]))
  assert by_observation(buffer) == pytest.approx({1: 1, 2: 1, 3: 6, 4: 1})
  # Once more round the ring: other transitions are where these were.
  for i in range(5, 13):
    buffer.add(replay_rows.transition(MID, i, MID, i + 1))
  before = by_observation(buffer)
  assert set(old.row.numpy().tolist()) <= set(priorities(buffer))
  buffer.update_priorities(old, tf.constant([7.0, 7.0]))
  assert by_observation(buffer) == before
  assert float(buffer._largest) == pytest.approx(6)


def test_samples_that_tf_data_made_ahead_have_weights_and_handles():
  """What was overwritten meanwhile keeps the priority of what is there now."""
  buffer = replay_rows.make_prioritized(max_length=4, batch_size=30)
  for i in range(4):
    buffer.add(replay_rows.transition(MID, i, MID, i + 1))
  ahead = next(iter(around_python.dataset_of(buffer).batch(2)))
  sample = tf.nest.map_structure(lambda x: x[1], ahead)
  begins = sample.transitions.time_step.observation[:, 0].numpy()
  assert set(begins.tolist()) == {0, 1, 2, 3}
  np.testing.assert_array_equal(sample.weights, np.ones(30))
  for i in range(4, 6):
    buffer.add(replay_rows.transition(MID, i, MID, i + 1))
  buffer.update_priorities(sample.handle, tf.constant(begins))
  assert by_observation(buffer) == pytest.approx({2: 2, 3: 3, 4: 1, 5: 1})


def test_what_is_read_while_it_is_written_has_no_weight():
  """A thread of tf.data may come down to a row whose priority is 0 by now."""
  buffer = replay_rows.make_prioritized(beta=1.0)
  weights = buffer._weights(tf.constant([2.0, 0.0, 4.0]))
  assert weights.numpy().tolist() == [1.0, 0.0, 0.5]
  replay_rows.add_episode(buffer, 0, 2)
  (row, *_) = set(range(10)) - set(priorities(buffer))
  read = prioritized.Handle(
    tf.constant([row]), tf.constant([0]), tf.constant([99], tf.int64)
  )
  before = by_observation(buffer)
  buffer.update_priorities(read, tf.constant([5.0]))
  assert by_observation(buffer) == before


def test_errors_without_bound_keep_sums_finite():
  buffer = replay_rows.make_prioritized(batch_size=30)
  replay_rows.add_episode(buffer, 0, 3)
  huge = tf.constant([np.inf, 3e38, 1.0])
  buffer.update_priorities(handle(buffer, 0, 1, 2), huge)
  sample = buffer.sample()
  assert np.isfinite(sample.weights).all()
  begins = sample.transitions.time_step.observation[:, 0].numpy()
  assert set(begins.tolist()) == {0, 1}


def test_xla_copies_no_table_from_one_iteration_to_the_next():
  """Two iterations in a turn of a loop, and two steps in each."""
  buffer = replay_rows.make_prioritized(max_length=1_000, batch_size=8)

  @tf.function(jit_compile=True, autograph=False)
  def iterate(action):
    def turn(i, action):
      for _ in range(2):
        for _ in range(2):
          one = replay_rows.transition(MID, 0, MID, 1)
          taken = one.action_step._replace(action=action)
          buffer.add(one._replace(action_step=taken))
          action += 1
        sample = buffer.sample()
        errors = tf.cast(sample.transitions.action_step.action, tf.float32)
        buffer.update_priorities(sample.handle, errors)
        # As the next action depends on what was learned, but on no weights.
        action += sample.transitions.action_step.action[:1]
      return i + 1, action

    return tf.while_loop(lambda i, _: i < 9, turn, (0, action))[1]

  read = iterate.experimental_get_compiler_ir(tf.zeros(1, tf.int64))
  computations = read(stage="optimized_hlo").split("\n\n")
  nodes, table = buffer._tree._nodes.shape, buffer._tables[0].shape
  copies = rf"f32\[({nodes[0]},{nodes[1]}|{table[0]},{table[1]})\]\S* copy\("
  assert any(f"f32[{nodes[0]},{nodes[1]}]" in text for text in computations)
  for text in computations:
    if "ENTRY" not in text:  # once in a call
      assert not re.search(copies, text), re.search(f".*{copies}.*", text)


def test_seeds_choose_the_samples():
  def draw(seed):
    buffer = replay_rows.make_prioritized(seed=seed, batch_size=20)
    replay_rows.add_episode(buffer, 0, 7)
    return buffer.sample().handle.row.numpy().tolist()

  assert draw(1) == draw(1)
  assert draw(1) != draw(2)


def test_num_bytes():
  """28 bytes a row, of 2 rings of 8 rows and 2 spare ones, and the tree."""
  buffer = replay_rows.make_prioritized(num_envs=2)
  needed = prioritized.num_bytes(buffer._spec, 8)
  # Nodes of eight: three above 20 rows, and one above these.
  assert needed == 28 * 20 + 4 * 8 * (3 + 1)
  assert needed == sum(
    v.shape.num_elements() * v.dtype.size
    for v in buffer.variables
    if v.name.startswith(("table", "nodes"))
  )
