"""Gin files: read, refused in one line, and written back."""

import dataclasses

import gin
import pytest

from agents_pipeline import errors
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.config import (
  gin_files,
)

LEAST = [
  "Experiment.agent = @DqnConfig()",
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 2_000",
]


@pytest.mark.parametrize(
  ("bindings", "message"),
  [
    ([], "Experiment.agent is required and not bound"),
    (LEAST[:1], "EnvironmentConfig.name is required and not bound"),
    (LEAST[:2], "TrainingConfig.num_env_steps is required and not bound"),
    (
      [*LEAST, "DqnConfg.gamma = 1"],
      "unknown gin name 'DqnConfg': did you mean 'DqnConfig'?",
    ),
    (
      [*LEAST, "DqnConfig.gama = 1"],
      "unknown gin parameter DqnConfig.gama: did you mean 'gamma'?",
    ),
    (
      [*LEAST, "DqnConfig.epsilon = @ConstntEpsilon()"],
      "unknown gin name 'ConstntEpsilon': did you mean 'ConstantEpsilon'?",
    ),
  ],
)
def test_missing_and_unknown_values_are_one_line_errors(bindings, message):
  with pytest.raises(errors.UserError) as caught:
    gin_files.load_experiment([], bindings)
  assert str(caught.value) == message


def test_warns_of_probably_unintended_settings():
  said = []
  binding = "DqnConfig.target_update_period_train_steps = 1_001"
  experiment = gin_files.load_experiment(
    [], [*LEAST, binding], report=said.append
  )
  assert said == experiment.warnings
  assert len(said) == 1 and "the target network is never updated" in said[0]


def test_a_missing_file_is_named_with_the_nearest(tmp_path):
  (tmp_path / "cartpole.gin").touch()
  with pytest.raises(errors.UserError, match="did you mean .*cartpole.gin"):
    gin_files.load_experiment([tmp_path / "cartpol.gin"])


def test_later_files_and_bindings_override_earlier_ones(tmp_path):
  first, second = tmp_path / "first.gin", tmp_path / "second.gin"
  first.write_text("\n".join(LEAST) + "\nDqnConfig.gamma = 0.1\n")
  second.write_text("DqnConfig.gamma = 0.2\nDqnConfig.n_step = 2\n")
  experiment = gin_files.load_experiment(
    [first, second], ["DqnConfig.n_step = 3"]
  )
  assert (experiment.agent.gamma, experiment.agent.n_step) == (0.2, 3)


def test_the_configuration_is_locked_and_frozen():
  experiment = gin_files.load_experiment([], LEAST)
  with pytest.raises(RuntimeError):
    gin.bind_parameter("DqnConfig.gamma", 0.5)
  with pytest.raises(dataclasses.FrozenInstanceError):
    experiment.agent.gamma = 0.5


def test_the_text_of_an_experiment_gives_it_back(tmp_path):
  bindings = [
    *LEAST,
    "DqnConfig.epsilon = @ExponentialEpsilon()",
    "ExponentialEpsilon.final = 0.01",
    "DqnConfig.optimizer = @AdamW()",
    "AdamW.amsgrad = True",
    "DqnConfig.hidden_layers = (7, 8, 9)",
  ]
  experiment = gin_files.load_experiment([], bindings)
  text = gin_files.to_text(experiment)
  for field in dataclasses.fields(dqn_config.DqnConfig):
    assert f"DqnConfig.{field.name} = " in text
  file = tmp_path / "config.gin"
  file.write_text(text)
  assert gin_files.load_experiment([file]) == experiment
  assert gin_files.to_text(experiment) == text


def test_differences_are_reported_by_name():
  before, after = (
    gin_files.to_text(gin_files.load_experiment([], [*LEAST, *more]))
    for more in (
      [],
      ["DqnConfig.gamma = 0.5", "DqnConfig.hidden_layers = (1, 2)"],
    )
  )
  assert gin_files.differences(before, before) == []
  assert gin_files.differences(before, after) == [
    "DqnConfig.gamma: 0.99 -> 0.5",
    "DqnConfig.hidden_layers: (64, 64) -> (1, 2)",
  ]
