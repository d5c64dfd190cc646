"""Seaquest of MinAtar: shoot enemies, rescue divers, and breathe in time."""

from typing import NamedTuple

import tensorflow as tf

from agents_pipeline.environments.tensor.minatar import (
  game,
  seaquest_moves,
  seaquest_state,
)
from agents_pipeline.environments.tensor.minatar.seaquest_state import (
  Bullets,
  Divers,
  Enemies,
  State,
)
from agents_pipeline.ops import random_stream

_START_COLUMN = 5  # of the submarine
_BOTTOM = 8  # row that it can dive to; the gauges are below
_FIRST_ROW, _NUM_ROWS = 1, 8  # that others come in
_MOST_OXYGEN = 200  # steps
_SHOT_PERIOD = 5  # steps between shots of the player
_DIVER_SPAWN_PERIOD = 30  # steps between divers
_SPAWN_PERIOD = 20  # steps between enemies, at first
_MOVE_PERIOD = 5  # and one, steps between moves of an enemy, at first
_FASTEST_MOVE_PERIOD = 2


class Draws(NamedTuple):
  """What was drawn for the enemy and the diver that may come next.

  Attributes:
    from_left: whether the enemy comes from the left, [B] bool.
    is_submarine: whether the enemy is a submarine, else it is a fish, [B] bool.
    row: the enemy's row, [B] int32, 0 to 7 from the surface down.
    diver_from_left: whether the diver comes from the left, [B] bool.
    diver_row: the diver's row, [B] int32, 0 to 7 from the surface down.
  """

  from_left: tf.Tensor
  is_submarine: tf.Tensor
  row: tf.Tensor
  diver_from_left: tf.Tensor
  diver_row: tf.Tensor


class Seaquest(game.MinAtarGame):
  """A shot enemy is worth 1; surfacing with six divers is worth up to 10.

  Divers are picked up by touching them. Surfacing fills up the oxygen and drops
  off one diver; with six it drops off all, for a reward of 10 times the share
  of oxygen that was left, rounded down. The game ends on surfacing without a
  diver, on touching an enemy or its bullet, and when the oxygen is used up.
  With ramping difficulty, surfacing makes enemies more frequent and faster.

  As in the package, surfacing with six divers leaves -1 of them, and this does
  not count as having none.
  """

  STATE = seaquest_state.SPECS
  NUM_CHANNELS = 10
  MINIMAL_ACTIONS = tuple(range(6))

  def draw_start(self):
    """Draws nothing: every game begins alike."""
    return ()

  def start(self, draws):
    """Begins with the player alone, at the surface, facing left."""
    del draws
    empty = tf.nest.map_structure(
      lambda spec: tf.zeros((self.batch_size, *spec.shape), spec.dtype),
      self.STATE,
    )
    zero = empty.row
    return empty._replace(
      column=zero + _START_COLUMN,
      at_surface=zero == 0,
      oxygen=zero + _MOST_OXYGEN,
      spawn_timer=zero + _SPAWN_PERIOD,
      spawn_period=zero + _SPAWN_PERIOD,
      diver_timer=zero + _DIVER_SPAWN_PERIOD,
      move_period=zero + _MOVE_PERIOD,
    )

  def draw(self):
    """Draws what may come next: from either side; one in three a submarine."""
    side, kind, row, diver_side, diver_row = tf.unstack(
      self._rng.bits((5, self.batch_size), batch_axis=1)
    )
    return Draws(
      random_stream.below(side, 2) == 0,
      random_stream.below(kind, 3) == 0,
      random_stream.below(row, _NUM_ROWS),
      random_stream.below(diver_side, 2) == 0,
      random_stream.below(diver_row, _NUM_ROWS),
    )

  def play(self, state, action, draws):
    """Lets others come, the player act, then everything move in turn."""
    state = _spawn(state, draws)
    state = _act(state, action)
    state, from_bullets = seaquest_moves.fly(state)
    state = seaquest_moves.move_divers(state)
    enemies, touched = seaquest_moves.move_enemies(state)
    state, from_enemies = seaquest_moves.meet_bullets(state, enemies)
    state, hit = seaquest_moves.move_enemy_bullets(state, enemies)
    state, surfaced, ended = _breathe(state, self._ramps)
    state = state._replace(
      spawn_timer=game.count_down(state.spawn_timer),
      diver_timer=game.count_down(state.diver_timer),
      shot_timer=game.count_down(state.shot_timer),
    )
    return (
      state,
      from_bullets + from_enemies + surfaced,
      touched | hit | ended,
    )

  def channels(self, state):
    """The player's front and back, bullets, trails, enemies, gauges, divers."""
    enemies, divers, bullets = state.enemies, state.divers, state.bullets
    columns = tf.range(game.SIDE)
    gauges = tf.fill((self.batch_size,), game.SIDE - 1)  # their row

    def gauge(cells):  # [B, 10] -> [B, 10, 10]
      bottom = tf.range(game.SIDE) == game.SIDE - 1
      return bottom[:, None] & cells[:, None]

    oxygen = tf.maximum(state.oxygen, 0) * game.SIDE // _MOST_OXYGEN
    first_diver = gauges - state.num_divers
    back = state.column - tf.where(state.faces_right, 1, -1)
    enemy_trails = game.board(
      enemies.row,
      enemies.column - seaquest_moves.way(enemies.right),
      enemies.there,
    )
    diver_trails = game.board(
      divers.row, divers.column - seaquest_moves.way(divers.right), divers.there
    )
    fish = enemies.there & ~enemies.is_submarine
    submarines = enemies.there & enemies.is_submarine
    return [
      game.cell(state.row, state.column),
      game.cell(state.row, back),
      game.board(bullets.row, bullets.column, bullets.there),
      enemy_trails | diver_trails,
      state.bullets_left | state.bullets_right,
      game.board(enemies.row, enemies.column, fish),
      game.board(enemies.row, enemies.column, submarines),
      gauge(columns < oxygen[:, None]),
      gauge((columns >= first_diver[:, None]) & (columns < game.SIDE - 1)),
      game.board(divers.row, divers.column, divers.there),
    ]


