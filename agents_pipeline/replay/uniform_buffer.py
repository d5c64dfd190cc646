"""Uniform experience replay that goes through XLA and through tf.data."""

import numpy as np
import tensorflow as tf
from tf_agents.replay_buffers import replay_buffer
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from agents_pipeline.experiment import random_stream
from agents_pipeline.replay import transition_rows

# Rows of a ring beyond its capacity: the newest observation, and one that a
# reset may spoil.
_SPARE_ROWS = 2
# Among the fields of a Trajectory, flat.
_STEP_TYPE, _OBSERVATION, _NEXT_STEP_TYPE = 0, 1, 3


class UniformReplayBuffer(replay_buffer.ReplayBuffer):
  """A ring of rows for each environment, one table per field.

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

  Adding and sampling cost the same whatever the capacity, but a compiled call
  may copy the tables once, so it should run many iterations.
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
    self._tables = [
      tf.Variable(
        tf.zeros([batch_size * self._ring_length, *spec.shape], spec.dtype),
        name=f"table_{i}",
      )
      for i, spec in enumerate(_row_specs(data_spec, num_frames))
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
    head = self._heads.value()  # [B]
    rows = tf.concat([self._row(0), self._row(1)], 0)  # [2B]
    written = [
      table.scatter_update(tf.IndexedSlices(tf.concat(values, 0), rows))
      for table, *values in zip(self._tables, own, reached, strict=True)
    ]
    is_reset = time_step.is_last()  # [B]
    num_rows = tf.where(next_time_step.is_last(), 2, 1)  # [B]
    num_rows = tf.cast(tf.where(is_reset, 0, num_rows), tf.int64)
    # Rows count only when they are there, also for tf.data's thread.
    with tf.control_dependencies([] if tf.executing_eagerly() else written):
      return [*written, self._heads.assign(head + num_rows)]

  def _as_stored(self, row: trajectory.Trajectory) -> list[tf.Tensor]:
    """The fields of a row [B, ...], flat, with the newest frame alone."""
    fields = tf.nest.flatten(row)
    if self._num_frames_stacked > 1:
      fields[_OBSERVATION] = fields[_OBSERVATION][:, -1]
    return fields

  def end_episodes(self) -> None:
    """Closes the episodes under way, as truncated where they stand.

    For environments that cannot be restored: what they do next is no sequel of
    the newest rows.
    """
    step_type = self._tables[_STEP_TYPE]
    next_step_type = self._tables[_NEXT_STEP_TYPE]
    head = self._heads.value()  # [B]
    newest = tf.gather(step_type, self._row(-1))  # [B]
    is_open = (head > 0) & (newest != ts.StepType.LAST)  # [B]
    envs = tf.where(is_open)[:, 0]
    last = tf.fill(tf.shape(envs), ts.StepType.LAST)
    before = tf.gather(self._row(-1), envs)[:, None]
    reached = tf.gather(self._row(0), envs)[:, None]
    next_step_type.scatter_nd_update(before, last)
    step_type.scatter_nd_update(reached, last)
    self._heads.assign_add(tf.cast(is_open, tf.int64))

  def _row(self, offset: int) -> tf.Tensor:
    """[B] int32, each ring's row of the tables so far from its head."""
    start = tf.range(self._batch_size) * self._ring_length
    return start + self._wrapped(self._ring_heads() + offset)

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
    size, steps = sample_batch_size or 1, num_steps or 1
    env = self._sampled_envs(size)  # [S]
    kept = tf.gather(self._num_kept(), env)  # [S]
    # A window's last row may be the newest observation, written ahead.
    choices = tf.maximum(kept - max(steps - 1, 1) + 1, 1)  # [S]
    place = random_stream.below(self._rng.bits((size,)), choices)  # [S]
    first = tf.gather(self._ring_heads(), env) - kept + place  # [S]
    fields = self._read(env, first[:, None] + tf.range(steps))  # [S, T, ...]
    if num_steps is None:
      fields = [tf.squeeze(x, 1) for x in fields]
    if sample_batch_size is None:
      fields = [tf.squeeze(x, 0) for x in fields]
    return tf.nest.pack_sequence_as(self._data_spec, fields), ()

  def _sampled_envs(self, size: int) -> tf.Tensor:
    """[size] int32; where there is one there is nothing to draw."""
    if self._batch_size == 1:
      return tf.zeros((size,), tf.int32)
    return random_stream.below(self._rng.bits((size,)), self._batch_size)

  def _num_kept(self) -> tf.Tensor:
    """[B] int32, rows that can be sampled from each ring."""
    return tf.cast(tf.minimum(self._heads.value(), self._max_length), tf.int32)

  def _ring_heads(self) -> tf.Tensor:
    """[B] int32, where in each ring its next transition goes."""
    return tf.cast(self._heads.value() % self._ring_length, tf.int32)

  def _wrapped(self, place: tf.Tensor) -> tf.Tensor:
    """Places in a ring, from at most one turn away: no division for each."""
    place = tf.where(place < 0, place + self._ring_length, place)
    beyond = place >= self._ring_length
    return tf.where(beyond, place - self._ring_length, place)

  def _read(self, env: tf.Tensor, place: tf.Tensor) -> list[tf.Tensor]:
    """Every field [S, T, ...], flat.

    Args:
      env: [S] int32, which ring.
      place: [S, T] int32 in it, at most one turn below 0 or beyond its end.
    """
    start = env[:, None] * self._ring_length  # [S, 1]
    rows = start + self._wrapped(place)  # [S, T]
    fields = [tf.gather(table, rows) for table in self._tables]
    if self._num_frames_stacked > 1:
      fields[_OBSERVATION] = self._stacks(start[..., None], place[..., None])
    return fields

  def _stacks(self, start: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """Frames [S, T, N, ...], the newest last.

    Args:
      start: [S, 1, 1] int32, of each ring in the tables.
      place: [S, T, 1] int32 in it, as for `_read`.
    """
    age = tf.range(self._num_frames_stacked - 1, -1, -1)  # [N]
    rows = start + self._wrapped(place - age)  # [S, T, N]
    is_first = tf.gather(self._tables[_STEP_TYPE], rows) == ts.StepType.FIRST
    # A frame is of this episode if no later one of the stack began it.
    later_ones_began = tf.cumsum(
      tf.cast(is_first, tf.int32), axis=-1, reverse=True, exclusive=True
    )  # [S, T, N]
    frames = tf.gather(self._tables[_OBSERVATION], rows)  # [S, T, N, ...]
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
    place = self._ring_heads()[:, None] - kept + tf.range(kept)  # [B, T]
    fields = self._read(tf.range(self._batch_size), place)
    return tf.nest.pack_sequence_as(self._data_spec, fields)

  def _single_deterministic_pass_dataset(self, *args, **kwargs):
    return tf.data.Dataset.from_tensors(self._gather_all())


def _num_spare_rows(num_frames: int) -> int:
  # The oldest row's stack reaches back to rows that are not sampled any more.
  return _SPARE_ROWS + num_frames - 1


def _row_specs(data_spec, num_frames: int) -> list[tf.TensorSpec]:
  """Of each field of a stored row, flat."""
  specs = [
    tf.TensorSpec(spec.shape, spec.dtype)
    for spec in tf.nest.flatten(tensor_spec.from_spec(data_spec))
  ]
  if num_frames > 1:
    whole = specs[_OBSERVATION]
    specs[_OBSERVATION] = tf.TensorSpec(whole.shape[1:], whole.dtype)
  return specs


def num_bytes(
  data_spec, batch_size: int, max_length: int, num_frames: int = 1
) -> int:
  """Bytes of the tables of a buffer of that size."""
  row = sum(
    int(np.prod(spec.shape.as_list())) * spec.dtype.size
    for spec in _row_specs(data_spec, num_frames)
  )
  return row * batch_size * (max_length + _num_spare_rows(num_frames))
