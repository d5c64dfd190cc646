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
  """A ring: the next one takes the place of the one that came 32 before it.

  Attributes:
    there: [B, 32] bool, whether the place is taken.
    row: [B, 32] int32.
    column: [B, 32] int32.
    right: [B, 32] bool, whether it goes right.
    is_submarine: [B, 32] bool, else it is a fish.
    move_timer: [B, 32] int32, steps until it moves.
    shot_timer: [B, 32] int32, steps until it shoots; of submarines.
  """

  there: tf.Tensor
  row: tf.Tensor
  column: tf.Tensor
  right: tf.Tensor
  is_submarine: tf.Tensor
  move_timer: tf.Tensor
  shot_timer: tf.Tensor


class Divers(NamedTuple):
  """From the oldest to the newest.

  Attributes:
    there: [B, 2] bool, whether the place is taken.
    row: [B, 2] int32.
    column: [B, 2] int32.
    right: [B, 2] bool, whether it goes right.
    move_timer: [B, 2] int32, steps until it moves.
  """

  there: tf.Tensor
  row: tf.Tensor
  column: tf.Tensor
  right: tf.Tensor
  move_timer: tf.Tensor


class Bullets(NamedTuple):
  """The player's, from the oldest to the newest.

  Attributes:
    there: [B, 2] bool, whether the place is taken.
    row: [B, 2] int32.
    column: [B, 2] int32.
    right: [B, 2] bool, whether it flies right.
  """

  there: tf.Tensor
  row: tf.Tensor
  column: tf.Tensor
  right: tf.Tensor


class State(NamedTuple):
  """The state of B games.

  Attributes:
    row: [B], of the player.
    column: [B], likewise.
    faces_right: [B] bool.
    at_surface: [B] bool, whether it has been there since it was filled up.
    oxygen: [B], steps.
    num_divers: [B], on board.
    shot_timer: [B], steps until the player may shoot.
    spawn_timer: [B], steps until an enemy comes.
    spawn_period: [B], steps between enemies.
    diver_timer: [B], steps until a diver comes.
    move_period: [B], and one, steps between moves of an enemy.
    num_ramps: [B], how often it became harder.
    next_enemy: [B], the place of the next one.
    enemies: submarines and fish.
    divers: in the sea.
    bullets: the player's.
    bullets_left: [B, 10, 10] bool, of enemies, flying left.
    bullets_right: [B, 10, 10] bool, likewise.
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
  """[B, 32] int32, the place of each enemy in the order of their coming."""
  return (tf.range(NUM_ENEMIES) - next_enemy[:, None]) % NUM_ENEMIES


def put(
  enemies: Enemies, new: Enemies, comes: tf.Tensor, index: tf.Tensor
) -> Enemies:
  """Puts a new enemy into its place of the ring.

  Args:
    enemies: [B, 32] each.
    new: [B] each.
    comes: [B] bool, whether there is one.
    index: [B], the place.
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
    things: [B, 2] each; of the two, one at most is there where another comes.
    new: [B] each.
    comes: [B] bool, whether there is one.
  """
  from_second = things.there[:, 1]
  parts = []
  for both, one in zip(things, new, strict=True):
    oldest = tf.where(from_second, both[:, 1], both[:, 0])
    moved_up = tf.stack([oldest, one], axis=1)
    parts.append(tf.where(comes[:, None], moved_up, both))
  return type(things)(*parts)
