"""Runs whose agent diverges: one line, and what was good is kept."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.config import seeding
from agents_pipeline.files import run_folder
from agents_pipeline.runs import (
  checkpoints,
  run_record,
  training_session,
  writers,
)

DIVERGES = (
  "Adam.learning_rate = 1e25",
  "DqnConfig.loss = 'squared'",
  "DqnConfig.num_env_steps_before_training = 150",
)


def fails(train, experiment, folder):
  with pytest.raises(errors.RunError) as caught:
    train(experiment, folder)
  assert "\n" not in str(caught.value)
  return str(caught.value)


def test_a_loss_that_is_not_finite(make_experiment, train, tmp_path):
  experiment = make_experiment(*DIVERGES)
  told = fails(train, experiment, "run")
  run = run_folder.RunFolder(tmp_path / "run")
  saved = run.checkpoints / "env_steps-100"
  assert told.startswith("diverged: loss is not finite at train step ")
  assert f"; saved: {saved} (episodes " in told
  assert "episode_return " in told.split("; saved")[1]
  assert [p.name for p in run.checkpoints.iterdir()] == [saved.name]
  assert run_record.read(run.run_record)["outcome"] == "failed"
  pipeline = building.build(experiment, seeding.Seeds(0))
  keeper = checkpoints.Checkpoints(run.checkpoints, pipeline.tracked)
  assert keeper.restore(print).env_steps == 100
  assert all(np.isfinite(v).all() for v in pipeline.network.variables)
  # It is the same run again: it diverges at the same step.
  assert fails(train, experiment, "run") == told


def test_a_weight_that_is_not_finite_is_neither_judged_nor_saved(
  make_experiment, train, tmp_path, monkeypatch
):
  """As a gradient that is not finite makes it, before any loss is."""
  iterate = training_session.TrainingSession._iterate

  def broken(self, tables):
    end, pipeline = self._pipeline.interval.end, self._pipeline

    def end_and_break(statistics):
      end(statistics)
      if int(statistics.env_steps) >= 200:
        pipeline.network.variables[0].assign_add(
          tf.fill(pipeline.network.variables[0].shape, np.inf)
        )

    monkeypatch.setattr(self._pipeline.interval, "end", end_and_break)
    iterate(self, tables)

  monkeypatch.setattr(training_session.TrainingSession, "_iterate", broken)
  told = fails(train, make_experiment(), "run")
  run = run_folder.RunFolder(tmp_path / "run")
  assert told.startswith("diverged: a weight of ")
  assert f"; saved: {run.checkpoints}/env_steps-100 (" in told
  assert [p.name for p in run.checkpoints.iterdir()] == ["env_steps-100"]
  assert writers.read(run.metrics)[-1]["env_steps"] == 200


def test_q_values_beyond_their_bound(make_experiment, train):
  """CartPole's q is above 1 within its first updates."""
  told = fails(train, make_experiment("DqnConfig.max_mean_q = 0.25"), "bounded")
  assert told.startswith(
    "diverged: mean_q is beyond plus or minus 0.25 at train step "
  )
  train(make_experiment("DqnConfig.max_mean_q = 1e6"), "free")
