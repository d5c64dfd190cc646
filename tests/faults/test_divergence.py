"""Diverging runs: a one-line error, and the good checkpoints are kept."""

import numpy as np
import pytest
import small_runs
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.config import seeding
from agents_pipeline.files import run_folder, tables
from agents_pipeline.runs import checkpoints, run_record

DIVERGES = (
  "Adam.learning_rate = 1e25",
  "DqnConfig.num_env_steps_before_training = 150",
)


def fails(train, experiment, name, **fields):
  """Trains; returns the one line of the error that ends it."""
  with pytest.raises(errors.RunError) as caught:
    train(experiment, name, **fields)
  assert "\n" not in str(caught.value)
  return str(caught.value)


@pytest.mark.parametrize("agent", small_runs.agents("dqn", "rainbow"))
def test_a_non_finite_loss(make_experiment_of, train_apart, tmp_path, agent):
  """Compiled: in a graph, TensorFlow's checks would raise before ours."""
  experiment = make_experiment_of(agent)(*DIVERGES)
  message = fails(train_apart, experiment, "run", xla=True)
  run = run_folder.RunFolder(tmp_path / "run")
  saved = run.checkpoints / "env_steps-100"
  assert message.startswith("diverged: loss is not finite at train step ")
  assert f"; saved: {saved} (episodes " in message
  assert "episode_return " in message.split("; saved")[1]
  assert [p.name for p in run.checkpoints.iterdir()] == [saved.name]
  assert run_record.read(run.run_record)["outcome"] == "failed"
  pipeline = building.build(experiment, seeding.Seeds(0))
  restored = checkpoints.Checkpoints(run.checkpoints, pipeline.tracked)
  assert restored.restore(print).env_steps == 100
  assert all(np.isfinite(v).all() for v in pipeline.network.variables)
  # The same run again: it diverges at the same step.
  assert fails(train_apart, experiment, "run", xla=True) == message


class Sabotage(small_runs.ResultCounter):
  """Makes a weight infinite after env step 200 is logged.

  As a gradient that is not finite does, before any loss is.
  """

  def __init__(self, run, resumed_at):
    super().__init__()
    self._weights = run.pipeline.network.variables[0]

  def write(self, entry):
    if entry.metrics["env_steps"] >= 200:
      self._weights.assign_add(tf.fill(self._weights.shape, np.inf))


def test_non_finite_weights_are_neither_evaluated_nor_saved(
  make_simple_and_combined, train, tmp_path
):
  experiment = make_simple_and_combined()
  message = fails(train, experiment, "run", extra_sinks=[Sabotage])
  run = run_folder.RunFolder(tmp_path / "run")
  assert message.startswith("diverged: a weight of ")
  assert f"; saved: {run.checkpoints}/env_steps-100 (" in message
  assert [p.name for p in run.checkpoints.iterdir()] == ["env_steps-100"]
  assert tables.read(run.metrics)[-1]["env_steps"] == 200


@pytest.mark.parametrize("agent", small_runs.agents("dqn", "qr_dqn", "c51"))
def test_q_values_beyond_their_bound(make_experiment_of, train, agent):
  """CartPole's q is above 1 within its first updates."""
  make = make_experiment_of(agent)
  experiment = make("DqnConfig.max_mean_q = 0.25")
  assert fails(train, experiment, "bounded").startswith(
    "diverged: mean_q is beyond plus or minus 0.25 at train step "
  )
  train(make("DqnConfig.max_mean_q = 1e6"), "free")
