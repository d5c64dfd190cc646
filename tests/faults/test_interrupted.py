"""What a run that was interrupted exports, says and records."""

import json

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.evaluation import evaluator, served_policy
from agents_pipeline.files import run_folder
from agents_pipeline.runs import checkpoints, export, writers

TASK = (
  "Experiment.agent = @DqnConfig()",
  "EnvironmentConfig.backend = 'tensor'",
)


@pytest.fixture
def interrupted(train, make_experiment, tmp_path):
  """A run that is stopped between two evaluations.

  Returns:
    Its folder, where it was stopped, and what it said.
  """

  def run(folder, period_env_steps):
    calls = []

    def wants_to_stop():
      calls.append(None)
      saved = checkpoints.newest_first(tmp_path / folder / "checkpoints")
      return len(saved) == 2

    said = train(
      make_experiment(
        "TrainingConfig.num_env_steps = 10_000",
        f"EvaluationConfig.period_env_steps = {period_env_steps}",
      ),
      folder,
      wants_to_stop,
    )
    root = run_folder.RunFolder(tmp_path / folder)
    record = json.loads(root.run_record.read_text())
    return root, record, said

  return run


def exported(root, checkpoint, folder):
  """What an exported policy says of itself, and q of some observations."""
  told = export.export_from_checkpoint(root, checkpoint, folder, print)
  signature = served_policy.load_signature(folder)
  observations = np.linspace(-1, 1, 40, dtype=np.float32).reshape(10, 4)
  q_values = signature(observation=tf.constant(observations))["q_values"]
  return told["env_steps"], q_values.numpy()


def test_training_that_was_not_evaluated_yet_exports_its_newest_weights(
  interrupted, tmp_path
):
  root, record, said = interrupted("run", period_env_steps=5_000)
  env_steps = record["env_steps"]
  assert record["outcome"] == "stopped"
  assert 200 <= env_steps < 5_000
  assert record["train_steps"] > 0
  assert said[-1] == (
    f"saved at {env_steps:,} env steps; the same command resumes"
  )
  newest = exported(root, None, tmp_path / "policy")
  by_name = exported(root, f"env_steps-{env_steps}", tmp_path / "by_name")
  assert newest[0] == by_name[0] == env_steps
  np.testing.assert_array_equal(newest[1], by_name[1])


def test_what_was_evaluated_exports_its_best_weights(interrupted, tmp_path):
  root, record, _ = interrupted("run", period_env_steps=50)
  evaluated = {
    int(row["env_steps"]): row["evaluation_return"]
    for row in writers.read(root.metrics)
    if row["evaluation_return"] is not None
  }
  assert len(evaluated) > 2
  most = max(evaluated.values())
  best_at = max(n for n, value in evaluated.items() if value == most)
  best, q_values = exported(root, None, tmp_path / "policy")
  assert best == best_at
  newest, newest_q_values = exported(
    root, f"env_steps-{record['env_steps']}", tmp_path / "by_name"
  )
  assert newest == record["env_steps"]
  assert np.array_equal(q_values, newest_q_values) == (best == newest)


def test_an_environment_that_cannot_be_made_for_an_evaluation_saves_the_run(
  train, make_experiment, tmp_path, monkeypatch
):
  evaluate, calls = evaluator.evaluate, []

  def fails_later(*args, **kwargs):
    calls.append(None)
    if len(calls) > 1:
      raise errors.UserError("environment 'X-v0': port in use", "its traceback")
    return evaluate(*args, **kwargs)

  monkeypatch.setattr(evaluator, "evaluate", fails_later)
  experiment = make_experiment(
    "TrainingConfig.checkpoint_period_env_steps = 10_000"
  )
  with pytest.raises(errors.RunError, match="port in use; saved: .*traceback"):
    train(experiment, "run")
  root = run_folder.RunFolder(tmp_path / "run")
  assert len(checkpoints.newest_first(root.checkpoints)) == 1
  assert root.traceback.read_text() == "its traceback"
