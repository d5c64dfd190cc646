"""Who collects: the choices of `QLearningConfig.collectors`."""

from typing import Any

from agents_pipeline import errors
from agents_pipeline.config import environment as environment_lib
from agents_pipeline.config import fields


@fields.config
class RayCollectors:
  """Actors of Ray that have the policy too, and act without the learner.

  They collect chunks of steps, each with one set of weights, and wait for each
  other and for the learner at the end of a chunk. So a run is the same however
  many there are, and whichever of them die.

  Attributes:
    num_steps_per_chunk: the steps of every environment that are collected with
      the same weights. A run that is to stop waits for the end of a chunk.
    staleness_chunks: how many chunks the weights are behind: 1 collects a chunk
      while the learner trains on the chunk before it, with the weights from
      before that training; 0 collects it afterwards, with the newest weights.
    epsilon_alpha: the spread of exploration: environment i of N explores with
      the probability epsilon ** (1 + epsilon_alpha * i / (N - 1)), of the
      agent's epsilon (Horgan et al. 2018, section 4.1, with a constant epsilon
      of 0.4 and an alpha of 7). 0 is the same for all.
  """

  num_steps_per_chunk: int = fields.integer(32, high=10**6)
  staleness_chunks: int = fields.integer(1, 0, 1)
  epsilon_alpha: float = fields.number(0.0)

  def check_fits(
    self, agent: Any, environment: environment_lib.EnvironmentConfig
  ) -> None:
    """Compares with what is collected, which is bound elsewhere.

    Args:
      agent: the configuration that these are the collectors of.
      environment: the environment that they act in.

    Raises:
      UserError: the environment's copies are not in actors of Ray.
    """
    how = environment.vectorization
    if how != "ray":
      raise errors.UserError(
        f"{type(agent).__name__}.collectors = @RayCollectors(): there are no "
        f"actors with EnvironmentConfig.vectorization = {how!r}; expected 'ray'"
      )
