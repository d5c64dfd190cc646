"""Configurations of QR-DQN: what is refused, and what was meant."""

import pytest

from agents_pipeline import errors
from agents_pipeline.config import gin_files

QR_DQN = [
  "Experiment.agent = @QrDqnConfig()",
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 2_000",
]


@pytest.mark.parametrize(
  ("binding", "message"),
  [
    (
      "QrDqnConfig.num_quantiles = 0",
      "QrDqnConfig.num_quantiles = 0: expected a whole number in [1, 1000]",
    ),
    (
      "QrDqnConfig.kappa = -1",
      "QrDqnConfig.kappa = -1: expected a number of at least 0",
    ),
    (
      "QrDqnConfig.n_quantiles = 5",
      "unknown gin parameter QrDqnConfig.n_quantiles: did you mean "
      "'QrDqnConfig.num_quantiles'?",
    ),
    (
      "QrDqnConfig.loss = 'huber'",
      "unknown gin parameter QrDqnConfig.loss: expected one of ",
    ),
  ],
)
def test_one_line_says_what_was_expected(binding, message):
  with pytest.raises(errors.UserError) as caught:
    gin_files.load_experiment([], [*QR_DQN, binding])
  assert str(caught.value).split("\n")[0].startswith(message)


def test_the_paper_s_numbers_are_the_defaults():
  agent = gin_files.load_experiment([], QR_DQN).agent
  assert (agent.num_quantiles, agent.kappa) == (200, 1.0)
  assert agent.agent_name == "QR-DQN"
