"""FlappyBall: a ball flies right and must stay between floor and ceiling.

A small task for teaching: at most 41 steps, and a reward only at the end.
"""

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

# x and y are lengths, v is a length per step; the ball must stay in [-1, 1]^2.
START_SPEED_DEVIATION = 0.1
JUMP_SPEED = np.float32(0.2)  # v after a jump
FALL = np.float32(0.2)  # subtracted from v in a step without a jump
_X_PER_STEP = 0.05

# x = -1 + 0.05 * steps is 1 after 40 steps and above 1 after 41. Steps are
# counted because the sum of 40 times 0.05 is not 2: rounding makes x
# 1.0000000000000007 (1.0000002 in float32), beyond the goal a step too early.
MAX_STEPS = 41

# Of (y, v). Until the last step |y| <= 1. After a jump, the lowest last state
# follows a fall from y = 1 to y = -1, where v = -1.0: y = -2.0 with v = -1.2.
# Only a fast start leads further: v = -1 to y = -1, then to y = -2.2 with
# v = -1.4; a faster one terminates at once. Upward, v = 1 leads to y = 1, then
# to y = 1.8. These are 10 standard deviations of the initial v; NumPy's
# algorithm draws no value beyond 12.3.
OBSERVATION_BOUND = np.array([2.25, 1.5], np.float32)

_SIZE = 400  # pixels, width and height of the image
_PIXELS_PER_LENGTH = 160  # the square, and a margin of 40 pixels around it
_RADIUS = 11  # pixels
_MARGIN_COLOR = (226, 230, 239)
_AIR_COLOR = (248, 250, 253)
_BORDER_COLOR = (232, 93, 88)
_GOAL_COLOR = (46, 160, 103)
_BALL_COLOR = (52, 84, 166)


class FlappyBall(gym.Env):
  """A ball that falls (action 0) or jumps (action 1) 20 times a second.

  It starts at x = -1, y = 0 with v ~ N(0, 0.1^2). A step adds 0.05 to x and v
  to y; then the action sets the v of the next step. The reward is 1 when x > 1,
  otherwise -1 when |y| > 1, and both terminate the episode; all other rewards
  are 0. The observation is (y, v), float32 [2]; x is in the info.
  """

  metadata: ClassVar = {
    "render_modes": ["rgb_array", "human"],
    "render_fps": 20,  # a step takes 50 ms
  }

  def __init__(self, render_mode: str | None = None):
    """Creates the environment, not yet reset.

    Args:
      render_mode: the render mode, 'rgb_array', 'human' or None.
    """
    self.render_mode = render_mode
    self.observation_space = gym.spaces.Box(
      -OBSERVATION_BOUND, OBSERVATION_BOUND
    )
    self.action_space = gym.spaces.Discrete(2)
    # (y, v) in float32, as in the tensor version, so that both round alike.
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
    """Moves the ball for 50 ms, then lets it fall (0) or jump (1)."""
    assert self.action_space.contains(action), f"{action!r}: expected 0 or 1"
    y, v = self.state
    y = y + v
    v = JUMP_SPEED if action == 1 else v - FALL
    self.state = np.array([y, v], np.float32)
    self.num_steps += 1
    succeeded = self.num_steps >= MAX_STEPS
    failed = not succeeded and bool(abs(y) > 1)
    if self.render_mode == "human":
      self.render()
    reward = float(succeeded) - float(failed)
    terminated = succeeded or failed
    return self.state.copy(), reward, terminated, False, {"x": self._x()}

  def render(self):
    """Renders the ball.

    Returns:
      The image, uint8 [400, 400, 3], if the render mode is 'rgb_array', else
      None.

    Raises:
      DependencyNotInstalled: pygame is missing.
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
    surface = self._draw(pygame)
    if self.render_mode == "rgb_array":
      return pygame.surfarray.array3d(surface).transpose(1, 0, 2)
    if self._window is None:
      pygame.display.init()
      pygame.display.set_caption("FlappyBall")
      self._window = pygame.display.set_mode((_SIZE, _SIZE))
      self._clock = pygame.time.Clock()
    self._window.blit(surface, (0, 0))
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
    """Draws the square with its borders, the goal on its right, the ball."""
    surface = pygame.Surface((_SIZE, _SIZE))
    surface.fill(_MARGIN_COLOR)
    left, right = _pixel(-1), _pixel(1)
    side = right - left
    surface.fill(_AIR_COLOR, (left, left, side, side))
    for y in (-1, 1):
      surface.fill(_BORDER_COLOR, (left, _pixel(y) - 2, side, 4))
    surface.fill(_GOAL_COLOR, (right - 2, left - 2, 4, side + 4))
    # The last step may lead out of the image; then show the ball in the margin.
    y = np.clip(self.state[0], -1.15, 1.15)
    ball = (_pixel(self._x()), _pixel(-y), _RADIUS, _BALL_COLOR)
    pygame.gfxdraw.filled_circle(surface, *ball)
    pygame.gfxdraw.aacircle(surface, *ball)  # smooths the edge
    return surface


def _pixel(length) -> int:
  """Returns the column of an x, or the row of a -y."""
  return round(_SIZE / 2 + _PIXELS_PER_LENGTH * float(length))
