"""What tests of faults share: a small run, and processes to run it in."""

import pytest
import starter

from agents_pipeline.files import run_folder
from agents_pipeline.runs import console, finalize, training_run

TINY = (
  "Experiment.agent = @DqnConfig()",
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 300",
  "TrainingConfig.log_period_env_steps = 50",
  "TrainingConfig.checkpoint_period_env_steps = 100",
  "EvaluationConfig.period_env_steps = 200",
  "EvaluationConfig.num_episodes_while_training = 1",
  "EvaluationConfig.num_episodes = 1",
  "DqnConfig.hidden_layers = (8,)",
  "DqnConfig.batch_size = 8",
  "DqnConfig.num_random_env_steps = 50",
  "DqnConfig.num_env_steps_before_training = 50",
)


@pytest.fixture(scope="session")
def starting():
  """Starts processes."""
  started = starter.Starter()
  yield started
  started.close()


@pytest.fixture
def train_flags():
  """The flags of `train` for a small run."""

  def flags(root, *bindings):
    bound = (f"--gin_bindings={b}" for b in (*TINY, *bindings))
    return [f"--root_dir={root}", *bound]

  return flags


@pytest.fixture
def train(tmp_path, monkeypatch):
  """Runs an experiment into a folder; returns what was said.

  Without what a run does at its end.
  """
  monkeypatch.setattr(finalize, "finish", lambda *a: {"env_steps": 300})

  def run(experiment, folder, wants_to_stop=lambda: False, **fields):
    heard = []
    training_run.train(
      experiment,
      run_folder.RunFolder(tmp_path / folder),
      **{"device": "cpu", "overwrite": False} | fields,
      person=console.Person(heard.append, wants_to_stop),
    )
    return heard

  return run
