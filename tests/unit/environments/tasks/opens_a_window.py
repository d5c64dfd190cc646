"""FlappyBall's window, and gymnasium's checker, which opens one."""

import time
import warnings

import gymnasium as gym
import numpy as np
import pygame
from gymnasium.utils import env_checker

import agents_pipeline.environments

assert agents_pipeline.environments  # registers
FALL, JUMP = 0, 1


def pass_gymnasiums_checker():
  """It renders in every mode."""
  env = gym.make("FlappyBall-v0")
  assert env.spec.max_episode_steps is None
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    env_checker.check_env(env.unwrapped, skip_render_check=False)
  assert env.observation_space.shape == (2,)
  assert env.metadata["render_fps"] == 20


def show_the_same_images_in_real_time():
  """Beside those of the mode rgb_array."""
  env = gym.make("FlappyBall-v0", render_mode="human")
  other = gym.make("FlappyBall-v0", render_mode="rgb_array")
  for each in (env, other):
    each.reset(seed=3)
  began = time.perf_counter()
  for action in [JUMP, FALL] * 5:
    assert env.step(action)[0][0] == other.step(action)[0][0]
    window = pygame.surfarray.array3d(pygame.display.get_surface())
    np.testing.assert_array_equal(window.swapaxes(0, 1), other.render())
  assert time.perf_counter() - began > 10 * 0.05 * 0.9
  assert env.render() is None
  env.close()
  assert not pygame.display.get_init()
  env.close()  # may be called twice
  env.reset(seed=3)  # and it opens again
  assert pygame.display.get_init()
  env.close()


if __name__ == "__main__":
  pass_gymnasiums_checker()
  show_the_same_images_in_real_time()
