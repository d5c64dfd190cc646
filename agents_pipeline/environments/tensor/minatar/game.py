"""What the games of MinAtar have in common.

Young & Tian (2019), "MinAtar: An Atari-Inspired Testbed for Thorough and
Reproducible Reinforcement Learning Experiments": five Atari games on boards of
10 x 10 cells, a channel for each kind of thing. Each equals the game of the
`minatar` package (1.0.15) step for step, where that draws the same numbers.
"""

import abc
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.environments.tensor import tensor_environment

SIDE = 10  # cells
NOOP, LEFT, UP, RIGHT, DOWN, FIRE = range(6)

# What a state is made of.
NUMBER = tf.TensorSpec((), tf.int32)
FLAG = tf.TensorSpec((), tf.bool)
BOARD = tf.TensorSpec((SIDE, SIDE), tf.bool)


class MinAtarGame(tensor_environment.TensorEnvironment):
  """B copies of a game; a subclass gives its rules.

  With the probability of sticky actions, a step repeats the last action in
  place of the one it is given (Machado et al. 2018); an episode begins with
  nothing to repeat but 'no-op'.

  Attributes:
    STATE: the specs of the state of one copy, a NamedTuple.
    NUM_CHANNELS: the number of channels of an observation, C.
    MINIMAL_ACTIONS: the actions that have an effect in this game.
  """

  STATE: ClassVar[Any]
  NUM_CHANNELS: ClassVar[int]
  MINIMAL_ACTIONS: ClassVar[tuple[int, ...]]

  def __init__(
    self,
    batch_size: int,
    rng,
    *,
    use_minimal_action_set: bool,
    sticky_action_prob: float = 0.1,
    difficulty_ramping: bool = True,
  ):
    """Creates B games.

    Args:
      batch_size: the number of copies, B.
      rng: a `RandomStream`.
      use_minimal_action_set: whether the actions are those that have an effect,
        and not all six.
      sticky_action_prob: the probability that the last action is repeated.
      difficulty_ramping: whether a game becomes harder as it goes on.
    """
    actions = self.MINIMAL_ACTIONS if use_minimal_action_set else range(6)
    self._actions = tf.constant([*actions], tf.int32)
    self._sticky_action_prob = sticky_action_prob
    self._ramps = difficulty_ramping
    self._specs = tf.nest.flatten((NUMBER, self.STATE))
    sizes = [spec.shape.num_elements() for spec in self._specs]
    shape = (SIDE, SIDE, self.NUM_CHANNELS)
    super().__init__(
      tensor_spec.BoundedTensorSpec(shape, tf.uint8, 0, 1),
      tensor_spec.BoundedTensorSpec((), tf.int64, 0, len(self._actions) - 1),
      state_size=sum(sizes),
      time_limit=None,
      batch_size=batch_size,
      rng=rng,
    )
    self._sizes = sizes

  @abc.abstractmethod
  def draw_start(self) -> Any:
    """Draws what the beginnings of B games depend on."""

  @abc.abstractmethod
  def start(self, draws: Any) -> Any:
    """Begins B games.

    Args:
      draws: the draws that `draw_start` returned.

    Returns:
      The state, as `STATE` says, [B, ...] each.
    """

  @abc.abstractmethod
  def draw(self) -> Any:
    """Draws what a step of B games may depend on."""

  @abc.abstractmethod
  def play(
    self, state: Any, action: tf.Tensor, draws: Any
  ) -> tuple[Any, tf.Tensor, tf.Tensor]:
    """Plays one step.

    Args:
      state: the state, as `start` returns it.
      action: the actions, [B] int32, each one of all six.
      draws: the draws that `draw` returned.

    Returns:
      The next state, the reward [B] int32, and terminated [B] bool.
    """

  @abc.abstractmethod
  def channels(self, state: Any) -> list[tf.Tensor]:
    """Returns C boards [B, 10, 10] bool: where the things of each kind are."""

  def initial_state(self) -> tf.Tensor:
    """Draws the states that episodes begin in, [B, S]."""
    return self.begin(self.draw_start())

  def begin(self, draws: Any) -> tf.Tensor:
    """Returns the states that games begin in, [B, S].

    Args:
      draws: the draws that `draw_start` returned.
    """
    noop = tf.fill((self.batch_size,), NOOP)
    return self._pack(noop, self.start(draws))

  def dynamics(self, state, action):
    """Plays one step of the game; see `advance`."""
    chance = self._rng.uniform((self.batch_size,))
    return self.advance(state, action, chance, self.draw())

  def advance(self, state, action, chance: tf.Tensor, draws: Any):
    """Plays one step of the game, with what was drawn for it.

    Args:
      state: the states, [B, S].
      action: the actions, [B], as indices into the set of actions.
      chance: random numbers [B] in [0, 1); where one is below the probability
        of sticky actions, the last action is repeated.
      draws: the draws that `draw` returned.

    Returns:
      What `dynamics` returns.
    """
    last_action, game = self._unpack(state)
    action = tf.where(
      chance < self._sticky_action_prob,
      last_action,
      tf.gather(self._actions, action),
    )
    game, reward, terminated = self.play(game, action, draws)
    return self._pack(action, game), tf.cast(reward, tf.float32), terminated

  def observe(self, state):
    """Returns observations, [B, 10, 10, C] uint8, 1 where a thing is."""
    _, game = self._unpack(state)
    return tf.cast(tf.stack(self.channels(game), axis=-1), tf.uint8)

  def _pack(self, last_action, game) -> tf.Tensor:
    """Packs a state into [B, S] float32, which holds such numbers exactly."""
    parts = tf.nest.flatten((last_action, game))
    flat = [
      tf.reshape(tf.cast(part, tf.float32), (self.batch_size, size))
      for part, size in zip(parts, self._sizes, strict=True)
    ]
    return tf.concat(flat, axis=1)

  def _unpack(self, state):
    """Returns the last action [B], and the state of the game."""
    parts = [
      tf.cast(tf.reshape(part, (self.batch_size, *spec.shape)), spec.dtype)
      for part, spec in zip(
        tf.split(state, self._sizes, axis=1), self._specs, strict=True
      )
    ]
    return tf.nest.pack_sequence_as((NUMBER, self.STATE), parts)


