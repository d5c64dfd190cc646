"""Environments that show what an experiment observes.

gymnasium's own wrappers, in the order that costs least.
"""

import functools
from collections.abc import Callable
from typing import Any

import gymnasium as gym
from gymnasium import wrappers

from agents_pipeline.config import observations

Wrapper = Callable[[gym.Env], gym.Env]


@functools.singledispatch
def wrappers_for(choice: observations.Observation) -> list[Wrapper]:
  """The wrappers that a choice of `config/observations.py` stands for.

  Args:
    choice: what is observed.

  Returns:
    To be put around an environment made with `arguments_for`, in this order.
    They can be pickled.
  """
  raise TypeError(f"{choice!r} is no choice of what is observed")


@wrappers_for.register
def _(choice: observations.OwnObservation) -> list[Wrapper]:
  del choice
  return []


@wrappers_for.register
def _(choice: observations.ImageObservation) -> list[Wrapper]:
  chosen: list[Wrapper] = []
  if choice.rendered:
    chosen.append(wrappers.AddRenderObservation)
  if choice.height is not None:  # first: what comes after has less to do
    chosen.append(
      functools.partial(
        wrappers.ResizeObservation, shape=(choice.height, choice.width)
      )
    )
  if choice.grayscale:
    chosen.append(wrappers.GrayscaleObservation)
  return chosen + _stack(choice.num_frames)


@wrappers_for.register
def _(choice: observations.AtariObservation) -> list[Wrapper]:
  preprocessing = functools.partial(
    wrappers.AtariPreprocessing,
    noop_max=choice.max_noops,
    frame_skip=choice.frame_skip,
    screen_size=choice.screen_size,
    terminal_on_life_loss=False,
    grayscale_obs=True,
  )
  return [preprocessing, *_stack(choice.num_frames)]


def _stack(num_frames: int) -> list[Wrapper]:
  if num_frames == 1:
    return []
  return [
    functools.partial(
      wrappers.FrameStackObservation,
      stack_size=num_frames,
      padding_type="zero",
    )
  ]


def arguments_for(choice: observations.Observation) -> dict[str, Any]:
  """Arguments of `gym.make` for one copy of an environment."""
  if isinstance(choice, observations.AtariObservation):
    return {
      "frameskip": 1,  # AtariPreprocessing skips
      "obs_type": "grayscale",
      "repeat_action_probability": choice.repeat_action_probability,
    }
  if needs_rendering(choice):
    return {"render_mode": "rgb_array"}
  return {}


def needs_rendering(choice: observations.Observation) -> bool:
  """Whether an environment's pictures are what is observed."""
  return isinstance(choice, observations.ImageObservation) and choice.rendered


def vector_arguments_for(choice: observations.Observation) -> dict[str, Any]:
  """Arguments of an environment's own vector version.

  ale-py's does the same as the wrappers, in C++. Rewards stay the game's own:
  they are clipped where they are learnt from.
  """
  if not isinstance(choice, observations.AtariObservation):
    return {}
  return {
    "autoreset_mode": gym.vector.AutoresetMode.SAME_STEP,
    "frameskip": choice.frame_skip,
    "maxpool": True,
    "img_height": choice.screen_size,
    "img_width": choice.screen_size,
    "stack_num": choice.num_frames,
    "noop_max": choice.max_noops,
    "repeat_action_probability": choice.repeat_action_probability,
    "episodic_life": False,
    "reward_clipping": False,
    "use_fire_reset": False,
  }
