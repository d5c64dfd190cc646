"""A new run that begins with the weights of a trained policy."""

import csv
import dataclasses

import numpy as np
import pytest
import small_runs
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.files import run_folder
from agents_pipeline.runs import checkpoints, export, initial_policy, run_record


def save_run(experiment, root):
  """A run folder as after training; returns its best and newest weights."""
  pipeline = building.build(experiment, seeding.Seeds(7))
  pipeline.best.offer(pipeline.network, 1.0, 50)
  best = weights(pipeline.network)
  for variable in pipeline.network.trainable_variables:
    variable.assign_add(0.5 * np.ones(variable.shape))
  run = run_folder.RunFolder(root)
  text = gin_files.to_text(experiment)
  run_record.write_text(run.config, text)
  run_record.write_json(run.run_record, {"seed": 0, "starts": []})
  saved = checkpoints.Checkpoints(run.checkpoints, pipeline.tracked)
  saved.save(checkpoints.About(60, text, {}))
  export.export_from_checkpoint(run, "best", run.policy, print)
  return run, best, weights(pipeline.network)


def weights(network):
  return [variable.numpy() for variable in network.variables]


def begin(experiment, path):
  pipeline = building.build(experiment, seeding.Seeds(0))
  experiment = dataclasses.replace(experiment, initial_policy=str(path))
  loaded = initial_policy.load(experiment, print)
  pipeline.begin_with(loaded)
  return pipeline


@pytest.mark.parametrize("agent", ["dqn", "rainbow", "a2c"])
def test_a_run_a_checkpoint_or_a_policy_gives_its_weights(agent, tmp_path):
  experiment = gin_files.load_experiment([], small_runs.bindings(agent))
  run, best, newest = save_run(experiment, tmp_path / "run")
  for path, expected in (
    (run.root, best),
    (run.policy, best),
    (run.checkpoints / "env_steps-60", newest),
  ):
    pipeline = begin(experiment, path)
    for found, wanted in zip(weights(pipeline.network), expected, strict=True):
      np.testing.assert_array_equal(found, wanted)
    if agent != "a2c":  # the target network as well
      target = pipeline.tracked["agent"]._target_q_network
      for found, wanted in zip(weights(target), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_what_does_not_fit_is_refused(tmp_path):
  experiment = gin_files.load_experiment([], small_runs.bindings("dqn"))
  run, _, _ = save_run(experiment, tmp_path / "run")
  tf.saved_model.save(tf.Module(), str(tmp_path / "foreign"))
  for changed, message in (
    ({"initial_policy": str(tmp_path / "foreign")}, "that this project exp"),
    ({"initial_policy": str(tmp_path)}, "expected a run folder, one of its"),
    (
      {
        "initial_policy": str(run.policy),
        "agent": gin_files.load_experiment(
          [], small_runs.bindings("a2c")
        ).agent,
      },
      "was trained by DQN; expected a policy of A2C",
    ),
  ):
    other = dataclasses.replace(experiment, **changed)
    with pytest.raises(errors.UserError, match=message):
      initial_policy.load(other, print)
  narrower = gin_files.load_experiment(
    [], [*small_runs.bindings("dqn"), "DqnConfig.hidden_layers = (5,)"]
  )
  given = dataclasses.replace(narrower, initial_policy=str(run.root))
  with pytest.raises(errors.UserError) as caught:
    initial_policy.load(given, print)
  assert str(caught.value) == (
    f"--initial_policy={str(run.root)!r} has weights of shapes 16x4, 16, 2x16, "
    "2; expected 5x4, 5, 2x5, 2"
  )


def test_it_is_evaluated_before_training_and_resumed_without_it(tmp_path):
  bindings = small_runs.bindings("dqn", num_env_steps=600)
  bindings.append("Adam.learning_rate = 0.01")
  experiment = gin_files.load_experiment([], bindings)
  first = small_runs.train(experiment, tmp_path / "first").folder
  newest = first.checkpoints / "env_steps-600"
  given = dataclasses.replace(experiment, initial_policy=str(newest))
  whole = small_runs.train(given, tmp_path / "whole").folder
  row = lambda folder, index: list(csv.DictReader(folder.metrics.open()))[index]
  evaluated = row(whole, 0)["evaluation_return"]
  assert evaluated == row(first, -1)["evaluation_return"]
  assert evaluated != row(first, 0)["evaluation_return"]
  small_runs.train(given, tmp_path / "parts", max_results=2)
  first.root.rename(tmp_path / "moved")
  parts = small_runs.train(given, tmp_path / "parts").folder
  assert parts.metrics.read_bytes() == whole.metrics.read_bytes()
  bound = f"Experiment.initial_policy = '{newest}'"
  assert bound in parts.config.read_text()
  with pytest.raises(errors.UserError, match="started with another config"):
    small_runs.train(experiment, tmp_path / "parts")
  with pytest.raises(errors.UserError, match="has begun .*None.; expected the"):
    small_runs.train(experiment, tmp_path / "parts", allow_changes=True)
