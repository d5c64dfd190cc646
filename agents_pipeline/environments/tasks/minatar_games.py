"""MinAtar's games as the `minatar` package plays them (Young & Tian 2019).

The package itself does not declare its observations as they are, draws a pixel
per cell, and repeats the last action of an episode in the next one.
"""

import logging
from typing import ClassVar

import gymnasium as gym
import numpy as np

from agents_pipeline.environments.tasks import drawing

_PIXELS_PER_CELL = 40
_STEPS_PER_SECOND = 15
_EMPTY = (28, 35, 51)
_GRID = (38, 47, 66)
_BLUE = (120, 150, 205)
_YELLOW = (244, 180, 66)
_DARK_YELLOW = (112, 86, 46)
_GREEN = (94, 201, 128)
_RED = (232, 93, 88)
_PINK = (240, 150, 170)
_PURPLE = (170, 120, 210)
_GRAY = (84, 96, 122)
_WHITE = (235, 238, 245)


class PackageGame(gym.Env):
  """A game of the package; it observes a channel for each kind of thing.

  The observation is uint8 [10, 10, C], 1 where a thing is.

  Attributes:
    GAME: the game's name in the package.
    COLORS: channel -> color, in the order in which they are drawn.
  """

  GAME: ClassVar[str]
  COLORS: ClassVar[dict[int, tuple[int, int, int]]]
  metadata: ClassVar = {
    "render_modes": ["rgb_array"],
    "render_fps": _STEPS_PER_SECOND,
  }

  def __init__(
    self,
    use_minimal_action_set: bool = True,
    sticky_action_prob: float = 0.1,
    difficulty_ramping: bool = True,
    render_mode: str | None = None,
  ):
    """Creates the game, not yet reset.

    Args:
      use_minimal_action_set: whether the actions are those that have an effect,
        and not all six.
      sticky_action_prob: the probability that a step repeats the last action.
      difficulty_ramping: whether the game becomes harder as it goes on.
      render_mode: the render mode, 'rgb_array' or None.

    Raises:
      DependencyNotInstalled: the package is missing.
      ValueError: `sticky_action_prob` is not a probability.
    """
    if not 0 <= sticky_action_prob <= 1:
      raise ValueError(
        f"sticky_action_prob = {sticky_action_prob}: expected 0 to 1"
      )
    self.render_mode = render_mode
    self._game = _package().Environment(
      self.GAME, sticky_action_prob, difficulty_ramping
    )
    self._actions = [*range(self._game.num_actions())]
    if use_minimal_action_set:
      self._actions = self._game.minimal_action_set()
    self.action_space = gym.spaces.Discrete(len(self._actions))
    self.observation_space = gym.spaces.Box(
      0, 1, tuple(self._game.state_shape()), np.uint8
    )

  def reset(self, *, seed: int | None = None, options: dict | None = None):
    """Begins an episode; there are no options."""
    super().reset(seed=seed)
    # An episode of its own: all that is random in it comes from this number,
    # and the first step has no action to repeat but 'no-op'.
    self._game.seed(int(self.np_random.integers(2**32)))
    self._game.reset()
    self._game.last_action = 0
    return self._board(), {}

  def step(self, action):
    """Plays one of the actions."""
    assert self.action_space.contains(action), (
      f"{action!r}: expected 0 to {len(self._actions) - 1}"
    )
    reward, terminated = self._game.act(self._actions[int(action)])
    return self._board(), float(reward), bool(terminated), False, {}

  def render(self):
    """Draws the board.

    Returns:
      The image, uint8 [400, 400, 3], if the render mode is 'rgb_array', else
      None.
    """
    if self.render_mode is None:
      gym.logger.warn(
        f'{self.GAME} renders only if made with render_mode="rgb_array"'
      )
      return None
    board = self._board()
    cells = np.full((*board.shape[:2], 3), _EMPTY, np.uint8)
    for channel, color in self.COLORS.items():
      cells[board[..., channel] > 0] = color
    return drawing.board(cells, _PIXELS_PER_CELL, _GRID)

  def _board(self) -> np.ndarray:
    return self._game.state().astype(np.uint8)


class Asterix(PackageGame):
  """Gather gold, worth 1 each, and avoid enemies."""

  GAME = "asterix"
  COLORS: ClassVar = {
    2: _GRAY,  # behind things
    3: _YELLOW,  # gold
    1: _RED,  # enemies
    0: _BLUE,  # the player
  }


class Breakout(PackageGame):
  """Break bricks, worth 1 each, with a ball that must not be missed."""

  GAME = "breakout"
  COLORS: ClassVar = {
    3: _GREEN,  # bricks
    2: _DARK_YELLOW,  # where the ball was
    1: _YELLOW,  # the ball
    0: _BLUE,  # the paddle
  }


class Freeway(PackageGame):
  """Cross a road, worth 1 each time, between cars."""

  GAME = "freeway"
  # What is behind a car is the brighter the faster it is.
  COLORS: ClassVar = {
    6: (62, 58, 76),
    5: (84, 70, 84),
    4: (108, 80, 90),
    3: (134, 90, 96),
    2: (162, 98, 98),
    1: _RED,  # cars
    0: _YELLOW,  # the chicken
  }


class Seaquest(PackageGame):
  """Shoot enemies, worth 1 each, rescue divers, and breathe in time."""

  GAME = "seaquest"
  COLORS: ClassVar = {
    3: _GRAY,  # behind things
    9: _GREEN,  # divers
    5: _PINK,  # fish
    6: _RED,  # enemy submarines
    4: _PURPLE,  # their bullets
    2: _WHITE,  # the player's bullets
    1: _DARK_YELLOW,  # the player's back
    0: _YELLOW,  # its front
    7: _BLUE,  # oxygen
    8: _GREEN,  # divers on board
  }


class SpaceInvaders(PackageGame):
  """Shoot aliens, worth 1 each, before they land."""

  GAME = "space_invaders"
  COLORS: ClassVar = {
    2: _GREEN,  # aliens that go left
    3: _PURPLE,  # and right
    5: _RED,  # their bullets
    4: _WHITE,  # the cannon's bullets
    0: _BLUE,  # the cannon
  }


def _package():
  """The module `minatar`.

  It warns where seaborn is missing, which only its own drawing needs.
  """
  before = logging.root.manager.disable
  logging.disable(logging.WARNING)
  try:
    import minatar
  except ImportError as error:
    raise gym.error.DependencyNotInstalled(
      "MinAtar is evaluated on the package minatar, which is not installed: "
      "pip install --no-deps minatar"
    ) from error
  finally:
    logging.disable(before)
  return minatar
