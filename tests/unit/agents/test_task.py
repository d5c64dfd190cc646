"""Which shapes convolutions take for images."""

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.agents import task as task_lib
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.dqn import config as dqn_config


def check(shape, num_frames=1, agent=dqn_config.DqnConfig):
  space = gym.spaces.Box(0, 255, shape, np.uint8)
  task = task_lib.Task("X-v0", space, gym.spaces.Discrete(2), num_frames)
  task_lib.check_images(agent(conv_layers=((8, 3, 1),)), task)


@pytest.mark.parametrize(
  ("shape", "num_frames"),
  [
    ((20, 24), 1),
    ((20, 24, 3), 1),
    ((20, 24, 1), 1),
    ((5, 5, 10), 1),  # MinAtar's: one channel for each kind of thing
    ((10, 10, 4), 1),
    ((4, 84, 84), 4),  # stacked frames, [N, H, W]
    ((3, 3, 3), 1),
    ((4, 5, 6), 1),  # a board of 4 x 5 with six planes
    ((3, 8, 5), 1),
    ((2, 20, 24, 3), 2),
  ],
)
def test_images_are_taken(shape, num_frames):
  check(shape, num_frames)


@pytest.mark.parametrize("agent", [dqn_config.DqnConfig, a2c_config.A2cConfig])
@pytest.mark.parametrize("shape", [(3, 20, 24), (4, 84, 84), (2, 3, 20, 24)])
def test_channels_in_front_are_refused(shape, agent):
  num_frames = shape[0] if len(shape) == 4 else 1
  with pytest.raises(errors.UserError, match=r"looks like \[C, H, W\]; exp"):
    check(shape, num_frames, agent)


@pytest.mark.parametrize("shape", [(4,), (2, 20), (20, 24, 3, 3)])
def test_what_is_no_image_is_refused(shape):
  with pytest.raises(errors.UserError, match="that every kernel fits into"):
    check(shape)
