"""What the agent observes: the choices of `EnvironmentConfig.observation`.

Each is made by gymnasium's own wrappers. Stacked frames come first,
[num_frames, H, W(, C)], the newest last; frames before an episode's first are
black.
"""

import dataclasses
import functools
import typing
from collections.abc import Callable
from typing import Any

from agents_pipeline import errors
from agents_pipeline.config import fields

if typing.TYPE_CHECKING:
  import gymnasium as gym

Wrapper = Callable[["gym.Env"], "gym.Env"]

# ALE's: an episode is truncated after 30 minutes of 60 frames per second.
_ATARI_MAX_FRAMES = 108_000
_ATARI_FRAMES_PER_SECOND = 60

# Every stack in a batch holds so many pixels: beyond this, memory ends first.
_MAX_SIDE, _MAX_FRAMES = 1024, 64


class Observation:
  """Base of the choices; by itself, what the environment gives.

  Attributes:
    num_frames: the number of frames stacked in an observation, its first
      dimension if above 1.
    needs_rendering: whether the environment's rendered images are observed.
    may_render: whether an environment may render its own observations.
    is_plain: whether the observation is what the environment itself gives,
      unchanged.
  """

  num_frames: int = 1
  needs_rendering = False
  may_render = False
  is_plain = False

  def make_arguments(self) -> dict[str, Any]:
    """Arguments of `gym.make` for one copy of an environment."""
    return {"render_mode": "rgb_array"} if self.needs_rendering else {}

  def wrappers(self) -> list[Wrapper]:
    """Wrappers to put around that copy, in this order; they can be pickled."""
    return []

  def vector_arguments(self) -> dict[str, Any]:
    """Arguments of an environment's own vector version."""
    return {}

  def in_vector_version(self, name: str) -> bool:
    """Whether an environment's own vector version gives these observations."""
    return False

  def check_fits(self, name: str, vectorization: str) -> None:
    """Compares this choice with the environment.

    Args:
      name: the environment's id.
      vectorization: `EnvironmentConfig.vectorization`.

    Raises:
      UserError: the environment cannot give these observations.
    """
    if vectorization != "vector_entry_point" or self.in_vector_version(name):
      return
    fits = "EnvironmentConfig.vectorization = 'sync' or 'async'"
    if _is_atari(name):
      fits = "@AtariObservation()"
    raise errors.UserError(
      f"EnvironmentConfig.observation = {self!r}: the vector version of "
      f"{name!r} takes no wrappers; expected {fits}"
    )

  def frames_per_second(self) -> float | None:
    """Env steps per second of the task; None where the environment says."""
    return None

  def protocol(self) -> dict[str, Any]:
    """`to_json`, and what else must be said of a score."""
    return to_json(self)


@fields.config
class OwnObservation(Observation):
  """What the environment itself gives."""

  is_plain = True

  def in_vector_version(self, name: str) -> bool:
    """True of any environment but Atari, whose vector version gives images."""
    return not _is_atari(name)


@fields.config
class ImageObservation(Observation):
  """Images, through gymnasium's own wrappers, as uint8.

  Attributes:
    rendered: whether to observe the rendered image in place of the
      environment's observation; False where the observation is an image
      already.
    grayscale: whether images have one gray channel in place of three.
    height: the height in pixels after resizing; None keeps it.
    width: the width in pixels after resizing; None keeps it.
    num_frames: the number of newest frames that are stacked.
  """

  rendered: bool = fields.switch(True)
  grayscale: bool = fields.switch(True)
  height: int | None = fields.integer(84, high=_MAX_SIDE, optional=True)
  width: int | None = fields.integer(84, high=_MAX_SIDE, optional=True)
  num_frames: int = fields.integer(4, high=_MAX_FRAMES)
  may_render = True

  def validate(self) -> None:
    """Compares height and width."""
    if (self.height is None) != (self.width is None):
      raise errors.UserError(
        f"ImageObservation.height = {self.height} and .width = {self.width}: "
        "expected two numbers, or None for both"
      )

  @property
  def needs_rendering(self) -> bool:  # type: ignore[override]
    """Whether `rendered` is set."""
    return self.rendered

  def wrappers(self) -> list[Wrapper]:
    """Render, resize, turn gray and stack, in the order that costs least."""
    from gymnasium import wrappers

    chosen: list[Wrapper] = []
    if self.rendered:
      chosen.append(wrappers.AddRenderObservation)
    if self.height is not None:  # first: what comes after has less to do
      shape = (self.height, self.width)
      chosen.append(functools.partial(wrappers.ResizeObservation, shape=shape))
    if self.grayscale:
      chosen.append(wrappers.GrayscaleObservation)
    return chosen + _stack(self.num_frames)


