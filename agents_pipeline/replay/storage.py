"""Ring-buffer storage of transitions, for XLA programs and tf.data."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from agents_pipeline.losses import n_step as n_step_returns
from agents_pipeline.ops import packing
from agents_pipeline.replay import rings, specs

# Extra rows of each ring: one for the newest observation, one that a step
# which only resets may overwrite.
_SPARE_ROWS = 2


class Row(NamedTuple):
  """An observation and the step taken from it, [...] each.

  Attributes:
    step_type: int32, the step type of the observation.
    observation: the observation acted from; leaves by name, or one array.
    action: the action taken.
    next_step_type: int32, the step type of the observation that the action led
      to.
    reward: float32, the reward of the step.
    discount: float32, the discount of the step: 0 where the episode terminated.
  """

  step_type: Any
  observation: Any
  action: Any
  next_step_type: Any
  reward: Any
  discount: Any


class Windows(NamedTuple):
  """Windows of consecutive rows.

  Attributes:
    env: [S] int32, the ring of each window.
    first: [S] int32, the place of each window's first row in its ring, at most
      one turn below 0.
  """

  env: tf.Tensor
  first: tf.Tensor


class TransitionStorage(tf.Module):
  """Keeps the newest transitions and reads n-step transitions.

  Each environment has a ring of rows, in one table for all small fields and one
  for each other field. A row holds an observation and the step taken from it. A
  transition writes two rows: its own, and the observation it led to. The next
  transition overwrites the second with the same observation, unless the episode
  ended: then it stays, as a row of step type LAST, and the next episode
  follows. So every observation is stored once, true last ones included:

      o0  o1  o2  LAST  o0  o1        LAST rows are no transitions; agents mask
      |__step__|        |...          them, as TF-Agents' do.

  TF-Agents' TFUniformReplayBuffer cannot go through XLA (CriticalSection). XLA
  turns a scatter of one row into a copy of the whole table, so every write has
  at least two. Where an observation is a stack of frames, a row holds the
  newest frame alone: stacks are put together again from the rows before, and no
  further back than the episode's first.

  Adding and reading cost the same whatever the capacity: XLA updates the tables
  in place, but may hold one copy of them during a call.
  """

  def __init__(self, replay_spec: specs.ReplaySpec, max_length: int, name: str):
    """Allocates the tables.

    Args:
      replay_spec: what is kept.
      max_length: rows kept of each environment.
      name: the name of the module.
    """
    super().__init__(name=name)
    self._spec = replay_spec
    self._max_length = max_length
    self._rings = rings.Rings(
      replay_spec.num_envs, max_length, _num_spare_rows(replay_spec)
    )
    self._packing = _packing(replay_spec)
    fields = tf.nest.flatten(_row_spec(replay_spec))
    self._index = tf.nest.pack_sequence_as(
      _row_spec(replay_spec), list(range(len(fields)))
    )  # a `Row` of the indices of its fields
    length = self._rings.table_length
    self._tables = [
      tf.Variable(
        tf.zeros([length, *spec.shape], spec.dtype), name=f"table_{i}"
      )
      for i, spec in enumerate(self._packing.specs)
    ]

  def add(self, transition: trajectory.Transition) -> list:
    """Adds a transition [B, ...] of every environment; resets are left out.

    Returns:
      What must be done before the rows can be sampled by tf.data, whose reads
      automatic control dependencies do not see.
    """
    time_step, action_step, next_time_step = transition
    step_row = self._pack(
      Row(
        time_step.step_type,
        time_step.observation,
        action_step.action,
        next_time_step.step_type,
        next_time_step.reward,
        next_time_step.discount,
      )
    )
    zero = tf.zeros_like(next_time_step.reward)  # [B]
    next_row = self._pack(  # of which only the observation is known
      Row(
        next_time_step.step_type,
        next_time_step.observation,
        tf.nest.map_structure(tf.zeros_like, action_step.action),
        tf.fill(tf.shape(zero), ts.StepType.FIRST),
        zero,
        tf.ones_like(zero),
      )
    )
    row = tf.concat(
      [self._rings.rows_from_head(offset) for offset in (0, 1)], 0
    )  # [2B]
    written = [
      table.scatter_update(tf.IndexedSlices(tf.concat(pair, 0), row))
      for table, *pair in zip(self._tables, step_row, next_row, strict=True)
    ]
    is_reset = time_step.is_last()  # [B]
    num_rows = tf.where(next_time_step.is_last(), 2, 1)  # [B]
    # Rows count only when they are there, also for tf.data's thread.
    with tf.control_dependencies([] if tf.executing_eagerly() else written):
      return [*written, self._rings.advance(tf.where(is_reset, 0, num_rows))]

  def _pack(self, row: Row) -> list[tf.Tensor]:
    """A row [B, ...] for each table, with the newest frame alone."""
    if self._spec.num_frames > 1:
      row = row._replace(observation=row.observation[:, -1])
    return self._packing.pack(tf.nest.flatten(row))

  def transitions(self, windows: Windows) -> trajectory.Transition:
    """The n-step transitions [S, ...] that begin at the windows' first rows.

    A first row of step type LAST holds an episode's last observation and begins
    no transition; agents mask it. Observations with a table of their own, such
    as images, are by far the largest part of a row: of a window only the first
    and the one to bootstrap from are read.
    """
    env, first = windows
    offset = tf.range(self._spec.n_step + 1)  # [n + 1]
    window = self._read_packed(env, first[:, None] + offset)
    ends_episode = window.next_step_type[:, :-1] == ts.StepType.LAST  # [S, n]
    reward, discount, last = n_step_returns.n_step_return(
      window.reward[:, :-1],
      window.discount[:, :-1],
      ends_episode,
      self._spec.gamma,
    )  # [S] each; the return's last step is number `last` of the window
    start = tf.nest.map_structure(
      lambda i, x: self._read_field(i, env, first) if x is None else x[:, 0],
      self._index,
      window,
    )  # the first row
    next_observation = tf.nest.map_structure(
      lambda i, x: (
        self._read_field(i, env, first + last + 1)
        if x is None
        else _of_step(x[:, 1:], last)
      ),
      self._index.observation,
      window.observation,
    )
    ended = _of_step(ends_episode, last)  # [S]
    return trajectory.Transition(
      ts.TimeStep(
        start.step_type,
        tf.zeros_like(reward),
        tf.ones_like(reward),
        start.observation,
      ),
      policy_step.PolicyStep(start.action, (), ()),
      ts.TimeStep(
        tf.where(ended, ts.StepType.LAST, ts.StepType.MID),
        reward,
        discount,
        next_observation,
      ),
    )

  def abandon_episodes(self) -> None:
    """Ends the unfinished episodes as truncated, at their newest observation.

    For environments that cannot be restored: their next step does not continue
    the newest rows.
    """
    packed_table, column = self._tables[0], self._packing.column
    from_head = self._rings.rows_from_head
    newest = self._step_type(from_head(-1))  # [B]
    is_open = (self._rings.num_kept() > 0) & (newest != ts.StepType.LAST)  # [B]
    for offset, field in (
      (-1, self._index.next_step_type),
      (0, self._index.step_type),
    ):
      open_rows = tf.boolean_mask(from_head(offset), is_open)
      packed_table.scatter_nd_update(
        tf.stack(
          [open_rows, tf.fill(tf.shape(open_rows), column(field))], axis=1
        ),
        tf.fill(tf.shape(open_rows), float(ts.StepType.LAST)),
      )
    self._rings.advance(is_open)

  def _read_packed(self, env: tf.Tensor, place: tf.Tensor) -> Row:
    """Reads rows, without the fields that have a table of their own.

    Args:
      env: [S] int32, the rings of the rows.
      place: [S, T] int32, the places of the rows in these rings, at most one
        turn below 0 or beyond their end.

    Returns:
      [S, T, ...] each; None for a field that was not read.
    """
    packed = tf.gather(self._tables[0], self._rings.rows(env[:, None], place))
    return tf.nest.pack_sequence_as(
      self._index, self._packing.unpack_columns(packed)
    )

  def _read_field(
    self, index: int, env: tf.Tensor, place: tf.Tensor
  ) -> tf.Tensor:
    """Reads a field [S, ...] that has a table of its own; see `_read_packed`.

    Args:
      index: the index of the field, from `_index`.
      env: [S] int32.
      place: [S] int32.
    """
    table = self._tables[self._packing.table(index)]
    if self._spec.num_frames > 1 and index == self._index.observation:
      return self._stacks(table, env[:, None], place[:, None])
    return tf.gather(table, self._rings.rows(env, place))

  def _step_type(self, row: tf.Tensor) -> tf.Tensor:
    """[...] float32, the step types of rows [...] int32 of the table."""
    column = self._packing.column(self._index.step_type)
    # They are always in the first table.
    return tf.gather(self._tables[0], row)[..., column]

  def _stacks(
    self, table: tf.Tensor, env: tf.Tensor, place: tf.Tensor
  ) -> tf.Tensor:
    """Stacked frames [S, N, ...], the newest last.

    Args:
      table: the table of frames.
      env: [S, 1] int32, the rings of the frames.
      place: [S, 1] int32, the place of each newest frame in its ring.
    """
    age = tf.range(self._spec.num_frames - 1, -1, -1)  # [N]
    row = self._rings.rows(env, place - age)  # [S, N]
    is_first = self._step_type(row) == ts.StepType.FIRST  # [S, N]
    # A frame is of this episode if no later one of the stack began it.
    later_ones_began = tf.cumsum(
      tf.cast(is_first, tf.int32), axis=-1, reverse=True, exclusive=True
    )  # [S, N]
    frames = tf.gather(table, row)  # [S, N, ...]
    belongs = later_ones_began == 0  # [S, N]
    for _ in range(frames.shape.rank - belongs.shape.rank):
      belongs = belongs[..., None]
    return tf.where(belongs, frames, tf.zeros_like(frames))


def _of_step(x: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
  """The values [S, ...] of one step [S] of each window, from [S, n, ...]."""
  if x.shape[1] == 1:
    return x[:, 0]
  return tf.gather(x, step, axis=1, batch_dims=1)


def _row_spec(replay_spec: specs.ReplaySpec) -> Row:
  """The specs of a stored row, which has one frame of a stack."""
  number, kind = tf.TensorSpec((), tf.float32), tf.TensorSpec((), tf.int32)
  observation = tensor_spec.from_spec(replay_spec.observation_spec)
  if replay_spec.num_frames > 1:
    observation = tf.TensorSpec(observation.shape[1:], observation.dtype)
  action = tensor_spec.from_spec(replay_spec.action_spec)
  return Row(kind, observation, action, kind, number, number)


def _packing(replay_spec: specs.ReplaySpec) -> packing.Packing:
  """The packing of the fields of a stored row; frames have their own table."""
  fields = tf.nest.flatten(_row_spec(replay_spec))
  frame = Row._fields.index("observation")
  return packing.Packing(
    fields, apart=[frame] if replay_spec.num_frames > 1 else []
  )


def _num_spare_rows(replay_spec: specs.ReplaySpec) -> int:
  # The oldest row's stack reaches back to rows that are not sampled any more.
  return _SPARE_ROWS + replay_spec.num_frames - 1


def table_length(replay_spec: specs.ReplaySpec, max_length: int) -> int:
  """Rows of the tables that keep `max_length` rows of each environment."""
  return replay_spec.num_envs * (max_length + _num_spare_rows(replay_spec))


def num_bytes(replay_spec: specs.ReplaySpec, max_length: int) -> int:
  """Bytes of the tables that keep `max_length` rows of each environment."""
  row = sum(
    int(np.prod(spec.shape.as_list())) * spec.dtype.size
    for spec in _packing(replay_spec).specs
  )
  return row * table_length(replay_spec, max_length)
