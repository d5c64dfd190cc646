"""Training from a notebook."""

import pytest
import small_runs

from agents_pipeline import errors
from agents_pipeline.evaluation import served_policy
from agents_pipeline.files import tables
from agents_pipeline.runs import notebook, run_record, training_run

CONFIG = "\n".join(
  small_runs.bindings("dqn", "FlappyBall-v0", num_env_steps=60)
)


def test_training_and_calling_it_again(tmp_path, capsys):
  gin_file, folder = tmp_path / "my.gin", tmp_path / "runs" / "first"
  gin_file.write_text(CONFIG)
  train = lambda *bindings, **fields: notebook.train(
    gin_file, str(folder), *bindings, device="cpu", **fields
  )
  run = train("DqnConfig.gamma = 0.75", seed=3)
  assert run.root == folder
  for path in (
    run.checkpoints,
    run.trained_video,
    run.random_video,
    run.tf_agents_policy,
    run.evaluation,
    run.learning_curve,
  ):
    assert path.exists(), path
  assert "DqnConfig.gamma = 0.75" in run.config.read_text()
  record = run_record.read(run.run_record)
  assert (record["outcome"], record["seed"]) == ("finished", 3)
  assert record["env_steps"] == 60 and record["train_steps"] == 50
  env_steps = [row["env_steps"] for row in tables.read(run.metrics)]
  assert env_steps == [0, 10, 20, 40, 60]
  assert len(tables.read(run.episodes)) == record["episodes"] > 2
  about = served_policy.LoadedPolicy(run.policy).about
  assert about["environment"] == "FlappyBall-v0"
  printed = capsys.readouterr().out
  assert "FlappyBall-v0: mean return" in printed and str(run.policy) in printed

  # The same call again has nothing left to do.
  again = train("DqnConfig.gamma = 0.75", seed=3)
  assert again.root == run.root
  assert f"{folder} is finished: 60 env steps" in capsys.readouterr().out
  assert run_record.read(run.run_record) == record

  # Another seed or configuration is refused.
  before = run.config.read_text()
  with pytest.raises(errors.UserError, match="gamma: 0.75 -> 0.99"):
    train(seed=3)
  with pytest.raises(errors.UserError, match="started with seed 3"):
    train("DqnConfig.gamma = 0.75")
  assert run.config.read_text() == before


def test_arguments_reach_the_run(tmp_path, monkeypatch, capsys):
  seen = {}

  def train(experiment, folder, *, device, overwrite, console):
    seen.update(
      name=experiment.environment.name, gamma=experiment.agent.gamma,
      root=folder.root, seed=experiment.seed, device=device,
      overwrite=overwrite,
    )  # fmt: skip
    assert not console.stop_requested()
    console.print("hello")

  monkeypatch.setattr(training_run, "train", train)
  gin_file = tmp_path / "my.gin"
  gin_file.write_text(CONFIG)
  notebook.train(
    str(gin_file), tmp_path / "run", "DqnConfig.gamma = 0.5", seed=7,
    device="gpu", overwrite=True,
  )  # fmt: skip
  expected = {"name": "FlappyBall-v0", "gamma": 0.5, "root": tmp_path / "run"}
  assert seen == expected | {"seed": 7, "device": "gpu", "overwrite": True}
  notebook.train(gin_file, tmp_path / "run")
  assert (seen["seed"], seen["device"], seen["overwrite"]) == (0, "auto", False)
  assert seen["gamma"] == 0.99
  # The seed is the configuration's, unless another is given; 0 is one.
  for fields, expected in (({}, 4), ({"seed": 7}, 7), ({"seed": 0}, 0)):
    notebook.train(gin_file, tmp_path, "Experiment.seed = 4", **fields)
    assert seen["seed"] == expected
  assert capsys.readouterr().out == "hello\n" * 5
  with pytest.raises(errors.UserError, match="Experiment.seed = -1: expected"):
    notebook.train(gin_file, tmp_path, seed=-1)
  # A binding that a later choice leaves unread is reported.
  notebook.train(gin_file, tmp_path, "DqnConfig.replay = @NewestTransition()")
  assert capsys.readouterr().out == (
    "DqnConfig.replay is @NewestTransition(): ReplayConfig.capacity_env_steps "
    "is read by nothing\nhello\n"
  )


def test_a_mistake_is_reported_before_anything_is_written(tmp_path):
  with pytest.raises(errors.UserError, match="does not exist"):
    notebook.train(tmp_path / "none.gin", tmp_path / "run")
  gin_file = tmp_path / "my.gin"
  gin_file.write_text(CONFIG)
  with pytest.raises(errors.UserError, match="gama"):
    notebook.train(gin_file, tmp_path / "run", "DqnConfig.gama = 0.5")
  assert not (tmp_path / "run").exists()