@fields.config
class AtariObservation(Observation):
  """Atari as DQN sees it (Mnih et al. 2015), for the ids ALE/...-v5.

  Gray frames, the brighter of the last two that were skipped, resized and
  stacked. A lost life ends no episode; the actions are the game's minimal set.
  An episode is truncated after 108,000 frames, 30 minutes.

  Attributes:
    frame_skip: the number of frames for which an action is repeated: an env
      step.
    screen_size: pixels of either side after resizing.
    num_frames: the number of newest frames that are stacked.
    max_noops: the most no-op frames at the beginning of an episode, of which
      there are 1 to max_noops; 0 for none.
    repeat_action_probability: the probability of sticky actions, per frame
      (Machado et al. 2018); 0 is deterministic.
  """

  frame_skip: int = fields.integer(4)
  screen_size: int = fields.integer(84, high=_MAX_SIDE)
  num_frames: int = fields.integer(4, high=_MAX_FRAMES)
  max_noops: int = fields.integer(30, 0)
  repeat_action_probability: float = fields.number(0.25, 0, 1)

  def make_arguments(self) -> dict[str, Any]:
    """ALE's arguments, without frame skip: `AtariPreprocessing` skips."""
    return {
      "frameskip": 1,
      "obs_type": "grayscale",
      "repeat_action_probability": self.repeat_action_probability,
    }

  def wrappers(self) -> list[Wrapper]:
    """gymnasium's preprocessing, and the stack."""
    from gymnasium import wrappers

    preprocessing = functools.partial(
      wrappers.AtariPreprocessing,
      noop_max=self.max_noops,
      frame_skip=self.frame_skip,
      screen_size=self.screen_size,
      terminal_on_life_loss=False,
      grayscale_obs=True,
    )
    return [preprocessing, *_stack(self.num_frames)]

  def in_vector_version(self, name: str) -> bool:
    """True of Atari, whose vector version is ale-py's."""
    return _is_atari(name)

  def check_fits(self, name: str, vectorization: str) -> None:
    """Rejects other environments than Atari's."""
    if not _is_atari(name):
      raise errors.UserError(
        f"EnvironmentConfig.observation = {self!r}: {name!r} is not an Atari "
        "game; expected an id such as 'ALE/Pong-v5'"
      )
    super().check_fits(name, vectorization)

  def frames_per_second(self) -> float:
    """The console's frames per second, without the skipped ones."""
    return _ATARI_FRAMES_PER_SECOND / self.frame_skip

  def protocol(self) -> dict[str, Any]:
    """What Machado et al. (2018) ask for."""
    return to_json(self) | {
      "max_pooled_frames": 2,
      "lost_life_ends_episode": False,
      "actions": "minimal set",
      "max_frames_per_episode": _ATARI_MAX_FRAMES,
    }

  def vector_arguments(self) -> dict[str, Any]:
    """ale-py's vector version does the same as the wrappers, in C++.

    Rewards stay the game's own: they are clipped when they are trained on.
    """
    import gymnasium as gym

    return {
      "autoreset_mode": gym.vector.AutoresetMode.SAME_STEP,
      "frameskip": self.frame_skip,
      "maxpool": True,
      "img_height": self.screen_size,
      "img_width": self.screen_size,
      "stack_num": self.num_frames,
      "noop_max": self.max_noops,
      "repeat_action_probability": self.repeat_action_probability,
      "episodic_life": False,
      "reward_clipping": False,
      "use_fire_reset": False,
    }


def _is_atari(name: str) -> bool:
  return "ALE/" in name


def _stack(num_frames: int) -> list[Wrapper]:
  from gymnasium import wrappers

  if num_frames == 1:
    return []
  return [
    functools.partial(
      wrappers.FrameStackObservation,
      stack_size=num_frames,
      padding_type="zero",
    )
  ]


def to_json(choice: Observation) -> dict[str, Any]:
  """The name of a choice and its values, for files."""
  assert dataclasses.is_dataclass(choice)
  return {"kind": type(choice).__name__} | dataclasses.asdict(choice)


def from_json(content: dict[str, Any]) -> Observation:
  """The choice that `to_json` wrote.

  Raises:
    UserError: the content is no such choice.
  """
  kinds = {
    name: kind
    for name, kind in fields.CLASSES.items()
    if issubclass(kind, Observation)
  }
  try:
    values = dict(content)
    return kinds[values.pop("kind")](**values)
  except (KeyError, TypeError, ValueError) as error:
    reason = errors.first_line(error)  # gin adds where it was called
    raise errors.UserError(
      f"observation {content!r}: expected one of {', '.join(kinds)} ({reason})"
    ) from None
