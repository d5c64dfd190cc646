"""What does not go together with several learners of one run."""

import typing

from agents_pipeline import errors
from agents_pipeline.config import stopping

if typing.TYPE_CHECKING:
  from agents_pipeline.config import schema

# Statistics that each learner would have of its own environments alone.
_OF_OWN = (
  "normalize_observations",
  "normalize_rewards",
  "normalize_advantages",
)


def check(experiment: "schema.Experiment") -> None:
  """Refuses what each learner would decide or count by itself.

  Args:
    experiment: an experiment with more than one learner.

  Raises:
    UserError: a field does not fit several learners; the message names it.
  """
  training, environment = experiment.training, experiment.environment
  agent = experiment.agent
  given = f"TrainingConfig.num_learners = {training.num_learners}"
  if not agent.averages_gradients:
    raise errors.UserError(
      f"{given}: {agent.agent_name} learns in one process; expected 1, or "
      "Experiment.agent = @A2cConfig()"
    )
  if environment.num_envs % training.num_learners:
    raise errors.UserError(
      f"{given}: EnvironmentConfig.num_envs = {environment.num_envs} cannot be "
      f"shared equally; expected a multiple of {training.num_learners}"
    )
  for name in _OF_OWN:
    if getattr(agent, name, False):
      raise errors.UserError(
        f"{type(agent).__name__}.{name} = True: each learner would normalize "
        f"by its own environments alone; expected False with {given}"
      )
  _check_end(training, given)
  if environment.vectorization not in ("sync", "async"):
    raise errors.UserError(
      f"EnvironmentConfig.vectorization = {environment.vectorization!r}: "
      f"expected 'sync' or 'async' with {given}"
    )
  if experiment.evaluation.keeps_environments == "training":
    raise errors.UserError(
      "EvaluationConfig.keeps_environments = 'training': one learner alone "
      f"would begin other episodes; expected False or True with {given}"
    )


def _check_end(training: "schema.TrainingConfig", given: str) -> None:
  """Refuses a run that ends by what each learner sees by itself."""
  if not isinstance(training.stop, stopping.AtTheEnd):
    raise errors.UserError(
      f"TrainingConfig.stop = @{type(training.stop).__name__}(): each learner "
      f"would reach it by itself; expected @AtTheEnd() with {given}"
    )
  if training.num_episodes is not None:
    raise errors.UserError(
      f"TrainingConfig.num_episodes = {training.num_episodes}: each learner "
      f"counts its own until a result is due; expected None with {given}"
    )