def step_of(action: tf.Tensor, less: int, more: int) -> tf.Tensor:
  """Returns -1 for the action `less`, 1 for `more`, 0 for others: [B] int32."""
  return tf.cast(action == more, tf.int32) - tf.cast(action == less, tf.int32)


def move(position: tf.Tensor, step: tf.Tensor, low=0, high=SIDE - 1):
  """Returns the position after a step within bounds, [B] int32."""
  return tf.clip_by_value(position + step, low, high)


def count_down(timer: tf.Tensor) -> tf.Tensor:
  """Returns a timer one step later; it stops at 0."""
  return tf.maximum(timer - 1, 0)


def is_outside(column: tf.Tensor) -> tf.Tensor:
  """Whether columns are outside of the board."""
  return (column < 0) | (column >= SIDE)


def board(rows: tf.Tensor, columns: tf.Tensor, there: tf.Tensor) -> tf.Tensor:
  """The board of things [B, N], [B, 10, 10] bool, without those outside."""
  index = tf.range(SIDE)
  in_row = rows[..., None, None] == index[:, None]  # [B, N, 10, 1]
  in_column = columns[..., None, None] == index  # [B, N, 1, 10]
  return tf.reduce_any(
    in_row & in_column & there[..., None, None], axis=1
  )  # [B, 10, 10]


def cell(row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
  """The board of one cell [B], [B, 10, 10] bool; empty if it is outside."""
  index = tf.range(SIDE)
  return (row[:, None, None] == index[:, None]) & (
    column[:, None, None] == index
  )


def contains(on_board: tf.Tensor, row: tf.Tensor, column: tf.Tensor):
  """Whether a board [B, 10, 10] has something in a cell [B]: [B] bool."""
  return tf.reduce_any(on_board & cell(row, column), axis=(1, 2))


def count(on_board: tf.Tensor) -> tf.Tensor:
  """The number of cells of a board [B, 10, 10] with something: [B] int32."""
  return tf.reduce_sum(tf.cast(on_board, tf.int32), axis=(1, 2))


def rectangle(rows: slice, columns: slice) -> np.ndarray:
  """A board, [10, 10] bool, that is filled in some rows and columns."""
  filled: np.ndarray = np.zeros((SIDE, SIDE), bool)
  filled[rows, columns] = True
  return filled


def where(condition: tf.Tensor, one: Any, other: Any) -> tf.Tensor:
  """`tf.where` with a condition [B] for boards [..., 10, 10]."""
  return tf.where(condition[:, None, None], one, other)
