"""How epsilon falls: the choices of `DqnConfig.epsilon`.

Every schedule is a function of env steps or of episodes, counted over all
environments and including those before training. `agents/dqn/exploration.py`
evaluates them.
"""

import dataclasses

import gin

from agents_pipeline.config import fields


@gin.configurable
@dataclasses.dataclass(frozen=True)
class ConstantEpsilon:
  """epsilon = value."""

  value: float = fields.number(0.1, 0, 1)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class LinearEpsilon:
  """Falls in a straight line from initial to final, then stays (Mnih 2015)."""

  initial: float = fields.number(1.0, 0, 1)
  final: float = fields.number(0.05, 0, 1)
  num_env_steps: int = fields.integer(10_000)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class ExponentialEpsilon:
  """final + (initial - final) * exp(-env_steps / time_constant_env_steps)."""

  initial: float = fields.number(0.9, 0, 1)
  final: float = fields.number(0.05, 0, 1)
  time_constant_env_steps: float = fields.number(1_000.0, above=True)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class GeometricEpsilon:
  """max(final, initial * factor_per_env_step ** env_steps)."""

  initial: float = fields.number(1.0, 0, 1)
  final: float = fields.number(0.1, 0, 1)
  factor_per_env_step: float = fields.number(0.99, 0, 1, above=True)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class LinearEpsilonOverEpisodes:
  """Falls in a straight line over the episodes that have ended, then stays."""

  initial: float = fields.number(0.5, 0, 1)
  final: float = fields.number(0.005, 0, 1)
  num_episodes: int = fields.integer(100)

  def __post_init__(self):
    fields.check(self)


Epsilon = (
  ConstantEpsilon
  | LinearEpsilon
  | ExponentialEpsilon
  | GeometricEpsilon
  | LinearEpsilonOverEpisodes
)
EPSILONS = (
  ConstantEpsilon,
  LinearEpsilon,
  ExponentialEpsilon,
  GeometricEpsilon,
  LinearEpsilonOverEpisodes,
)
