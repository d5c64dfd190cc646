"""Freeway of MinAtar: a chicken crosses a road of eight lanes."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from agents_pipeline.environments.tensor.minatar import game
from agents_pipeline.ops import random_stream

_COLUMN = 4  # of the chicken
_BOTTOM = game.SIDE - 1
_NUM_CARS = 8
_ROWS = np.arange(1, _NUM_CARS + 1)  # of the cars
_MOVE_PERIOD = 3  # steps between moves of the chicken
_MOST_STEPS = 2_500
_SLOWEST = 5  # steps between moves of the slowest car
_CARS = tf.TensorSpec((_NUM_CARS,), tf.int32)


class State(NamedTuple):
  """The state of B games.

  Attributes:
    chicken: the chicken's row, [B].
    move_timer: the steps until the chicken may move, [B].
    steps_left: the steps left to play, [B]; below 0 the game ends.
    columns: the columns of the cars, [B, 8].
    timers: the steps until each car moves, [B, 8].
    speeds: the steps between moves of each car, [B, 8]; negative for cars that
      go left.
  """

  chicken: tf.Tensor
  move_timer: tf.Tensor
  steps_left: tf.Tensor
  columns: tf.Tensor
  timers: tf.Tensor
  speeds: tf.Tensor


class Freeway(game.MinAtarGame):
  """Reaching the top is worth 1, and sends the chicken back to the bottom.

  A car that hits it sends it back too. After the top, all cars get other
  speeds. A game ends with its step 2,501; the difficulty does not ramp.
  """

  STATE = State._make([game.NUMBER] * 3 + [_CARS] * 3)
  NUM_CHANNELS = 2 + _SLOWEST
  MINIMAL_ACTIONS = (game.NOOP, game.UP, game.DOWN)

  def draw_start(self):
    """Draws the speeds of the cars, [B, 8] int32."""
    return self.draw()

  def start(self, draws):
    """Begins with all cars on the left."""
    zero = tf.zeros((self.batch_size,), tf.int32)
    return State(
      chicken=zero + _BOTTOM,
      move_timer=zero + _MOVE_PERIOD,
      steps_left=zero + _MOST_STEPS,
      columns=tf.zeros_like(draws),
      timers=tf.abs(draws),
      speeds=draws,
    )

  def draw(self):
    """Draws the speeds that the cars get after the top, [B, 8] int32."""
    size, direction = tf.unstack(
      self._rng.bits((2, self.batch_size, _NUM_CARS), batch_axis=1)
    )
    period = 1 + random_stream.below(size, _SLOWEST)
    return tf.where(random_stream.below(direction, 2) == 0, -period, period)

  def play(self, state, action, draws):
    """Moves the chicken, then the cars, which may hit it before and after."""
    step = game.step_of(action, game.UP, game.DOWN)
    moves = (step != 0) & (state.move_timer == 0)
    chicken = tf.where(moves, game.move(state.chicken, step), state.chicken)
    move_timer = tf.where(moves, _MOVE_PERIOD, state.move_timer)
    arrives = chicken == 0
    chicken = tf.where(arrives, _BOTTOM, chicken)
    speeds = tf.where(arrives[:, None], draws, state.speeds)
    timers = tf.where(arrives[:, None], tf.abs(draws), state.timers)

    is_due = timers == 0
    moved = (state.columns + tf.sign(speeds)) % game.SIDE
    columns = tf.where(is_due, moved, state.columns)
    at_chicken = (state.columns == _COLUMN) | (columns == _COLUMN)
    hit = tf.reduce_any(at_chicken & (chicken[:, None] == _ROWS), axis=1)
    next_state = State(
      chicken=tf.where(hit, _BOTTOM, chicken),
      move_timer=game.count_down(move_timer),
      steps_left=state.steps_left - 1,
      columns=columns,
      timers=tf.where(is_due, tf.abs(speeds), timers - 1),
      speeds=speeds,
    )
    return next_state, tf.cast(arrives, tf.int32), next_state.steps_left < 0

  def channels(self, state):
    """Returns the chicken, the cars, and what is behind cars of each speed."""
    rows = tf.zeros_like(state.columns) + _ROWS
    behind = (state.columns - tf.sign(state.speeds)) % game.SIDE
    trails = [
      game.board(rows, behind, tf.abs(state.speeds) == period)
      for period in range(1, _SLOWEST + 1)
    ]
    return [
      game.cell(state.chicken, tf.zeros_like(state.chicken) + _COLUMN),
      game.board(rows, state.columns, rows > 0),
      *trails,
    ]
