"""SpaceInvaders of MinAtar: shoot aliens before they land."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from agents_pipeline.environments.tensor.minatar import game

_ALIENS = game.rectangle(slice(0, 4), slice(2, 8))
_BOTTOM = game.SIDE - 1
_START_COLUMN = 5  # of the cannon
_SHOT_PERIOD = 5  # steps between shots of the cannon
_ALIEN_SHOT_PERIOD = 10  # steps between shots of aliens
_SLOWEST, _FASTEST = 12, 6  # steps between moves of the first and last waves
_NONE = 100  # further away than any column


class State(NamedTuple):
  """The state of B games.

  Attributes:
    cannon: the cannon's column in the bottom row, [B].
    direction: the direction of the aliens, [B]: 1 right, -1 left.
    shot_timer: the steps until the cannon may shoot, [B].
    move_timer: the steps until the aliens move, [B].
    alien_shot_timer: the steps until an alien shoots, [B].
    move_period: the steps between moves of a full wave, [B].
    bullets: the cells with a bullet of the cannon, [B, 10, 10].
    alien_bullets: the cells with a bullet of an alien, [B, 10, 10].
    aliens: the cells with an alien, [B, 10, 10].
  """

  cannon: tf.Tensor
  direction: tf.Tensor
  shot_timer: tf.Tensor
  move_timer: tf.Tensor
  alien_shot_timer: tf.Tensor
  move_period: tf.Tensor
  bullets: tf.Tensor
  alien_bullets: tf.Tensor
  aliens: tf.Tensor


class SpaceInvaders(game.MinAtarGame):
  """Aliens go sideways, and down at each wall; one that is shot is worth 1.

  The fewer aliens are left, the faster they move. With ramping difficulty,
  every wave moves faster than the one before. A bullet or an alien that reaches
  the cannon, or a row of aliens that goes below the board, is the end.
  """

  STATE = State._make([game.NUMBER] * 6 + [game.BOARD] * 3)
  NUM_CHANNELS = 6
  MINIMAL_ACTIONS = (game.NOOP, game.LEFT, game.RIGHT, game.FIRE)

  def draw_start(self):
    """Draws nothing: every game begins alike."""
    return ()

  def start(self, draws):
    """Begins with a full wave, which goes left."""
    del draws
    zero = tf.zeros((self.batch_size,), tf.int32)
    none = tf.zeros((self.batch_size, game.SIDE, game.SIDE), tf.bool)
    return State(
      cannon=zero + _START_COLUMN,
      direction=zero - 1,
      shot_timer=zero,
      move_timer=zero + _SLOWEST,
      alien_shot_timer=zero + _ALIEN_SHOT_PERIOD,
      move_period=zero + _SLOWEST,
      bullets=none,
      alien_bullets=none,
      aliens=none | _ALIENS,
    )

  def draw(self):
    """Draws nothing: only sticky actions are random."""
    return ()

  def play(self, state, action, draws):
    """Moves the cannon or shoots, then bullets fly, then aliens act."""
    del draws
    cannon = game.move(
      state.cannon, game.step_of(action, game.LEFT, game.RIGHT)
    )
    bottom = tf.zeros_like(cannon) + _BOTTOM
    shoots = (action == game.FIRE) & (state.shot_timer == 0)
    shot_timer = tf.where(shoots, _SHOT_PERIOD, state.shot_timer)
    bullets = state.bullets | game.where(
      shoots, game.cell(bottom, cannon), False
    )
    bullets = _without_row(tf.roll(bullets, -1, axis=1), _BOTTOM)
    alien_bullets = _without_row(tf.roll(state.alien_bullets, 1, axis=1), 0)

    hit = game.contains(alien_bullets, bottom, cannon)
    hit |= game.contains(state.aliens, bottom, cannon)
    aliens, direction, move_timer, landed = _move_aliens(state)
    hit |= landed | game.contains(aliens, bottom, cannon)

    alien_shoots = state.alien_shot_timer == 0
    alien_bullets |= game.where(alien_shoots, _nearest(aliens, cannon), False)
    shot = aliens & bullets
    aliens, bullets = aliens & ~shot, bullets & ~shot
    is_cleared = game.count(aliens) == 0
    faster = is_cleared & (state.move_period > _FASTEST) & self._ramps
    next_state = State(
      cannon,
      direction,
      shot_timer=game.count_down(shot_timer),
      move_timer=move_timer - 1,
      alien_shot_timer=tf.where(
        alien_shoots, _ALIEN_SHOT_PERIOD, state.alien_shot_timer
      )
      - 1,
      move_period=state.move_period - tf.cast(faster, tf.int32),
      bullets=bullets,
      alien_bullets=alien_bullets,
      aliens=game.where(is_cleared, _ALIENS, aliens),
    )
    return next_state, game.count(shot), hit

  def channels(self, state):
    """Returns the cannon, aliens, those going left and right, and bullets."""
    goes_left = state.direction < 0
    return [
      game.cell(tf.zeros_like(state.cannon) + _BOTTOM, state.cannon),
      state.aliens,
      game.where(goes_left, state.aliens, False),
      game.where(goes_left, False, state.aliens),
      state.bullets,
      state.alien_bullets,
    ]


def _move_aliens(state: State):
  """Moves aliens whose time has come: down and back at a wall, else sideways.

  Returns:
    The aliens, their direction, steps until the next move, and whether they
    have gone below the board; there they come in again at the top.
  """
  is_due = state.move_timer == 0
  move_timer = tf.where(
    is_due,
    tf.minimum(game.count(state.aliens), state.move_period),
    state.move_timer,
  )
  left, right = state.aliens[:, :, 0], state.aliens[:, :, -1]  # [B, 10]
  turns = is_due & tf.where(
    state.direction < 0,
    tf.reduce_any(left, axis=1),
    tf.reduce_any(right, axis=1),
  )
  landed = turns & tf.reduce_any(state.aliens[:, _BOTTOM], axis=1)
  sideways = game.where(
    state.direction < 0,
    tf.roll(state.aliens, -1, axis=2),
    tf.roll(state.aliens, 1, axis=2),
  )
  moved = game.where(turns, tf.roll(state.aliens, 1, axis=1), sideways)
  aliens = game.where(is_due, moved, state.aliens)
  direction = tf.where(turns, -state.direction, state.direction)
  return aliens, direction, move_timer, landed


def _nearest(aliens: tf.Tensor, cannon: tf.Tensor) -> tf.Tensor:
  """The cell of the alien that shoots, [B, 10, 10].

  It is the lowest in the column nearest to the cannon; of two such columns, the
  one on the left.
  """
  columns = tf.range(game.SIDE)
  offset = columns - cannon[:, None]  # [B, 10]
  distance = 2 * tf.abs(offset) + tf.cast(offset > 0, tf.int32)
  distance = tf.where(tf.reduce_any(aliens, axis=1), distance, _NONE)
  is_nearest = distance == tf.reduce_min(distance, axis=1, keepdims=True)
  candidates = aliens & is_nearest[:, None]  # one column
  rows = np.arange(game.SIDE)[:, None]
  lowest = tf.reduce_max(
    tf.where(candidates, rows, -1), axis=(1, 2), keepdims=True
  )
  return candidates & (lowest == rows)


def _without_row(on_board: tf.Tensor, row: int) -> tf.Tensor:
  """A board [B, 10, 10] with nothing in a row."""
  return on_board & (np.arange(game.SIDE) != row)[:, None]
