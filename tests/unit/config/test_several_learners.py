"""What is refused with several learners."""

import pytest

from agents_pipeline import errors
from agents_pipeline.config import gin_files

A2C = (
  "Experiment.agent = @A2cConfig()",
  "EnvironmentConfig.name = 'CartPole-v1'",
  "EnvironmentConfig.num_envs = 4",
  "TrainingConfig.num_env_steps = 10_000",
  "TrainingConfig.num_learners = 2",
)


@pytest.mark.parametrize(
  "binding, message",
  [
    (
      "Experiment.agent = @DqnConfig()",
      "TrainingConfig.num_learners = 2: DQN learns in one process; expected 1",
    ),
    (
      "EnvironmentConfig.num_envs = 5",
      "TrainingConfig.num_learners = 2: EnvironmentConfig.num_envs = 5 cannot "
      "be shared equally; expected a multiple of 2",
    ),
    ("A2cConfig.normalize_observations = True", "expected False with"),
    ("A2cConfig.normalize_rewards = True", "expected False with"),
    (
      "A2cConfig.normalize_advantages = True",
      "A2cConfig.normalize_advantages = True: each learner would normalize by "
      "its own environments alone; expected False with "
      "TrainingConfig.num_learners = 2",
    ),
    (
      "TrainingConfig.stop = @OnEvaluation()\n"
      "OnEvaluation.min_mean_return = 100",
      "TrainingConfig.stop = @OnEvaluation\\(\\): each learner",
    ),
    (
      "TrainingConfig.num_episodes = 3",
      "TrainingConfig.num_episodes = 3: each learner counts its own",
    ),
    (
      "EnvironmentConfig.vectorization = 'ray'",
      "EnvironmentConfig.vectorization = 'ray': expected 'sync' or 'async'",
    ),
    (
      "EvaluationConfig.keeps_environments = 'training'",
      "EvaluationConfig.keeps_environments = 'training': one learner alone",
    ),
  ],
)
def test_what_each_learner_would_decide_alone_is_refused(binding, message):
  gin_files.load_experiment([], A2C)
  with pytest.raises(errors.UserError, match=message):
    gin_files.load_experiment([], [*A2C, *binding.split("\n")])
