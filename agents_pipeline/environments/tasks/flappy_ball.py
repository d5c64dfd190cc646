"""FlappyBall: a ball flies to the right and must neither fall nor rise too far.

A small task for teaching: 41 steps at most, and a reward only at its end.
"""

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

# x and y are lengths, v is a length per step; the ball flies in [-1, 1]^2.
START_SPEED_DEVIATION = 0.1
JUMP_SPEED = np.float32(0.2)  # v after a jump
FALL = np.float32(0.2)  # what v loses in a step without one
_X_PER_STEP = 0.05

# x = -1 + 0.05 * steps is 1 after 40 steps and beyond it after 41. Steps are
# counted, for 0.05 added up 40 times is not 2: rounding leads to an x of
# 1.0000000000000007 (1.0000002 in float32), beyond the goal a step early.
MAX_STEPS = 41

# Of (y, v). A flying ball has |y| <= 1. After a jump the lowest end is that of
# a fall from y = 1 to y = -1, with v = -1.0 there: y = -2.0 with v = -1.2. Only
# a fast start leads further: v = -1 to y = -1, then to y = -2.2 with v = -1.4;
# faster ones end at once. Upwards, v = 1 leads to y = 1, then to y = 1.8. These
# are 10 standard deviations; NumPy's algorithm draws none beyond 12.3.
OBSERVATION_BOUND = np.array([2.25, 1.5], np.float32)

_SIZE = 400  # pixels, of the picture's sides
_PIXELS_PER_LENGTH = 160  # the square, and a margin of 40 pixels around it
_RADIUS = 11  # pixels
_MARGIN_COLOUR = (226, 230, 239)
_AIR_COLOUR = (248, 250, 253)
_BORDER_COLOUR = (232, 93, 88)
_GOAL_COLOUR = (46, 160, 103)
_BALL_COLOUR = (52, 84, 166)


class FlappyBall(gym.Env):
  """A ball that falls (action 0) or jumps (action 1) 20 times a second.

  It begins at x = -1, y = 0 with v ~ N(0, 0.1^2). In each step x grows by 0.05
  and y by v; then the action sets the v of the next step. The reward is +1 when
  x > 1, else -1 when |y| > 1, and either ends the episode; else it is 0. The
  observation is (y, v), float32 [2]; x is in the info.
  """

  metadata: ClassVar = {
    "render_modes": ["rgb_array", "human"],
    "render_fps": 20,  # a step takes 50 ms
  }

  def __init__(self, render_mode: str | None = None):
    """Creates a ball, not yet reset.

    Args:
      render_mode: 'rgb_array', 'human' or None.
    """
    self.render_mode = render_mode
    self.observation_space = gym.spaces.Box(
      -OBSERVATION_BOUND, OBSERVATION_BOUND
    )
    self.action_space = gym.spaces.Discrete(2)
    # (y, v) in float32, as the tensor version has it: both round alike.
    self.state: np.ndarray = np.zeros(2, np.float32)
    self.num_steps = 0
    self._window: Any = None
    self._clock: Any = None

  def reset(self, *, seed: int | None = None, options: dict | None = None):
    """Begins an episode; there are no options."""
    super().reset(seed=seed)
    speed = self.np_random.normal(0.0, START_SPEED_DEVIATION)
    self.state = np.array([0.0, speed], np.float32)
    self.num_steps = 0
    if self.render_mode == "human":
      self.render()
    return self.state.copy(), {"x": self._x()}

  def step(self, action):
    """Flies for 50 ms, then falls (0) or jumps (1)."""
    assert self.action_space.contains(action), f"{action!r}: expected 0 or 1"
    y, v = self.state
    y = y + v
    v = JUMP_SPEED if action == 1 else v - FALL
    self.state = np.array([y, v], np.float32)
    self.num_steps += 1
    arrived = self.num_steps >= MAX_STEPS
    lost = not arrived and bool(abs(y) > 1)
    if self.render_mode == "human":
      self.render()
    reward = float(arrived) - float(lost)
    return self.state.copy(), reward, arrived or lost, False, {"x": self._x()}

  def render(self):
    """Draws the ball.

    Returns:
      uint8 [400, 400, 3] in the mode 'rgb_array', else None.
    """
    if self.render_mode is None:
      gym.logger.warn(
        'FlappyBall renders only if made with render_mode="rgb_array" or '
        '"human"'
      )
      return None
    try:
      import pygame.gfxdraw
    except ImportError as error:
      raise gym.error.DependencyNotInstalled(
        "pygame is not installed: pip install 'gymnasium[classic-control]'"
      ) from error
    picture = self._draw(pygame)
    if self.render_mode == "rgb_array":
      return pygame.surfarray.array3d(picture).transpose(1, 0, 2)
    if self._window is None:
      pygame.display.init()
      pygame.display.set_caption("FlappyBall")
      self._window = pygame.display.set_mode((_SIZE, _SIZE))
      self._clock = pygame.time.Clock()
    self._window.blit(picture, (0, 0))
    pygame.event.pump()
    self._clock.tick(self.metadata["render_fps"])
    pygame.display.flip()
    return None

  def close(self):
    """Closes the window, if there is one."""
    if self._window is not None:
      import pygame

      pygame.display.quit()
      self._window = None

  def _x(self) -> float:
    return -1 + _X_PER_STEP * self.num_steps

  def _draw(self, pygame):
    """The square with its borders, the goal at its right, and the ball."""
    picture = pygame.Surface((_SIZE, _SIZE))
    picture.fill(_MARGIN_COLOUR)
    left, right = _pixel(-1), _pixel(1)
    side = right - left
    picture.fill(_AIR_COLOUR, (left, left, side, side))
    for y in (-1, 1):
      picture.fill(_BORDER_COLOUR, (left, _pixel(y) - 2, side, 4))
    picture.fill(_GOAL_COLOUR, (right - 2, left - 2, 4, side + 4))
    # The last step may lead out of the picture; the margin shows it as well.
    y = np.clip(self.state[0], -1.15, 1.15)
    ball = (_pixel(self._x()), _pixel(-y), _RADIUS, _BALL_COLOUR)
    pygame.gfxdraw.filled_circle(picture, *ball)
    pygame.gfxdraw.aacircle(picture, *ball)  # its edge, smooth
    return picture


def _pixel(length) -> int:
  """The column of an x, or the row of a -y."""
  return round(_SIZE / 2 + _PIXELS_PER_LENGTH * float(length))
