"""What an interrupted run exports, prints and records."""

import json

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.evaluation import evaluator, loaded_policy
from agents_pipeline.files import run_folder, tables
from agents_pipeline.runs import checkpoints, export

TASK = (
  "Experiment.agent = @DqnConfig()",
  "EnvironmentConfig.backend = 'tensor'",
)


@pytest.fixture
def interrupted(train, make_simple_and_combined, tmp_path):
  """Trains a run that is stopped between two evaluations.

  Returns:
    Its folder, its record, and the lines that it printed.
  """

  def run(period_env_steps):
    folder = run_folder.RunFolder(tmp_path / "run")
    printed = train(
      make_simple_and_combined(
        "TrainingConfig.num_env_steps = 10_000",
        f"EvaluationConfig.period_env_steps = {period_env_steps}",
      ),
      "run",
      stop_requested=lambda: (
        len(checkpoints.newest_first(folder.checkpoints)) == 2
      ),
    )
    return folder, json.loads(folder.run_record.read_text()), printed

  return run


def exported(folder, checkpoint, policy_dir):
  """The env steps of an exported policy, and its q of some observations."""
  about = export.export_from_checkpoint(folder, checkpoint, policy_dir, print)
  signature = loaded_policy.load_signature(policy_dir)
  observations = np.linspace(-1, 1, 40, dtype=np.float32).reshape(10, 4)
  q_values = signature(observation=tf.constant(observations))["q_values"]
  return about["env_steps"], q_values.numpy()


def test_training_without_an_evaluation_yet_exports_its_newest_weights(
  interrupted, tmp_path
):
  folder, record, printed = interrupted(period_env_steps=5_000)
  env_steps = record["env_steps"]
  assert record["outcome"] == "stopped"
  assert 200 <= env_steps < 5_000
  assert record["train_steps"] > 0
  assert printed[-1] == (
    f"saved at {env_steps:,} env steps; the same command resumes"
  )
  newest = exported(folder, "best", tmp_path / "policy")
  by_name = exported(folder, f"env_steps-{env_steps}", tmp_path / "by_name")
  assert newest[0] == by_name[0] == env_steps
  np.testing.assert_array_equal(newest[1], by_name[1])


def test_training_with_evaluations_exports_its_best_weights(
  interrupted, tmp_path
):
  folder, record, _ = interrupted(period_env_steps=50)
  evaluated = {
    int(row["env_steps"]): row["evaluation_return"]
    for row in tables.read(folder.metrics)
    if row["evaluation_return"] is not None
  }
  assert len(evaluated) > 2
  most = max(evaluated.values())
  best_at = max(n for n, value in evaluated.items() if value == most)
  best, q_values = exported(folder, "best", tmp_path / "policy")
  assert best == best_at
  newest, newest_q_values = exported(
    folder, f"env_steps-{record['env_steps']}", tmp_path / "by_name"
  )
  assert newest == record["env_steps"]
  assert np.array_equal(q_values, newest_q_values) == (best == newest)


def test_a_run_is_saved_when_the_evaluation_environment_cannot_be_made(
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
  folder = run_folder.RunFolder(tmp_path / "run")
  assert len(checkpoints.newest_first(folder.checkpoints)) == 1
  assert folder.traceback.read_text() == "its traceback"
