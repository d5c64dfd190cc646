"""Asterix of MinAtar: gather gold and avoid enemies, in eight rows."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from agents_pipeline.environments.tensor.minatar import game
from agents_pipeline.ops import random_stream

_START = 5  # row and column of the player
_TOP, _BOTTOM = 1, 8  # rows that things come from, one of them in each
_ROWS = np.arange(_TOP, _BOTTOM + 1)
_SPAWN_PERIOD = 10  # steps between things, at first
_MOVE_PERIOD = 5  # steps between their moves, at first
_RAMP_PERIOD = 100  # the timer's start: harder every 102 steps
_COLUMNS = tf.TensorSpec((len(_ROWS),), tf.int32)
_FLAGS = tf.TensorSpec((len(_ROWS),), tf.bool)


class State(NamedTuple):
  """The state of B games.

  Attributes:
    row: the player's row, [B].
    column: the player's column, [B].
    spawn_timer: the steps until a thing comes, [B].
    spawn_period: the steps between two things that come, [B].
    move_timer: the steps until all things move, [B].
    move_period: the steps between moves, [B].
    ramp_timer: the steps until the game becomes harder, [B].
    num_ramps: how often the game became harder, [B].
    columns: the column of the thing in each row, [B, 8].
    there: whether there is a thing in each row, [B, 8].
    from_left: whether the thing goes to the right, [B, 8].
    is_gold: whether the thing is gold, else it is an enemy, [B, 8].
  """

  row: tf.Tensor
  column: tf.Tensor
  spawn_timer: tf.Tensor
  spawn_period: tf.Tensor
  move_timer: tf.Tensor
  move_period: tf.Tensor
  ramp_timer: tf.Tensor
  num_ramps: tf.Tensor
  columns: tf.Tensor
  there: tf.Tensor
  from_left: tf.Tensor
  is_gold: tf.Tensor


class Draws(NamedTuple):
  """What was drawn for the thing that may come next.

  Attributes:
    from_left: whether the thing comes from the left, [B] bool.
    is_gold: whether the thing is gold, [B] bool.
    row: the random bits that choose one of the free rows, [B] uint32.
  """

  from_left: tf.Tensor
  is_gold: tf.Tensor
  row: tf.Tensor


class Asterix(game.MinAtarGame):
  """Gold is worth 1, an enemy is the end.

  With ramping difficulty, things come more and more often, and move faster and
  faster.
  """

  STATE = State._make([game.NUMBER] * 8 + [_COLUMNS] + [_FLAGS] * 3)
  NUM_CHANNELS = 4
  MINIMAL_ACTIONS = (game.NOOP, game.LEFT, game.UP, game.RIGHT, game.DOWN)

  def draw_start(self):
    """Draws nothing: every game begins alike."""
    return ()

  def start(self, draws):
    """Begins with the player alone, in the middle."""
    del draws
    zero = tf.zeros((self.batch_size,), tf.int32)
    nothing = tf.zeros((self.batch_size, len(_ROWS)), tf.bool)
    return State(
      row=zero + _START,
      column=zero + _START,
      spawn_timer=zero + _SPAWN_PERIOD,
      spawn_period=zero + _SPAWN_PERIOD,
      move_timer=zero + _MOVE_PERIOD,
      move_period=zero + _MOVE_PERIOD,
      ramp_timer=zero + _RAMP_PERIOD,
      num_ramps=zero,
      columns=tf.cast(nothing, tf.int32),
      there=nothing,
      from_left=nothing,
      is_gold=nothing,
    )

  def draw(self):
    """Draws what may come next: from either side, one in three is gold."""
    side, kind, row = tf.unstack(
      self._rng.bits((3, self.batch_size), batch_axis=1)
    )
    return Draws(
      random_stream.below(side, 2) == 0, random_stream.below(kind, 3) == 0, row
    )

  def play(self, state, action, draws):
    """Lets a thing come if it is time, moves the player, then all things."""
    spawns = state.spawn_timer == 0
    state = _spawn(state, spawns, draws)
    row = game.move(
      state.row, game.step_of(action, game.UP, game.DOWN), _TOP, _BOTTOM
    )
    column = game.move(
      state.column, game.step_of(action, game.LEFT, game.RIGHT)
    )

    def touched(there, columns):
      at_player = columns == column[:, None]
      return there & at_player & (row[:, None] == _ROWS)  # [B, 8]

    before = touched(state.there, state.columns)
    there = state.there & ~(before & state.is_gold)
    moves = state.move_timer == 0
    moved = state.columns + tf.where(state.from_left, 1, -1)
    columns = tf.where(moves[:, None], moved, state.columns)
    there &= ~game.is_outside(columns)
    after = touched(there, columns) & moves[:, None]
    there &= ~(after & state.is_gold)
    gold = tf.cast((before | after) & state.is_gold, tf.int32)
    dead = tf.reduce_any((before | after) & ~state.is_gold, axis=1)
    next_state = state._replace(
      row=row,
      column=column,
      spawn_timer=tf.where(spawns, state.spawn_period, state.spawn_timer) - 1,
      move_timer=tf.where(moves, state.move_period, state.move_timer) - 1,
      columns=columns,
      there=there,
    )
    if self._ramps:
      next_state = _ramp(next_state)
    return next_state, tf.reduce_sum(gold, axis=1), dead

  def channels(self, state):
    """Returns the player, enemies, what is behind things, and gold."""
    rows = tf.zeros_like(state.columns) + _ROWS
    behind = state.columns - tf.where(state.from_left, 1, -1)
    return [
      game.cell(state.row, state.column),
      game.board(rows, state.columns, state.there & ~state.is_gold),
      game.board(rows, behind, state.there),
      game.board(rows, state.columns, state.there & state.is_gold),
    ]


def _spawn(state: State, spawns: tf.Tensor, draws: Draws) -> State:
  """Puts a new thing into one of the free rows, if there is one."""
  is_free = tf.cast(~state.there, tf.int32)  # [B, 8]
  # With no free row nothing is chosen, whatever the limit.
  num_free = tf.maximum(tf.reduce_sum(is_free, axis=1), 1)
  chosen = random_stream.below(draws.row, num_free)  # [B]
  index = tf.cumsum(is_free, axis=1, exclusive=True)  # [B, 8], among the free
  new = ~state.there & (index == chosen[:, None]) & spawns[:, None]
  start = tf.where(draws.from_left, 0, game.SIDE - 1)
  return state._replace(
    columns=tf.where(new, start[:, None], state.columns),
    there=state.there | new,
    from_left=tf.where(new, draws.from_left[:, None], state.from_left),
    is_gold=tf.where(new, draws.is_gold[:, None], state.is_gold),
  )


def _ramp(state: State) -> State:
  """When the timer is below 0: things come sooner, every 2nd time faster."""
  can_ramp = (state.spawn_period > 1) | (state.move_period > 1)
  ramps = can_ramp & (state.ramp_timer < 0)
  moves_faster = ramps & (state.move_period > 1) & (state.num_ramps % 2 == 1)
  spawns_faster = ramps & (state.spawn_period > 1)
  waits = tf.cast(can_ramp & ~ramps, tf.int32)
  return state._replace(
    spawn_period=state.spawn_period - tf.cast(spawns_faster, tf.int32),
    move_period=state.move_period - tf.cast(moves_faster, tf.int32),
    ramp_timer=tf.where(ramps, _RAMP_PERIOD, state.ramp_timer - waits),
    num_ramps=state.num_ramps + tf.cast(ramps, tf.int32),
  )
