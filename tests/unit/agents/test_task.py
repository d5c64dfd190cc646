"""Which shapes convolutions take for images."""

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.agents import task as task_lib
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.config import gin_files, seeding


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
def test_channels_first_are_rejected(shape, agent):
  num_frames = shape[0] if len(shape) == 4 else 1
  with pytest.raises(errors.UserError, match=r"looks like \[C, H, W\]; exp"):
    check(shape, num_frames, agent)


@pytest.mark.parametrize("shape", [(4,), (2, 20), (20, 24, 3, 3)])
def test_what_is_no_image_is_rejected(shape):
  with pytest.raises(errors.UserError, match="that every kernel fits into"):
    check(shape)


@pytest.fixture(params=["DqnConfig", "A2cConfig"])
def build_with_images(request, make_experiment, make_a2c_experiment):
  """Builds either agent on CartPole's images."""
  agent = request.param
  make = {"DqnConfig": make_experiment, "A2cConfig": make_a2c_experiment}[agent]

  def build(conv_layers, *bindings):
    experiment = make(
      "EnvironmentConfig.observation = @ImageObservation()",
      "ImageObservation.height = 8",
      "ImageObservation.width = 12",
      *bindings,
      f"{agent}.conv_layers = {conv_layers}",
    )
    return agent, lambda: building.build(experiment, seeding.Seeds(0))

  return build


@pytest.mark.parametrize(
  ("conv_layers", "bindings", "given"),
  [
    # 9 > 8 rows, though 9 < 12 columns.
    ("((2, 9, 1),)", [], "4 stacked frames of shape (8, 12)"),
    # 8 rows leave (8 - 4) // 2 + 1 = 3 for a kernel of 4.
    ("((2, 4, 2), (2, 4, 1))", [], "4 stacked frames of shape (8, 12)"),
    (
      "((2, 9, 1),)",
      ["ImageObservation.grayscale = False"],
      "4 stacked frames of shape (8, 12, 3)",
    ),
    (
      "((2, 9, 1),)",
      ["ImageObservation.num_frames = 1"],
      "observations of shape (8, 12)",
    ),
  ],
)
def test_kernels_that_do_not_fit_are_rejected(
  build_with_images, conv_layers, bindings, given
):
  agent, build = build_with_images(conv_layers, *bindings)
  with pytest.raises(errors.UserError) as caught:
    build()
  message = str(caught.value)
  assert message.startswith(f"{agent}.conv_layers = ((2, ")
  assert f"'CartPole-v1' gives {given};" in message
  assert "\n" not in message


@pytest.mark.parametrize(
  "bindings",
  [[], ["ImageObservation.grayscale = False"]],
  ids=["grey", "colour"],
)
def test_kernels_that_just_fit_are_taken(build_with_images, bindings):
  """8 rows leave 3 for a kernel of 3."""
  _, build = build_with_images("((2, 4, 2), (2, 3, 1))", *bindings)
  pipeline = build()
  # Channels of the first kernel: 4 frames of 1 or 3 colours.
  kernel = pipeline.network.trainable_variables[0]
  assert kernel.shape == (4, 4, 12 if bindings else 4, 2)
  pipeline.close()


def test_a_number_cannot_go_through_convolutions():
  experiment = gin_files.load_experiment(
    [],
    [
      "Experiment.agent = @DqnConfig()",
      "EnvironmentConfig.name = 'Blackjack-v1'",
      "ObservationEncoder.keys = {'1': 'convolutions'}",
      "TrainingConfig.num_env_steps = 5_000",
    ],
  )
  with pytest.raises(errors.UserError, match=r"gives '1' of shape \(\); expec"):
    building.build(experiment, seeding.Seeds(0))


def test_numbers_are_what_is_neither_image_nor_mask():
  space = gym.spaces.Dict(
    {
      "observation/image": gym.spaces.Box(0, 255, (9, 9, 1), np.uint8),
      "observation/speed": gym.spaces.Box(-1, 1, (2,)),
      "action_mask": gym.spaces.MultiBinary(2),
    }
  )
  task = lambda space: task_lib.Task("X-v0", space, gym.spaces.Discrete(2), 1)
  assert task_lib.non_image_leaves(task(space)) == ["observation/speed"]
  agent = dqn_config.DqnConfig(
    conv_layers=((8, 3, 1),), normalize_observations=True
  )
  task_lib.check_normalization(agent, task(space))
  del space.spaces["observation/speed"]
  with pytest.raises(errors.UserError, match="True: 'X-v0' gives only images"):
    task_lib.check_normalization(agent, task(space))


def test_convolutions_that_were_asked_for_need_layers():
  space = gym.spaces.Dict({"observation/x": gym.spaces.Box(0, 1, (9, 9, 1))})
  keys = {"x": "convolutions"}
  task = task_lib.Task("X-v0", space, gym.spaces.Discrete(2), 1, keys)
  with pytest.raises(errors.UserError, match="'x' is to go through convolut"):
    task_lib.check_images(dqn_config.DqnConfig(conv_layers=()), task)
