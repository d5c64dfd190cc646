"""Environments whose renderer fails.

It imports no TensorFlow, as the process that records videos imports it.
"""

import os
import pathlib
import signal
import sys
import time

import gymnasium as gym
import numpy as np


class Painter(gym.Env):
  """Ends after 5 steps; rendering its third frame fails as `fault` says."""

  observation_space = gym.spaces.Box(0, 9, (1,), np.float32)
  action_space = gym.spaces.Discrete(2)
  metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

  def __init__(self, render_mode=None, fault="", note=""):
    self.render_mode = render_mode
    self._fault = fault
    if render_mode and note:
      names = ("MUJOCO_GL", "SDL_VIDEODRIVER", "SDL_AUDIODRIVER")
      values = [os.getpid(), *(os.environ.get(name) for name in names)]
      pathlib.Path(note).write_text(" ".join(map(str, values)))

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self.steps = 0
    return np.zeros(1, np.float32), {}

  def step(self, action):
    self.steps += 1
    if self._fault == "slow":
      time.sleep(60)
    return np.full(1, self.steps, np.float32), 1.0, self.steps == 5, False, {}

  def render(self):
    if self.steps == 2:
      return self._render_third_frame()
    shade = 0 if self._fault == "black" else 50 * self.steps
    return np.full((16, 16, 3), shade, np.uint8)

  def _render_third_frame(self):
    if self._fault in ("SIGABRT", "SIGSEGV"):
      print("library: cannot\topen the display\n", file=sys.stderr, flush=True)
      os.kill(os.getpid(), getattr(signal, self._fault))
    if self._fault == "leaves":
      os._exit(7)
    if self._fault == "raises":
      raise RuntimeError("no paint")
    if self._fault == "larger":
      return np.zeros((18, 16, 3), np.uint8)
    if self._fault == "tensorflow":
      loaded = {"tensorflow", "tf_agents", "tf_keras"} & set(sys.modules)
      raise RuntimeError(f"loaded: {sorted(loaded)}")
    return np.zeros((16, 16, 3), np.uint8)

  def close(self):
    if self._fault == "close" and self.render_mode:
      os.abort()


class ZeroFps(Painter):
  """Declares a frame rate that cannot be played."""

  metadata = {"render_modes": ["rgb_array"], "render_fps": 0}  # noqa: RUF012


gym.register("Painter-v0", Painter)
# gymnasium's own checker would reject it.
gym.register("ZeroFps-v0", ZeroFps, disable_env_checker=True)
gym.register("SlowPainter-v0", Painter, kwargs={"fault": "slow"})
