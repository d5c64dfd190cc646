"""A run folder as Python objects."""

import pytest

import agents_pipeline
from agents_pipeline import errors


def test_what_a_run_has_written(finished):
  _, trained = finished
  run = agents_pipeline.Run(trained.folder.root)
  assert (run.record["outcome"], run.record["seed"]) == ("finished", 3)
  assert run.experiment.agent.gamma == 0.75
  assert run.metrics["env_steps"].tolist() == [0, 10, 20, 40, 60]
  # Empty fields, such as the loss before training, are no numbers.
  losses = run.metrics["loss"]
  assert losses.dtype == float and losses.isna().tolist()[0]
  assert not losses.isna().tolist()[-1]
  assert len(run.episodes) == run.record["episodes"] > 2
  assert set(run.evaluations["env_steps"]) <= {0, 20, 40, 60}
  assert run.evaluation["environment"] == "FlappyBall-v0"
  assert run.report.read_text().startswith("<!doctype html>")
  assert run.video == run.folder.trained_video
  assert run.policy.about["seed"] == 3


def test_a_notebook_shows_the_result_and_the_learning_curve(finished):
  _, run = finished
  page = run._repr_html_()
  mean = run.evaluation["mean_return"]
  assert f"finished, mean return {mean:.2f} over 3 episodes" in page
  assert '<img alt="learning curve"' in page
  assert repr(run) == f"Run({str(run.folder.root)!r})"


def test_what_is_not_there_is_named(tmp_path):
  with pytest.raises(errors.UserError, match="expected a run folder, with run"):
    agents_pipeline.Run(tmp_path)
  (tmp_path / "run.json").write_text('{"outcome": "stopped", "starts": []}')
  run = agents_pipeline.Run(tmp_path)
  missing = "does not exist; the outcome of the run is 'stopped'"
  for name in ("metrics", "evaluation", "report", "video", "policy"):
    with pytest.raises(errors.UserError, match=missing):
      getattr(run, name)
  assert run._repr_html_() == f"<b>{tmp_path}</b>: stopped"
  (tmp_path / "run.json").unlink()  # removed meanwhile
  with pytest.raises(errors.UserError, match="outcome of the run is None"):
    run.policy  # noqa: B018


def test_tables_that_have_just_begun_have_their_columns(tmp_path):
  (tmp_path / "run.json").write_text('{"outcome": "running", "starts": []}')
  (tmp_path / "metrics.csv").write_text("env_steps,evaluation_return\n0,\n")
  (tmp_path / "episodes.csv").write_text("env_steps,episode_return\n")
  (tmp_path / "evaluation.json").write_text("")
  run = agents_pipeline.Run(tmp_path)
  assert run.metrics.dtypes.tolist() == [int, float]
  assert run.episodes.columns.tolist() == ["env_steps", "episode_return"]
  assert run.episodes.dtypes.tolist() == [float, float]
  with pytest.raises(errors.UserError, match="evaluation.json cannot be read"):
    run.evaluation  # noqa: B018
