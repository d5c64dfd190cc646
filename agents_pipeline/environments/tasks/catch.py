"""Catch, as in bsuite's `environments/tasks/catch.py` (Osband et al., 2020)."""

from typing import ClassVar

import gymnasium as gym
import numpy as np

from agents_pipeline.environments.tasks import drawing

_ROWS, _COLUMNS = 10, 5
_PIXELS_PER_CELL = 30
_COLORS = np.array(
  [
    (28, 35, 51),  # an empty cell
    (120, 150, 205),  # the paddle
    (244, 180, 66),  # the ball
    (94, 201, 128),  # both: caught
  ],
  np.uint8,
)
_GRID_COLOR = (38, 47, 66)


class Catch(gym.Env):
  """A paddle in the bottom row catches a ball that falls one row per step.

  The ball starts in a random column of the top row, the paddle in the middle.
  A step moves the paddle left (0), not at all (1) or right (2), within the
  board, and then the ball. The ninth step takes the ball to the bottom row and
  terminates the episode, with reward 1 if the paddle is there and -1 if not;
  all other rewards are 0. The observation is the board, uint8 [10, 5]: 255
  where the ball or the paddle is, 0 elsewhere.
  """

  metadata: ClassVar = {"render_modes": ["rgb_array"], "render_fps": 5}

  def __init__(self, render_mode: str | None = None):
    """Creates the environment, not yet reset.

    Args:
      render_mode: the render mode, 'rgb_array' or None.
    """
    self.render_mode = render_mode
    self.observation_space = gym.spaces.Box(0, 255, (_ROWS, _COLUMNS), np.uint8)
    self.action_space = gym.spaces.Discrete(3)
    self._ball_row, self._ball_column, self._paddle_column = 0, 0, 0

  def reset(self, *, seed: int | None = None, options: dict | None = None):
    """Begins an episode; there are no options."""
    super().reset(seed=seed)
    self._ball_row = 0
    self._ball_column = int(self.np_random.integers(_COLUMNS))
    self._paddle_column = _COLUMNS // 2
    return self._observation(), {}

  def step(self, action):
    """Moves the paddle left (0), not at all (1) or right (2), then the ball."""
    assert self.action_space.contains(action), f"{action!r}: expected 0 to 2"
    column = self._paddle_column + int(action) - 1
    self._paddle_column = min(max(column, 0), _COLUMNS - 1)
    self._ball_row += 1
    terminated = self._ball_row == _ROWS - 1
    caught = self._ball_column == self._paddle_column
    reward = (1.0 if caught else -1.0) if terminated else 0.0
    return self._observation(), reward, terminated, False, {}

  def render(self):
    """Renders the board.

    Returns:
      The image, uint8 [300, 150, 3], if the render mode is 'rgb_array', else
      None.
    """
    if self.render_mode is None:
      gym.logger.warn('Catch renders only if made with render_mode="rgb_array"')
      return None
    cells: np.ndarray = np.zeros((_ROWS, _COLUMNS), int)
    cells[-1, self._paddle_column] += 1
    cells[self._ball_row, self._ball_column] += 2
    return drawing.board(_COLORS[cells], _PIXELS_PER_CELL, _GRID_COLOR)

  def _observation(self) -> np.ndarray:
    board: np.ndarray = np.zeros((_ROWS, _COLUMNS), np.uint8)
    board[self._ball_row, self._ball_column] = 255
    board[-1, self._paddle_column] = 255
    return board
