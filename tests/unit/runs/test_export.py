"""Exports: whose weights they have, and of which checkpoint."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.trajectories import time_step as ts

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.evaluation import loaded_policy
from agents_pipeline.files import run_folder
from agents_pipeline.runs import checkpoints, console, export, run_record
from agents_pipeline.runs import run as run_lib


def test_what_is_no_run_or_no_checkpoint_of_it_is_rejected(tmp_path):
  run = run_folder.RunFolder(tmp_path / "run")
  export_ = lambda name: export.export_from_checkpoint(
    run, name, tmp_path / "policy", print
  )
  with pytest.raises(errors.UserError, match="expected a run folder, with"):
    export_("best")
  run_record.write_json(run.run_record, {})
  with pytest.raises(errors.UserError, match="there is no checkpoint yet"):
    export_("best")
  for name in ("env_steps-10", "env_steps-200"):
    (run.checkpoints / name).mkdir(parents=True)
  for typed, nearest in (
    ("env_steps-20", "; did you mean 'env_steps-200'?"),
    ("elsewhere/env_steps-10", "; did you mean 'env_steps-10'?"),
    ("newest", "; did you mean 'best'?"),
  ):
    with pytest.raises(errors.UserError) as caught:
      export_(typed)
    assert str(caught.value) == (
      f"--checkpoint={typed!r}: expected one of best, latest, "
      "env_steps-10, env_steps-200"
      f"{nearest}"
    )
  assert not (tmp_path / "policy").exists()


def test_exports_of_a_checkpoint_have_running_statistics(
  make_experiment, tmp_path
):
  experiment = make_experiment("DqnConfig.batch_normalization = True")
  seeds = seeding.Seeds(0)
  pipeline = building.build(experiment, seeds)
  x = np.random.default_rng(0).normal(2, 3, (50, 4)).astype(np.float32)
  for _ in range(20):
    pipeline.network(tf.constant(x), training=True)
  expected = pipeline.network(tf.constant(x))[0].numpy()
  pipeline.best.offer(pipeline.network, 1.0, 50)
  for _ in range(20):  # the newest is another than the best
    pipeline.network(tf.constant(x), training=True)
  newest = pipeline.network(tf.constant(x))[0].numpy()
  assert np.abs(newest - expected).max() > 1e-3
  run = run_folder.RunFolder(tmp_path / "run")
  run_record.write_text(run.config, gin_files.to_text(experiment))
  run_record.write_json(run.run_record, {"seed": 0})
  saved = checkpoints.Checkpoints(run.checkpoints, pipeline.tracked)
  saved.save(checkpoints.About(0, gin_files.to_text(experiment), {}))
  for checkpoint, q_values in (
    ("best", expected),
    ("latest", newest),
    ("env_steps-0", newest),
  ):
    export.export_from_checkpoint(run, checkpoint, tmp_path / "policy", print)
    loaded = loaded_policy.load_signature(tmp_path / "policy")
    found = loaded(observation=tf.constant(x))["q_values"]
    np.testing.assert_allclose(found, q_values, rtol=1e-4, atol=1e-6)
  export.export_best(
    run_lib.Run(experiment, run, pipeline, seeds, saved, console.Console(print))
  )
  served = loaded_policy.load_signature(run.policy)(observation=tf.constant(x))
  np.testing.assert_allclose(served["q_values"], expected, rtol=1e-4, atol=1e-6)
  # TF-Agents' own format as well.
  theirs = tf.saved_model.load(str(run.tf_agents_policy))
  step = ts.restart(tf.constant(x), 50)
  np.testing.assert_array_equal(
    theirs.action(step).action, np.argmax(expected, axis=1)
  )


def test_a_policy_has_the_result_of_the_evaluation_that_was_its_own(
  make_experiment, tmp_path
):
  experiment = make_experiment("Experiment.seed = 4")
  seeds = seeding.Seeds(4)
  pipeline = building.build(experiment, seeds)
  pipeline.best.offer(pipeline.network, 1.0, 50)
  run = run_folder.RunFolder(tmp_path / "run")
  run_record.write_json(run.run_record, {"seed": 4})
  saved = checkpoints.Checkpoints(run.checkpoints, pipeline.tracked)
  saved.save(checkpoints.About(0, gin_files.to_text(experiment), {}))
  export.export_best(
    run_lib.Run(experiment, run, pipeline, seeds, saved, console.Console(print))
  )
  about = loaded_policy.read_about(run.policy)
  assert (about["env_steps"], about["seed"], about["agent"]) == (50, 4, "dqn")
  assert about["packages"].keys() >= {"tensorflow", "agents_pipeline", "python"}
  assert "result" not in about
  result = {
    "mean_return": 12.5,
    "interval_95": [10.0, 15.0],
    "standard_deviation": 3.0,
    "num_episodes": 20,
  }
  run_record.write_json(
    run.evaluation, result | {"policy_env_steps": 50, "greedy": True}
  )
  export.add_result(run)
  assert loaded_policy.read_about(run.policy) == about | {"result": result}
  assert "Mean return **12.50** over 20" in (
    run.policy / "README.md"
  ).read_text("utf-8")
  for checkpoint, expected in (("best", result), ("env_steps-0", None)):
    folder = tmp_path / checkpoint
    export.export_from_checkpoint(run, checkpoint, folder, print, "tflite")
    found = json.loads((folder / "policy.json").read_text("utf-8"))
    assert found.get("result") == expected
    assert found["format"] == "tflite"
  run.evaluation.write_text("{")
  with pytest.raises(errors.UserError, match="evaluation.json cannot be read"):
    export.export_from_checkpoint(run, "best", tmp_path / "again", print)
