"""Uniform experience replay that goes through XLA and through tf.data."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from agents_pipeline import interfaces
from agents_pipeline.losses import n_step as n_step_returns
from agents_pipeline.ops import random_stream
from agents_pipeline.replay import packing, rows

# Rows of a ring beyond its capacity: the newest observation, and one that a
# reset may spoil.
_SPARE_ROWS = 2
# Among the fields of a `Row`.
_STEP_TYPE, _OBSERVATION, _NEXT_STEP_TYPE = 0, 1, 3


class Drawn(NamedTuple):
  """Windows of consecutive rows.

  Attributes:
    env: [S] int32, in which ring.
    first: [S] int32, place of a window's first row in that ring, at most one
      turn below 0.
  """

  env: tf.Tensor
  first: tf.Tensor


class UniformReplayBuffer(tf.Module):
  """Uniform experience replay of n-step transitions; see `interfaces.Replay`.

  A ring of rows for each environment, in one table for all small fields and one
  for each other. A row holds an observation and the step taken from it. A
  transition writes two rows: its own, and the observation it led to. The next
  transition overwrites the second with the same observation, unless the episode
  ended: then it stays, as a row of step type LAST, and the next episode
  follows. So every observation is stored once, true last ones included:

      o0  o1  o2  LAST  o0  o1        LAST rows are no transitions; agents mask
      |__step__|        |...          them, as TF-Agents' do.

  TF-Agents' TFUniformReplayBuffer cannot go through XLA (CriticalSection). XLA
  turns a scatter of one row into a copy of the whole table; these are of at
  least two. Where an observation is a stack of frames, a row holds the newest
  frame alone: stacks are put together again from the rows before, and no
  further back than the episode's first.

  Adding and sampling cost the same whatever the capacity: XLA updates the
  tables in place, but may hold one copy of them during a call.
  """

  def __init__(
    self,
    observation_spec,
    action_spec,
    num_envs: int,
    max_length: int,
    rng: random_stream.RandomStream,
    *,
    batch_size: int,
    n_step: int = 1,
    gamma: float = 1.0,
    num_frames: int = 1,
  ):
    """Allocates the tables.

    Args:
      observation_spec: of one environment.
      action_spec: of one environment.
      num_envs: the number of environments, B.
      max_length: rows kept of each.
      rng: where samples come from.
      batch_size: transitions of a sample, S.
      n_step: steps of a transition, n.
      gamma: the agent's discount, by which rewards of later steps count less.
      num_frames: N of observations [N, ...], the newest last; 1 for others,
        without that dimension.
    """
    super().__init__(name="uniform_replay")
    self._num_envs = num_envs
    self._max_length = max_length
    self._ring_length = max_length + _num_spare_rows(num_frames)
    self._rng = rng
    self._batch_size = batch_size
    self._n_step = n_step
    self._gamma = gamma
    self._num_frames = num_frames
    row_spec = rows.row_spec(observation_spec, action_spec)
    self._packing = _packing(row_spec, num_frames)
    self._tables = [
      tf.Variable(
        tf.zeros([num_envs * self._ring_length, *spec.shape], spec.dtype),
        name=f"table_{i}",
      )
      for i, spec in enumerate(self._packing.specs)
    ]
    # Rows written so far: where the next transition of each environment goes.
    self._heads = tf.Variable(tf.zeros((num_envs,), tf.int64), name="heads")

  def add(self, transition: trajectory.Transition) -> list:
    """Adds a transition [B, ...] of every environment; resets are left out.

    Returns:
      What must be done before the rows can be sampled by tf.data, whose reads
      automatic control dependencies do not see.
    """
    time_step, _, next_time_step = transition
    own, following = map(self._as_stored, rows.rows_of(transition))
    numbers = tf.concat([self._row(0), self._row(1)], 0)  # [2B]
    written = [
      table.scatter_update(tf.IndexedSlices(tf.concat(pair, 0), numbers))
      for table, *pair in zip(self._tables, own, following, strict=True)
    ]
    is_reset = time_step.is_last()  # [B]
    num_rows = tf.where(next_time_step.is_last(), 2, 1)  # [B]
    num_rows = tf.cast(tf.where(is_reset, 0, num_rows), tf.int64)
    # Rows count only when they are there, also for tf.data's thread.
    with tf.control_dependencies([] if tf.executing_eagerly() else written):
      return [*written, self._heads.assign_add(num_rows)]

  def _as_stored(self, row: rows.Row) -> list[tf.Tensor]:
    """A row [B, ...] for each table, with the newest frame alone."""
    fields = list(row)
    if self._num_frames > 1:
      fields[_OBSERVATION] = row.observation[:, -1]
    return self._packing.pack(fields)

  def sample(self) -> interfaces.Sample:
    """Samples n-step transitions [S, ...], uniformly, with replacement."""
    drawn = self._draw(self._batch_size, self._n_step + 1)
    return interfaces.Sample(self.transitions(drawn), handle=drawn)

  def transitions(self, drawn: Drawn) -> trajectory.Transition:
    """The n-step transitions that begin at these rows, [S, ...].

    Of observations in a table of their own only the two that are needed are
    read: an image is many times the rest of a row.
    """
    offset = tf.range(self._n_step + 1)  # [n + 1]
    row = self._read_numbers(drawn.env, drawn.first[:, None] + offset)
    is_last = row.next_step_type[:, :-1] == ts.StepType.LAST  # [S, n]
    reward, discount, last = n_step_returns.n_step_return(
      row.reward[:, :-1], row.discount[:, :-1], is_last, self._gamma
    )  # [S] each
    own = rows.Row(
      *(
        self._read_field(i, drawn.env, drawn.first) if x is None else x[:, 0]
        for i, x in enumerate(row)
      )
    )
    if row.observation is None:
      place = drawn.first + last + 1  # [S]
      next_observation = self._read_field(_OBSERVATION, drawn.env, place)
    else:
      next_observation = _of_step(row.observation[:, 1:], last)
    return rows.transition_of(
      own, reward, discount, _of_step(is_last, last), next_observation
    )

  def update_priorities(self, handle: Drawn, td_error: tf.Tensor) -> None:
    """Does nothing: every transition is as likely as every other."""

  def end_episodes(self) -> None:
    """Closes the episodes under way, as truncated where they stand.

    For environments that cannot be restored: what they do next is no sequel of
    the newest rows.
    """
    numbers = self._tables[0]  # step types are always among them
    column = self._packing.column
    head = self._heads.value()  # [B]
    newest = tf.gather(numbers, self._row(-1))[:, column(_STEP_TYPE)]  # [B]
    is_open = (head > 0) & (newest != ts.StepType.LAST)  # [B]
    for offset, field in ((-1, _NEXT_STEP_TYPE), (0, _STEP_TYPE)):
      open_rows = tf.boolean_mask(self._row(offset), is_open)
      numbers.scatter_nd_update(
        tf.stack(
          [open_rows, tf.fill(tf.shape(open_rows), column(field))], axis=1
        ),
        tf.fill(tf.shape(open_rows), float(ts.StepType.LAST)),
      )
    self._heads.assign_add(tf.cast(is_open, tf.int64))

  def _row(self, offset: int) -> tf.Tensor:
    """[B] int32, each ring's row of the tables so far from its head."""
    start = tf.range(self._num_envs) * self._ring_length
    return start + self._wrapped(self._in_ring(self._heads.value()) + offset)

  def _draw(self, size: int, num_rows: int) -> Drawn:
    """Chooses windows of so many rows; reads no table."""
    heads = self._heads.value()  # [B]
    env = self._sampled_envs(size)  # [S]
    all_kept = tf.cast(tf.minimum(heads, self._max_length), tf.int32)  # [B]
    kept = tf.gather(all_kept, env)  # [S]
    # A window's last row may be the newest observation, written ahead.
    choices = tf.maximum(kept - max(num_rows - 1, 1) + 1, 1)  # [S]
    place = random_stream.below(self._rng.bits((size,)), choices)  # [S]
    first = tf.gather(self._in_ring(heads), env) - kept + place  # [S]
    return Drawn(env, first)

  def _read_numbers(self, env: tf.Tensor, place: tf.Tensor) -> rows.Row:
    """Reads rows, without the fields that have a table of their own.

    Args:
      env: [S] int32, in which ring.
      place: [S, T] int32 in it, at most one turn below 0 or beyond its end.

    Returns:
      [S, T, ...] each; None for a field that was not read.
    """
    numbers = tf.gather(self._tables[0], self._number(env[:, None], place))
    return rows.Row(*self._packing.unpack_numbers(numbers))

  def _read_field(
    self, index: int, env: tf.Tensor, place: tf.Tensor
  ) -> tf.Tensor:
    """Reads a field [S, ...] that has a table of its own; see `_read_numbers`.

    Args:
      index: of the field in a `Row`.
      env: [S] int32.
      place: [S] int32.
    """
    table = self._tables[self._packing.table(index)]
    if index == _OBSERVATION and self._num_frames > 1:
      return self._stacks(table, env[:, None], place[:, None])
    return tf.gather(table, self._number(env, place))

  def _number(self, env: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """The numbers of rows in the tables."""
    return env * self._ring_length + self._wrapped(place)

  def _sampled_envs(self, size: int) -> tf.Tensor:
    """[size] int32; where there is one there is nothing to draw."""
    if self._num_envs == 1:
      return tf.zeros((size,), tf.int32)
    return random_stream.below(self._rng.bits((size,)), self._num_envs)

  def _in_ring(self, heads: tf.Tensor) -> tf.Tensor:
    """[B] int32, where in each ring its next transition goes."""
    return tf.cast(heads % self._ring_length, tf.int32)

  def _wrapped(self, place: tf.Tensor) -> tf.Tensor:
    """Places in a ring, from at most one turn away: no division for each."""
    place = tf.where(place < 0, place + self._ring_length, place)
    beyond = place >= self._ring_length
    return tf.where(beyond, place - self._ring_length, place)

  def _stacks(
    self, table: tf.Tensor, env: tf.Tensor, place: tf.Tensor
  ) -> tf.Tensor:
    """Stacked frames [S, N, ...], the newest last.

    Args:
      table: of frames.
      env: [S, 1] int32, in which ring.
      place: [S, 1] int32, of the newest frame in it.
    """
    age = tf.range(self._num_frames - 1, -1, -1)  # [N]
    numbers = self._number(env, place - age)  # [S, N]
    column = self._packing.column(_STEP_TYPE)
    step_type = tf.gather(self._tables[0], numbers)[..., column]  # [S, N]
    is_first = step_type == ts.StepType.FIRST
    # A frame is of this episode if no later one of the stack began it.
    later_ones_began = tf.cumsum(
      tf.cast(is_first, tf.int32), axis=-1, reverse=True, exclusive=True
    )  # [S, N]
    frames = tf.gather(table, numbers)  # [S, N, ...]
    belongs = later_ones_began == 0  # [S, N]
    for _ in range(frames.shape.rank - belongs.shape.rank):
      belongs = belongs[..., None]
    return tf.where(belongs, frames, tf.zeros_like(frames))

  def as_dataset(self) -> tf.data.Dataset:
    """An endless dataset of the transitions of `sample`.

    An element is sampled when it is asked for, so that a run is reproducible as
    long as nothing prefetches.
    """
    # tf.data would prefetch by itself, and sample before the newest rows.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.inject_prefetch = False
    dataset = tf.data.Dataset.counter().map(lambda _: self.sample().transitions)
    return dataset.with_options(options)

  def num_rows(self) -> tf.Tensor:
    """[] int64, rows kept of all environments."""
    return tf.reduce_sum(tf.minimum(self._heads.value(), self._max_length))


def _of_step(x: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
  """[S, n, ...], [S] -> [S, ...]; of one step there is no choice to make."""
  if x.shape[1] == 1:
    return x[:, 0]
  return tf.gather(x, step, axis=1, batch_dims=1)


def _num_spare_rows(num_frames: int) -> int:
  # The oldest row's stack reaches back to rows that are not sampled any more.
  return _SPARE_ROWS + num_frames - 1


def _packing(row_spec: rows.Row, num_frames: int) -> packing.Packing:
  """Of the fields of a stored row."""
  specs = [tensor_spec.from_spec(spec) for spec in row_spec]
  if num_frames == 1:
    return packing.Packing(specs)
  whole = specs[_OBSERVATION]
  specs[_OBSERVATION] = tf.TensorSpec(whole.shape[1:], whole.dtype)
  return packing.Packing(specs, apart=[_OBSERVATION])


def num_bytes(
  observation_spec,
  action_spec,
  num_envs: int,
  max_length: int,
  num_frames: int = 1,
) -> int:
  """Bytes of the tables of a buffer of that size."""
  row_spec = rows.row_spec(observation_spec, action_spec)
  row = sum(
    int(np.prod(spec.shape.as_list())) * spec.dtype.size
    for spec in _packing(row_spec, num_frames).specs
  )
  return row * num_envs * (max_length + _num_spare_rows(num_frames))
