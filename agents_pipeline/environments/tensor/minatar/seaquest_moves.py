"""How things move in Seaquest, and what meets what, in the package's order."""

from typing import NamedTuple

import tensorflow as tf

from agents_pipeline.environments.tensor.minatar import game, seaquest_state
from agents_pipeline.environments.tensor.minatar.seaquest_state import (
  Enemies,
  State,
)

MOST_DIVERS = 6
ENEMY_SHOT_PERIOD = 10  # and one, steps between shots of an enemy submarine
DIVER_MOVE_PERIOD = 5  # and one, steps between moves of a diver
_LAST = 2 * seaquest_state.NUM_ENEMIES  # behind every place in a queue


def way(right: tf.Tensor) -> tf.Tensor:
  """The step of a thing along its row: 1 if it goes right, -1 if left."""
  return tf.where(right, 1, -1)


def fly(state: State) -> tuple[State, tf.Tensor]:
  """Moves the player's bullets, each of which hits at most one enemy.

  Of several enemies in its cell it hits a fish before a submarine, then the
  oldest.

  Returns:
    The state, and the reward [B].
  """
  bullets, there = state.bullets, state.enemies.there
  column = bullets.column + way(bullets.right)
  flying = bullets.there & ~game.is_outside(column)  # [B, N]
  place = seaquest_state.places(state.next_enemy) + tf.where(
    state.enemies.is_submarine, seaquest_state.NUM_ENEMIES, 0
  )
  reward = tf.zeros_like(state.row)
  left = []
  for i in range(flying.shape[1]):
    met = (
      there
      & flying[:, i, None]
      & (state.enemies.row == bullets.row[:, i, None])
      & (state.enemies.column == column[:, i, None])
    )
    hit = _first(met, place)
    there &= ~hit
    hits = tf.reduce_any(hit, axis=1)
    reward += tf.cast(hits, tf.int32)
    left.append(flying[:, i] & ~hits)
  return state._replace(
    bullets=bullets._replace(there=tf.stack(left, axis=1), column=column),
    enemies=state.enemies._replace(there=there),
  ), reward


def _first(candidates: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
  """Which of the candidates comes first by its place, [B, N] bool."""
  place = tf.where(candidates, place, _LAST)
  return candidates & (place == tf.reduce_min(place, axis=1, keepdims=True))


def move_divers(state: State) -> State:
  """Divers move, and get on board before and after; the newest comes first."""
  divers, num_divers = state.divers, state.num_divers
  moves = divers.there & (divers.move_timer == 0)
  moved = divers.column + way(divers.right)
  is_here = divers.row == state.row[:, None]
  before = divers.there & is_here & (divers.column == state.column[:, None])
  after = moves & is_here & (moved == state.column[:, None])
  columns: list[tf.Tensor] = []
  timers: list[tf.Tensor] = []
  there: list[tf.Tensor] = []
  for i in reversed(range(before.shape[1])):
    has_room = num_divers < MOST_DIVERS
    boards = has_room & (before[:, i] | after[:, i])
    num_divers += tf.cast(boards, tf.int32)
    column = tf.where(moves[:, i], moved[:, i], divers.column[:, i])
    columns.insert(0, column)
    there.insert(0, divers.there[:, i] & ~boards & ~game.is_outside(column))
    timers.insert(
      0,
      tf.where(moves[:, i], DIVER_MOVE_PERIOD, divers.move_timer[:, i] - 1),
    )
  return state._replace(
    num_divers=num_divers,
    divers=divers._replace(
      there=tf.stack(there, axis=1),
      column=tf.stack(columns, axis=1),
      move_timer=tf.stack(timers, axis=1),
    ),
  )


class Moved(NamedTuple):
  """Enemies after their moves.

  Attributes:
    enemies: the enemies still on the board.
    entered: whether each enemy moved to another cell than the player's, [B, N].
    shooting: whether each is a submarine that shoots, also one that is shot or
      leaves, [B, N].
  """

  enemies: Enemies
  entered: tf.Tensor
  shooting: tf.Tensor


def move_enemies(state: State) -> tuple[Moved, tf.Tensor]:
  """Moves the enemies; also returns whether one touches the player, [B]."""
  enemies = state.enemies
  moves = enemies.there & (enemies.move_timer == 0)
  moved = enemies.column + way(enemies.right)
  column = tf.where(moves, moved, enemies.column)
  is_here = enemies.there & (enemies.row == state.row[:, None])
  touches = is_here & (
    (enemies.column == state.column[:, None])
    | (column == state.column[:, None])
  )
  there = enemies.there & ~game.is_outside(column)
  shooting = enemies.there & enemies.is_submarine & (enemies.shot_timer == 0)
  moved_on = enemies._replace(
    there=there,
    column=column,
    move_timer=tf.where(
      moves, state.move_period[:, None], enemies.move_timer - 1
    ),
    shot_timer=tf.where(shooting, ENEMY_SHOT_PERIOD, enemies.shot_timer - 1),
  )
  at_player = is_here & (column == state.column[:, None])
  entered = moves & there & ~at_player
  return Moved(moved_on, entered, shooting), tf.reduce_any(touches, axis=1)


def meet_bullets(state: State, moved: Moved) -> tuple[State, tf.Tensor]:
  """Hits enemies that moved into a bullet, one by each bullet.

  Of several enemies in its cell it hits a submarine before a fish, then the
  newest.

  Returns:
    The state, and the reward [B].
  """
  enemies, bullets = moved.enemies, state.bullets
  there, flying = enemies.there, bullets.there
  newest_first = -seaquest_state.places(state.next_enemy)
  reward = tf.zeros_like(state.row)
  for kind in (enemies.is_submarine, ~enemies.is_submarine):
    left = []
    for i in range(flying.shape[1]):
      met = (
        there
        & moved.entered
        & kind
        & flying[:, i, None]
        & (enemies.row == bullets.row[:, i, None])
        & (enemies.column == bullets.column[:, i, None])
      )
      hit = _first(met, newest_first)
      there &= ~hit
      hits = tf.reduce_any(hit, axis=1)
      reward += tf.cast(hits, tf.int32)
      left.append(flying[:, i] & ~hits)
    flying = tf.stack(left, axis=1)
  return state._replace(
    enemies=enemies._replace(there=there),
    bullets=bullets._replace(there=flying),
  ), reward


def move_enemy_bullets(state: State, moved: Moved) -> tuple[State, tf.Tensor]:
  """Moves the bullets of enemies, the new ones too; they hit before and after.

  Returns:
    The state, and whether the player is hit, [B].
  """
  enemies = moved.enemies

  def shots(right):
    shoot = moved.shooting & (enemies.right == right)
    return game.board(enemies.row, enemies.column, shoot)

  left, right = (
    state.bullets_left | shots(False),
    state.bullets_right | shots(True),
  )
  hit = game.contains(left | right, state.row, state.column)
  columns = tf.range(game.SIDE)
  left = tf.roll(left, -1, axis=2) & (columns != game.SIDE - 1)
  right = tf.roll(right, 1, axis=2) & (columns != 0)
  hit |= game.contains(left | right, state.row, state.column)
  return state._replace(bullets_left=left, bullets_right=right), hit
