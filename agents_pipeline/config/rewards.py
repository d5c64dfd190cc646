"""What is learnt from: the choices of `EnvironmentConfig.reward`.

`training/shaping.py` shapes with them.
"""

import dataclasses

import gin

from agents_pipeline import errors
from agents_pipeline.config import fields


@gin.configurable
@dataclasses.dataclass(frozen=True)
class KeepReward:
  """The environment's own."""

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class ClipReward:
  """Bounded to [low, high], as Atari's in Mnih et al. (2015)."""

  low: float = fields.number(-1.0, -fields.INFINITY)
  high: float = fields.number(1.0, -fields.INFINITY)

  def __post_init__(self):
    fields.check(self)
    if self.low >= self.high:
      raise errors.UserError(
        f"ClipReward.low = {self.low}: expected less than ClipReward.high = "
        f"{self.high}"
      )


@gin.configurable
@dataclasses.dataclass(frozen=True)
class SignReward:
  """-1, 0 or 1."""

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class SuccessReward:
  """0, but at the end of an episode success or failure.

  At a time limit the value of the last observation comes on top, as always.

  Attributes:
    min_episode_return: an episode that reached it was a success.
    success: its last reward.
    failure: of the others.
  """

  min_episode_return: float = fields.number(gin.REQUIRED, -fields.INFINITY)
  success: float = fields.number(1.0, -fields.INFINITY)
  failure: float = fields.number(-1.0, -fields.INFINITY)

  def __post_init__(self):
    fields.check(self)


Reward = KeepReward | ClipReward | SignReward | SuccessReward
REWARDS = (KeepReward, ClipReward, SignReward, SuccessReward)
