"""Uniform experience replay that goes through XLA and through tf.data."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tf_agents.replay_buffers import replay_buffer
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from agents_pipeline.ops import random_stream
from agents_pipeline.replay import packing, transition_rows

# Rows of a ring beyond its capacity: the newest observation, and one that a
# reset may spoil.
_SPARE_ROWS = 2
# Among the fields of a Trajectory, flat.
_STEP_TYPE, _OBSERVATION, _NEXT_STEP_TYPE = 0, 1, 3


class Drawn(NamedTuple):
  """Windows of rows.

  Attributes:
    env: [S] int32, in which ring.
    place: [S, T] int32 in it, at most one turn below 0 or beyond its end.
  """

  env: tf.Tensor
  place: tf.Tensor


class UniformReplayBuffer(replay_buffer.ReplayBuffer):
  """A ring of rows for each environment, one table for all small fields,
  and one for each other.

  A row holds an observation and the step taken from it. A transition writes
  two rows: its own, and the observation it reached. The next transition
  overwrites the second with the same observation, unless the episode ended:
  then it stays, as a row of step type LAST, and the next episode follows. So
  every observation is stored once, true last ones included:

      o0  o1  o2  LAST  o0  o1        LAST rows are no transitions; agents mask
      |__step__|        |...          them, as TF-Agents' do.

  TF-Agents' TFUniformReplayBuffer cannot go through XLA (CriticalSection). XLA
  turns a scatter of one row into a copy of the whole table; these are of at
  least two. Where an observation is a stack of frames, a row holds the newest
  frame alone: stacks are put together again from the rows before, and no
  further back than the episode's first.

  Adding and sampling cost the same whatever the capacity: compiled calls update
  the tables in place.
  """

  def __init__(
    self,
    data_spec: trajectory.Trajectory,
    batch_size: int,
    max_length: int,
    rng: random_stream.RandomStream,
    num_frames: int = 1,
  ):
    """Allocates the tables.

    Args:
      data_spec: of one row, what `get_next` returns.
      batch_size: the number of environments, B.
      max_length: rows kept of each.
      rng: where samples come from.
      num_frames: N of observations [N, ...], the newest last; 1 for others,
        without that dimension.
    """
    super().__init__(data_spec, batch_size * max_length)
    self._batch_size = batch_size
    self._max_length = max_length
    self._ring_length = max_length + _num_spare_rows(num_frames)
    self._rng = rng
    self._num_frames_stacked = num_frames
    self._packing = _packing(data_spec, num_frames)
    self._tables = [
      tf.Variable(
        tf.zeros([batch_size * self._ring_length, *spec.shape], spec.dtype),
        name=f"table_{i}",
      )
      for i, spec in enumerate(self._packing.specs)
    ]
    # Rows written so far: where the next transition of each environment goes.
    self._heads = tf.Variable(tf.zeros((batch_size,), tf.int64), name="heads")

  def _add_batch(self, items: trajectory.Transition) -> list:
    """Adds a transition of [B, ...] per environment; resets are left out.

    Returns:
      What must be done before the rows can be sampled by tf.data, whose reads
      automatic control dependencies do not see.
    """
    time_step, _, next_time_step = items
    own, reached = map(self._as_stored, transition_rows.rows_of(items))
    numbers = tf.concat([self._row(0), self._row(1)], 0)  # [2B]
    written = [
      table.scatter_update(tf.IndexedSlices(tf.concat(pair, 0), numbers))
      for table, *pair in zip(self._tables, own, reached, strict=True)
    ]
    is_reset = time_step.is_last()  # [B]
    num_rows = tf.where(next_time_step.is_last(), 2, 1)  # [B]
    num_rows = tf.cast(tf.where(is_reset, 0, num_rows), tf.int64)
    # Rows count only when they are there, also for tf.data's thread.
    with tf.control_dependencies([] if tf.executing_eagerly() else written):
      return [*written, self._heads.assign_add(num_rows)]

  def _as_stored(self, row: trajectory.Trajectory) -> list[tf.Tensor]:
    """A row [B, ...] for each table, with the newest frame alone."""
    fields = tf.nest.flatten(row)
    if self._num_frames_stacked > 1:
      fields[_OBSERVATION] = fields[_OBSERVATION][:, -1]
    return self._packing.pack(fields)

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
      rows = tf.boolean_mask(self._row(offset), is_open)
      numbers.scatter_nd_update(
        tf.stack([rows, tf.fill(tf.shape(rows), column(field))], axis=1),
        tf.fill(tf.shape(rows), float(ts.StepType.LAST)),
      )
    self._heads.assign_add(tf.cast(is_open, tf.int64))

  def _row(self, offset: int) -> tf.Tensor:
    """[B] int32, each ring's row of the tables so far from its head."""
    start = tf.range(self._batch_size) * self._ring_length
    return start + self._wrapped(self._in_ring(self._heads.value()) + offset)

  def _get_next(
    self, sample_batch_size=None, num_steps=None, time_stacked=True
  ):
    """Samples windows of consecutive rows, uniformly, with replacement.

    Args:
      sample_batch_size: S; None samples one window, without that dimension.
      num_steps: rows of a window, T; None is one, without that dimension.
      time_stacked: must be True.

    Returns:
      A `Trajectory` of [S, T, ...], and an empty info. Windows run on over the
      ends of episodes; `losses.returns.n_step_transition` cuts them there.
    """
    if not time_stacked:
      raise ValueError("UniformReplayBuffer samples are stacked in time")
    drawn = self._draw(sample_batch_size or 1, num_steps or 1)
    experience = self.unpack(self._gather(drawn))  # [S, T, ...]
    fields = tf.nest.flatten(experience)
    if num_steps is None:
      fields = [tf.squeeze(x, 1) for x in fields]
    if sample_batch_size is None:
      fields = [tf.squeeze(x, 0) for x in fields]
    return tf.nest.pack_sequence_as(self._data_spec, fields), ()

  def _draw(self, size: int, num_steps: int) -> Drawn:
    """Chooses windows of `num_steps` rows, T; reads no table."""
    heads = self._heads.value()  # [B]
    env = self._sampled_envs(size)  # [S]
    all_kept = tf.cast(tf.minimum(heads, self._max_length), tf.int32)  # [B]
    kept = tf.gather(all_kept, env)  # [S]
    # A window's last row may be the newest observation, written ahead.
    choices = tf.maximum(kept - max(num_steps - 1, 1) + 1, 1)  # [S]
    place = random_stream.below(self._rng.bits((size,)), choices)  # [S]
    first = tf.gather(self._in_ring(heads), env) - kept + place  # [S]
    return Drawn(env, first[:, None] + tf.range(num_steps))

  def _gather(self, drawn: Drawn) -> list[tf.Tensor]:
    """Reads what was drawn, packed as the tables are, [S, T, ...] each."""
    start = drawn.env[:, None] * self._ring_length  # [S, 1]
    rows = start + self._wrapped(drawn.place)  # [S, T]
    if self._num_frames_stacked == 1:
      return [tf.gather(table, rows) for table in self._tables]
    frames = self._packing.table(_OBSERVATION)
    return [
      self._stacks(start[..., None], drawn.place[..., None])
      if i == frames
      else tf.gather(table, rows)
      for i, table in enumerate(self._tables)
    ]

  def unpack(self, gathered: list[tf.Tensor]) -> trajectory.Trajectory:
    """Rows of the tables as `get_next` returns them."""
    return tf.nest.pack_sequence_as(
      self._data_spec, self._packing.unpack(gathered)
    )

  def _sampled_envs(self, size: int) -> tf.Tensor:
    """[size] int32; where there is one there is nothing to draw."""
    if self._batch_size == 1:
      return tf.zeros((size,), tf.int32)
    return random_stream.below(self._rng.bits((size,)), self._batch_size)

  def _in_ring(self, heads: tf.Tensor) -> tf.Tensor:
    """[B] int32, where in each ring its next transition goes."""
    return tf.cast(heads % self._ring_length, tf.int32)

  def _wrapped(self, place: tf.Tensor) -> tf.Tensor:
    """Places in a ring, from at most one turn away: no division for each."""
    place = tf.where(place < 0, place + self._ring_length, place)
    beyond = place >= self._ring_length
    return tf.where(beyond, place - self._ring_length, place)

  def _stacks(self, start: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """Frames [S, T, N, ...], the newest last.

    Args:
      start: [S, 1, 1] int32, of each ring in the tables.
      place: [S, T, 1] int32 in it, as drawn.
    """
    age = tf.range(self._num_frames_stacked - 1, -1, -1)  # [N]
    rows = start + self._wrapped(place - age)  # [S, T, N]
    column = self._packing.column(_STEP_TYPE)
    step_type = tf.gather(self._tables[0], rows)[..., column]  # [S, T, N]
    is_first = step_type == ts.StepType.FIRST
    # A frame is of this episode if no later one of the stack began it.
    later_ones_began = tf.cumsum(
      tf.cast(is_first, tf.int32), axis=-1, reverse=True, exclusive=True
    )  # [S, T, N]
    table = self._tables[self._packing.table(_OBSERVATION)]
    frames = tf.gather(table, rows)  # [S, T, N, ...]
    belongs = later_ones_began == 0  # [S, T, N]
    for _ in range(frames.shape.rank - belongs.shape.rank):
      belongs = belongs[..., None]
    return tf.where(belongs, frames, tf.zeros_like(frames))

  def _as_dataset(
    self,
    sample_batch_size=None,
    num_steps=None,
    sequence_preprocess_fn=None,
    num_parallel_calls=None,
  ) -> tf.data.Dataset:
    """An endless dataset of `get_next`.

    Without prefetching, an element is sampled when it is asked for, and a run
    is reproducible as long as num_parallel_calls is None.
    """
    if sequence_preprocess_fn is not None:
      raise ValueError("UniformReplayBuffer has no sequence_preprocess_fn")
    # tf.data would prefetch by itself, and sample before the newest rows.
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.inject_prefetch = False
    return (
      tf.data.Dataset.counter()
      .map(
        lambda _: self._get_next(sample_batch_size, num_steps),
        num_parallel_calls=num_parallel_calls,
      )
      .with_options(options)
    )

  def _num_frames(self) -> tf.Tensor:
    return tf.reduce_sum(tf.minimum(self._heads.value(), self._max_length))

  def _clear(self) -> None:
    self._heads.assign(tf.zeros_like(self._heads))

  def _gather_all(self) -> trajectory.Trajectory:
    """Every row kept, [B, T, ...] from the oldest; all rings must be alike."""
    heads: np.ndarray = self._heads.numpy()
    if len(set(np.minimum(heads, self._max_length))) > 1:
      raise ValueError("environments have different numbers of rows")
    kept = min(int(heads[0]), self._max_length)
    first = self._in_ring(self._heads.value()) - kept  # [B]
    place = first[:, None] + tf.range(kept)  # [B, T]
    return self.unpack(self._gather(Drawn(tf.range(self._batch_size), place)))

  def _single_deterministic_pass_dataset(self, *args, **kwargs):
    return tf.data.Dataset.from_tensors(self._gather_all())


def _num_spare_rows(num_frames: int) -> int:
  # The oldest row's stack reaches back to rows that are not sampled any more.
  return _SPARE_ROWS + num_frames - 1


def _packing(data_spec, num_frames: int) -> packing.Packing:
  """Of the fields of a stored row."""
  specs = tf.nest.flatten(tensor_spec.from_spec(data_spec))
  if num_frames == 1:
    return packing.Packing(specs)
  whole = specs[_OBSERVATION]
  specs[_OBSERVATION] = tf.TensorSpec(whole.shape[1:], whole.dtype)
  return packing.Packing(specs, apart=[_OBSERVATION])


def num_bytes(
  data_spec, batch_size: int, max_length: int, num_frames: int = 1
) -> int:
  """Bytes of the tables of a buffer of that size."""
  row = sum(
    int(np.prod(spec.shape.as_list())) * spec.dtype.size
    for spec in _packing(data_spec, num_frames).specs
  )
  return row * batch_size * (max_length + _num_spare_rows(num_frames))
