"""Breakout of MinAtar: bounce a ball off a paddle to break bricks."""

from typing import NamedTuple

import tensorflow as tf

from agents_pipeline.environments.tensor.minatar import game

_WALL = game.rectangle(slice(1, 4), slice(None))  # three rows of bricks
_BOTTOM = game.SIDE - 1
_START_ROW = 3  # of the ball
_START_COLUMN = 4  # of the paddle


class State(NamedTuple):
  """The state of B games.

  Attributes:
    paddle: the paddle's column in the bottom row, [B].
    row: the ball's row, [B].
    column: the ball's column, [B].
    down: 1 where the ball falls, -1 where it rises, [B].
    right: 1 where the ball flies right, -1 where it flies left, [B].
    last_row: the ball's row a step before, [B].
    last_column: the ball's column a step before, [B].
    struck: whether the ball is within bricks, [B]: it breaks only the first of
      them.
    bricks: the cells with a brick, [B, 10, 10].
  """

  paddle: tf.Tensor
  row: tf.Tensor
  column: tf.Tensor
  down: tf.Tensor
  right: tf.Tensor
  last_row: tf.Tensor
  last_column: tf.Tensor
  struck: tf.Tensor
  bricks: tf.Tensor


class Breakout(game.MinAtarGame):
  """The ball flies diagonally; a brick is worth 1, a missed ball is the end.

  When the ball reaches the bottom row and no brick is left, there are three
  rows of them again. The difficulty does not ramp.
  """

  STATE = State._make([*[game.NUMBER] * 7, game.FLAG, game.BOARD])
  NUM_CHANNELS = 4
  MINIMAL_ACTIONS = (game.NOOP, game.LEFT, game.RIGHT)

  def draw_start(self):
    """Draws whether the ball begins on the left, [B] bool."""
    return self._rng.uniform((self.batch_size,)) < 0.5

  def start(self, draws):
    """Begins with the ball below the bricks, on one side, falling inwards."""
    zero = tf.zeros((self.batch_size,), tf.int32)
    row = zero + _START_ROW
    column = tf.where(draws, zero, game.SIDE - 1)
    return State(
      paddle=zero + _START_COLUMN,
      row=row,
      column=column,
      down=zero + 1,
      right=tf.where(draws, 1, zero - 1),
      last_row=row,
      last_column=column,
      struck=zero > 0,
      bricks=tf.tile(_WALL[None], (self.batch_size, 1, 1)),
    )

  def draw(self):
    """Draws nothing: only the beginning is random."""
    return ()

  def play(self, state, action, draws):
    """Moves the paddle, then the ball."""
    del draws
    paddle = game.move(
      state.paddle, game.step_of(action, game.LEFT, game.RIGHT)
    )
    column = state.column + state.right
    right = tf.where(game.is_outside(column), -state.right, state.right)
    column = tf.clip_by_value(column, 0, game.SIDE - 1)
    row = state.row + state.down
    hits_ceiling = row < 0
    row = tf.maximum(row, 0)

    hits_brick = game.contains(state.bricks, row, column)
    breaks = hits_brick & ~state.struck
    bricks = state.bricks & ~game.where(breaks, game.cell(row, column), False)

    at_bottom = row == _BOTTOM
    is_cleared = at_bottom & (game.count(bricks) == 0)
    bricks = game.where(is_cleared, _WALL, bricks)
    # Over the paddle the ball bounces up, at its edge also back.
    over_paddle = at_bottom & (state.column == paddle)
    at_edge = at_bottom & ~over_paddle & (column == paddle)
    bounces = breaks | over_paddle | at_edge
    next_state = State(
      paddle,
      row=tf.where(bounces, state.row, row),
      column=column,
      down=tf.where(hits_ceiling | bounces, -state.down, state.down),
      right=tf.where(at_edge, -right, right),
      last_row=state.row,
      last_column=state.column,
      struck=hits_brick,
      bricks=bricks,
    )
    missed = at_bottom & ~over_paddle & ~at_edge
    return next_state, tf.cast(breaks, tf.int32), missed

  def channels(self, state):
    """Returns the paddle, the ball, where the ball was, and the bricks."""
    bottom = tf.zeros_like(state.paddle) + _BOTTOM
    return [
      game.cell(bottom, state.paddle),
      game.cell(state.row, state.column),
      game.cell(state.last_row, state.last_column),
      state.bricks,
    ]
