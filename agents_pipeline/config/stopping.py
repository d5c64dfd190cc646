"""When a run ends before its last env step: `TrainingConfig.stop`.

Returns are of the environment's own rewards, undiscounted.
"""

import dataclasses

import gin

from agents_pipeline.config import fields


@gin.configurable
@dataclasses.dataclass(frozen=True)
class AtTheEnd:
  """Never before it."""

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class OnLastEpisodes:
  """When the last finished episode of every environment was a success.

  Looked at after every iteration. Those episodes were trained on and explored.

  Attributes:
    min_episode_return: an episode that reached it was a success.
  """

  min_episode_return: float = fields.number(gin.REQUIRED, -fields.INFINITY)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class OnEvaluation:
  """When an evaluation is a success; the one before training counts too.

  Attributes:
    min_mean_return: an evaluation that reached it was a success.
  """

  min_mean_return: float = fields.number(gin.REQUIRED, -fields.INFINITY)

  def __post_init__(self):
    fields.check(self)


Stop = AtTheEnd | OnLastEpisodes | OnEvaluation
STOPS = (AtTheEnd, OnLastEpisodes, OnEvaluation)