def _first_column(from_left: tf.Tensor) -> tf.Tensor:
  return tf.where(from_left, 0, game.SIDE - 1)


def _spawn(state: State, draws: Draws) -> State:
  """Lets an enemy and a diver come, where it is time.

  No enemy comes into a row in which another enemy goes the other way.
  """
  enemies = state.enemies
  is_due = state.spawn_timer == 0
  row = _FIRST_ROW + draws.row
  in_the_way = (
    enemies.there
    & (enemies.row == row[:, None])
    & (enemies.right != draws.from_left[:, None])
  )
  comes = is_due & ~tf.reduce_any(in_the_way, axis=1)
  new = Enemies(
    there=comes,
    row=row,
    column=_first_column(draws.from_left),
    right=draws.from_left,
    is_submarine=draws.is_submarine,
    move_timer=state.move_period,
    shot_timer=tf.zeros_like(row) + seaquest_moves.ENEMY_SHOT_PERIOD,
  )
  diver_is_due = state.diver_timer == 0
  diver = Divers(
    there=diver_is_due,
    row=_FIRST_ROW + draws.diver_row,
    column=_first_column(draws.diver_from_left),
    right=draws.diver_from_left,
    move_timer=tf.zeros_like(row) + seaquest_moves.DIVER_MOVE_PERIOD,
  )
  return state._replace(
    enemies=seaquest_state.put(enemies, new, comes, state.next_enemy),
    next_enemy=(state.next_enemy + tf.cast(comes, tf.int32))
    % seaquest_state.NUM_ENEMIES,
    spawn_timer=tf.where(is_due, state.spawn_period, state.spawn_timer),
    divers=seaquest_state.append(state.divers, diver, diver_is_due),
    diver_timer=tf.where(diver_is_due, _DIVER_SPAWN_PERIOD, state.diver_timer),
  )


def _act(state: State, action: tf.Tensor) -> State:
  """Moves the player, or shoots the way it faces."""
  shoots = (action == game.FIRE) & (state.shot_timer == 0)
  bullet = Bullets(shoots, state.row, state.column, state.faces_right)
  turned = tf.where(action == game.LEFT, False, state.faces_right)
  return state._replace(
    row=game.move(
      state.row, game.step_of(action, game.UP, game.DOWN), 0, _BOTTOM
    ),
    column=game.move(state.column, game.step_of(action, game.LEFT, game.RIGHT)),
    faces_right=tf.where(action == game.RIGHT, True, turned),
    bullets=seaquest_state.append(state.bullets, bullet, shoots),
    shot_timer=tf.where(shoots, _SHOT_PERIOD, state.shot_timer),
  )


def _breathe(state: State, ramps: bool) -> tuple[State, tf.Tensor, tf.Tensor]:
  """Uses up oxygen below the surface, and fills it up on reaching the surface.

  Returns:
    The state, the reward [B], and whether the game is over [B].
  """
  below = state.row > 0
  reaches = ~below & ~state.at_surface
  surfaces = reaches & (state.num_divers != 0)
  ended = (state.oxygen <= 0) | (reaches & ~surfaces)
  has_all = surfaces & (state.num_divers == seaquest_moves.MOST_DIVERS)
  reward = tf.where(has_all, state.oxygen * 10 // _MOST_OXYGEN, 0)
  breathed = state.oxygen - tf.cast(below, tf.int32)
  num_divers = tf.where(has_all, 0, state.num_divers)
  state = state._replace(
    at_surface=~below & (state.at_surface | surfaces),
    oxygen=tf.where(surfaces, _MOST_OXYGEN, breathed),
    num_divers=num_divers - tf.cast(surfaces, tf.int32),
  )
  return (_ramp(state, surfaces) if ramps else state), reward, ended


def _ramp(state: State, surfaces: tf.Tensor) -> State:
  """On surfacing, enemies come sooner, and every 2nd time move faster."""
  can_move_faster = state.move_period > _FASTEST_MOVE_PERIOD
  can_spawn_faster = state.spawn_period > 1
  ramps = surfaces & (can_move_faster | can_spawn_faster)
  moves_faster = ramps & can_move_faster & (state.num_ramps % 2 == 1)
  spawns_faster = ramps & can_spawn_faster
  return state._replace(
    move_period=state.move_period - tf.cast(moves_faster, tf.int32),
    spawn_period=state.spawn_period - tf.cast(spawns_faster, tf.int32),
    num_ramps=state.num_ramps + tf.cast(ramps, tf.int32),
  )
