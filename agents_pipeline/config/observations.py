"""What is observed: the choices of `EnvironmentConfig.observation`.

`environments/wrapping.py` wraps environments with them. Stacked frames come
first, [num_frames, H, W(, C)], the newest last; before an episode's first frame
there is black.
"""

import dataclasses
from typing import Any

import gin

from agents_pipeline import errors
from agents_pipeline.config import fields

# ALE's: an episode is truncated after 30 minutes of 60 frames per second.
ATARI_MAX_FRAMES = 108_000
ATARI_FRAMES_PER_SECOND = 60

# Every stack in a batch holds so many pixels: beyond this, memory ends first.
_MAX_SIDE, _MAX_FRAMES = 1024, 64


@gin.configurable
@dataclasses.dataclass(frozen=True)
class OwnObservation:
  """What the environment itself gives."""

  def __post_init__(self):
    fields.check(self)

  @property
  def num_frames(self) -> int:
    """Nothing is stacked."""
    return 1


@gin.configurable
@dataclasses.dataclass(frozen=True)
class ImageObservation:
  """Pictures, through gymnasium's own wrappers, as uint8.

  Attributes:
    rendered: the rendered picture in place of the environment's observation;
      False where the observation is a picture already.
    grayscale: one channel in place of three.
    height: pixels after resizing; None keeps it.
    width: likewise.
    num_frames: the last so many are stacked.
  """

  rendered: bool = fields.switch(True)
  grayscale: bool = fields.switch(True)
  height: int | None = fields.integer(84, high=_MAX_SIDE, optional=True)
  width: int | None = fields.integer(84, high=_MAX_SIDE, optional=True)
  num_frames: int = fields.integer(4, high=_MAX_FRAMES)

  def __post_init__(self):
    fields.check(self)
    if (self.height is None) != (self.width is None):
      raise errors.UserError(
        f"ImageObservation.height = {self.height} and .width = {self.width}: "
        "expected two numbers, or None for both"
      )


@gin.configurable
@dataclasses.dataclass(frozen=True)
class AtariObservation:
  """Atari as DQN sees it (Mnih et al. 2015), for the ids ALE/...-v5.

  Grey frames, the brighter of the last two that were skipped, resized and
  stacked. A lost life ends no episode; the actions are the game's minimal set.
  An episode is truncated after 108,000 frames, 30 minutes.

  Attributes:
    frame_skip: frames for which an action is repeated: an env step.
    screen_size: pixels of either side after resizing.
    num_frames: the last so many are stacked.
    max_noops: an episode begins with 1 to so many frames without action.
    repeat_action_probability: of sticky actions, per frame (Machado et al.
      2018); 0 is deterministic.
  """

  frame_skip: int = fields.integer(4)
  screen_size: int = fields.integer(84, high=_MAX_SIDE)
  num_frames: int = fields.integer(4, high=_MAX_FRAMES)
  max_noops: int = fields.integer(30, 0)
  repeat_action_probability: float = fields.number(0.25, 0, 1)

  def __post_init__(self):
    fields.check(self)


Observation = OwnObservation | ImageObservation | AtariObservation
OBSERVATIONS = (OwnObservation, ImageObservation, AtariObservation)


def to_json(choice: Observation) -> dict[str, Any]:
  """The name of a choice and its values, for files."""
  return {"kind": type(choice).__name__} | dataclasses.asdict(choice)


def protocol(choice: Observation) -> dict[str, Any]:
  """`to_json`, and for Atari what else must be said of a score."""
  said = to_json(choice)
  if isinstance(choice, AtariObservation):
    said |= {
      "max_pooled_frames": 2,
      "lost_life_ends_episode": False,
      "actions": "minimal set",
      "max_frames_per_episode": ATARI_MAX_FRAMES,
    }
  return said


def from_json(content: dict[str, Any]) -> Observation:
  """The choice that `to_json` wrote.

  Raises:
    UserError: it is none.
  """
  kinds = {kind.__name__: kind for kind in OBSERVATIONS}
  try:
    values = dict(content)
    return kinds[values.pop("kind")](**values)
  except (KeyError, TypeError, ValueError) as error:
    reason = str(error).splitlines()[0]  # gin adds where it was called
    raise errors.UserError(
      f"observation {content!r}: expected one of {', '.join(kinds)} ({reason})"
    ) from None
