"""The state of Seaquest: what is in the sea, in tables of a fixed size."""

from typing import NamedTuple, TypeVar

import tensorflow as tf

from agents_pipeline.environments.tensor.minatar import game

# At its fastest an enemy comes with every step and leaves after 30. The slower
# ones that are there when it becomes that fast leave before 32 others came.
NUM_ENEMIES = 32
NUM_DIVERS = 2  # one every 30 steps, which leaves after 60
NUM_BULLETS = 2  # one every 5 steps, which leaves after 10 at most


class Enemies(NamedTuple):
  """Enemies in a ring: a new one takes the place of the 32nd before it.

  Attributes:
    there: whether the place is taken, [B, 32] bool.
    row: the row of each enemy, [B, 32] int32.
    column: the column of each enemy, [B, 32] int32.
    right: whether the enemy goes right, [B, 32] bool.
    is_submarine: whether the enemy is a submarine, else it is a fish, [B, 32]
      bool.
    move_timer: the steps until the enemy moves, [B, 32] int32.
    shot_timer: the steps until a submarine shoots, [B, 32] int32.
  """

  there: tf.Tensor
  row: tf.Tensor
  column: tf.Tensor
  right: tf.Tensor
  is_submarine: tf.Tensor
  move_timer: tf.Tensor
  shot_timer: tf.Tensor


class Divers(NamedTuple):
  """Divers, from the oldest to the newest.

  Attributes:
    there: whether the place is taken, [B, 2] bool.
    row: the row of each diver, [B, 2] int32.
    column: the column of each diver, [B, 2] int32.
    right: whether the diver goes right, [B, 2] bool.
    move_timer: the steps until the diver moves, [B, 2] int32.
  """

  there: tf.Tensor
  row: tf.Tensor
  column: tf.Tensor
  right: tf.Tensor
  move_timer: tf.Tensor


class Bullets(NamedTuple):
  """The player's bullets, from the oldest to the newest.

  Attributes:
    there: whether the place is taken, [B, 2] bool.
    row: the row of each bullet, [B, 2] int32.
    column: the column of each bullet, [B, 2] int32.
    right: whether the bullet flies right, [B, 2] bool.
  """

  there: tf.Tensor
  row: tf.Tensor
  column: tf.Tensor
  right: tf.Tensor


class State(NamedTuple):
  """The state of B games.

  Attributes:
    row: the player's row, [B].
    column: the player's column, [B].
    faces_right: whether the player faces right, [B] bool.
    at_surface: whether the player has stayed at the surface since its oxygen
      was filled up, [B] bool.
    oxygen: the steps that the oxygen lasts, [B].
    num_divers: the number of divers on board, [B].
    shot_timer: the steps until the player may shoot, [B].
    spawn_timer: the steps until an enemy comes, [B].
    spawn_period: the steps between enemies, [B].
    diver_timer: the steps until a diver comes, [B].
    move_period: the steps between moves of an enemy, less one, [B].
    num_ramps: how often the game became harder, [B].
    next_enemy: the place of the next enemy in the ring, [B].
    enemies: the submarines and fish.
    divers: the divers in the sea.
    bullets: the player's bullets.
    bullets_left: the cells, [B, 10, 10] bool, with an enemy's bullet that flies
      left.
    bullets_right: the cells, [B, 10, 10] bool, with an enemy's bullet that
      flies right.
  """

  row: tf.Tensor
  column: tf.Tensor
  faces_right: tf.Tensor
  at_surface: tf.Tensor
  oxygen: tf.Tensor
  num_divers: tf.Tensor
  shot_timer: tf.Tensor
  spawn_timer: tf.Tensor
  spawn_period: tf.Tensor
  diver_timer: tf.Tensor
  move_period: tf.Tensor
  num_ramps: tf.Tensor
  next_enemy: tf.Tensor
  enemies: Enemies
  divers: Divers
  bullets: Bullets
  bullets_left: tf.Tensor
  bullets_right: tf.Tensor


Things = TypeVar("Things", Enemies, Divers, Bullets)
_ARE_FLAGS = {"there", "right", "is_submarine"}


def _specs(kind: type[Things], size: int) -> Things:
  return kind(
    *(
      tf.TensorSpec((size,), tf.bool if name in _ARE_FLAGS else tf.int32)
      for name in kind._fields
    )
  )


SPECS = State._make(
  [
    *[game.NUMBER] * 2,
    *[game.FLAG] * 2,
    *[game.NUMBER] * 9,
    _specs(Enemies, NUM_ENEMIES),
    _specs(Divers, NUM_DIVERS),
    _specs(Bullets, NUM_BULLETS),
    *[game.BOARD] * 2,
  ]
)


def places(next_enemy: tf.Tensor) -> tf.Tensor:
  """The place of each enemy in the order of their coming, [B, 32] int32."""
  return (tf.range(NUM_ENEMIES) - next_enemy[:, None]) % NUM_ENEMIES


def put(
  enemies: Enemies, new: Enemies, comes: tf.Tensor, index: tf.Tensor
) -> Enemies:
  """Puts a new enemy into its place of the ring.

  Args:
    enemies: the ring, [B, 32] each.
    new: the new enemies, [B] each.
    comes: whether there is a new enemy, [B] bool.
    index: the place of the new enemy, [B].
  """
  here = comes[:, None] & (tf.range(NUM_ENEMIES) == index[:, None])
  return Enemies(
    *(
      tf.where(here, one[:, None], all_of_them)
      for all_of_them, one in zip(enemies, new, strict=True)
    )
  )


def append(things: Things, new: Things, comes: tf.Tensor) -> Things:
  """Puts a new thing behind the one that may be there.

  Args:
    things: the things, [B, 2] each; where a new one comes, at most one of the
      two places is taken.
    new: the new things, [B] each.
    comes: whether there is a new thing, [B] bool.
  """
  from_second = things.there[:, 1]
  parts = []
  for both, one in zip(things, new, strict=True):
    oldest = tf.where(from_second, both[:, 1], both[:, 0])
    moved_up = tf.stack([oldest, one], axis=1)
    parts.append(tf.where(comes[:, None], moved_up, both))
  return type(things)(*parts)
