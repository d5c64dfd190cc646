"""A small task with a Dict observation and an action that is not allowed."""

import gymnasium as gym
import numpy as np
from gymnasium import spaces

NAME = "nested_task:Nested-v0"


class Nested(gym.Env):
  """An image, a vector and a number in a dict say which action pays.

  Half of the image is light, the vector points up, the number is 4: action 6
  pays if two of the three hold, else action 5. Action 7 is never allowed.
  """

  num_living = 0
  forbidden = 0

  def __init__(self, render_mode=None):
    self.observation_space = spaces.Dict(
      {
        "picture": spaces.Box(0, 255, (6, 6, 1), np.uint8),
        "vector": spaces.Box(-1, 1, (2,), np.float64),
        "place": spaces.Dict({"number": spaces.Discrete(2, start=3)}),
      }
    )
    self.action_space = spaces.Discrete(3, start=5)
    Nested.num_living += 1

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self._step = 0
    return self._draw()

  def _draw(self):
    self._signs = self.np_random.integers(0, 2, 3)
    light, up, number = self._signs
    picture = np.zeros((6, 6, 1), np.uint8)
    picture[:, :3] = 255 * light
    observation = {
      "picture": picture,
      "vector": np.array([0.5, 2.0 * up - 1]),
      "place": {"number": np.int64(3 + number)},
    }
    return observation, {"action_mask": np.array([1, 1, 0], np.int8)}

  def step(self, action):
    Nested.forbidden += int(action == 7)
    pays = 6 if self._signs.sum() >= 2 else 5
    self._step += 1
    observation, info = self._draw()
    return observation, float(action == pays), self._step == 5, False, info

  def close(self):
    Nested.num_living -= 1


gym.register("Nested-v0", Nested)
