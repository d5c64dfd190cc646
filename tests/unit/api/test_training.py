"""Training from a script or a notebook."""

import pytest
import small_runs

import agents_pipeline
from agents_pipeline import errors
from agents_pipeline.runs import training_run

CONFIG = "\n".join(
  small_runs.bindings("dqn", "FlappyBall-v0", num_env_steps=60)
)


def test_the_same_call_again_has_nothing_left_to_do(finished, capsys):
  gin_file, run = finished
  for path in (run.folder.checkpoints, run.folder.tf_agents_policy):
    assert path.exists(), path
  assert "DqnConfig.gamma = 0.75" in run.folder.config.read_text()
  record, before = run.record, run.folder.config.read_text()
  assert record["env_steps"] == 60 and record["train_steps"] == 50
  root = run.folder.root
  again = agents_pipeline.train(gin_file, root, seed=3, device="cpu")
  assert again.folder.root == root
  assert f"{root} is finished: 60 env steps" in capsys.readouterr().out
  assert run.record == record

  # Another seed or configuration is refused.
  other = agents_pipeline.load_experiment(gin_file, "DqnConfig.gamma = 0.99")
  with pytest.raises(errors.UserError, match="gamma: 0.75 -> 0.99"):
    agents_pipeline.train(other, root, seed=3)
  with pytest.raises(errors.UserError, match="started with seed 3"):
    agents_pipeline.train(gin_file, root)
  assert run.folder.config.read_text() == before


@pytest.fixture
def seen(monkeypatch):
  """The arguments of the last call; nothing is trained."""
  calls = {}

  def train(experiment, folder, *, console, **fields):
    calls.update(experiment=experiment, root=folder.root, **fields)
    folder.root.mkdir(exist_ok=True)
    folder.run_record.write_text('{"outcome": "stopped", "starts": []}')
    assert not console.stop_requested()
    console.print("hello")

  monkeypatch.setattr(training_run, "train", train)
  return calls


def test_arguments_reach_the_run(tmp_path, seen, capsys):
  gin_file = tmp_path / "my.gin"
  gin_file.write_text(CONFIG)
  train, load = agents_pipeline.train, agents_pipeline.load_experiment
  train(load(gin_file, "DqnConfig.gamma = 0.5"), tmp_path / "run")
  assert seen.pop("experiment").agent.gamma == 0.5
  assert seen == {
    "root": tmp_path / "run", "device": "auto", "deterministic": True,
    "overwrite": False, "allow_changes": False,
  }  # fmt: skip
  changed = {
    "device": "gpu", "deterministic": False, "overwrite": True,
    "allow_changes": True,
  }  # fmt: skip
  run = train(str(gin_file), tmp_path / "run", **changed)
  assert run.folder.root == tmp_path / "run"
  assert seen.pop("experiment").environment.name == "FlappyBall-v0"
  assert seen == {"root": tmp_path / "run"} | changed
  # The seed is the configuration's, unless another is given; 0 is one.
  experiment = load(gin_file, ["Experiment.seed = 4"])
  for fields, expected in (({}, 4), ({"seed": 7}, 7), ({"seed": 0}, 0)):
    train(experiment, tmp_path, **fields)
    assert seen["experiment"].seed == expected
  with pytest.raises(errors.UserError, match="Experiment.seed = -1: expected"):
    train(gin_file, tmp_path, seed=-1)
  assert capsys.readouterr().out == "hello\n" * 5


def test_experiments_are_loaded_as_the_command_loads_them(tmp_path, capsys):
  load = agents_pipeline.load_experiment
  # A configuration of the package, found from any folder.
  shipped = load("dqn_cartpole.gin", "DqnConfig.gamma = 0.5")
  assert shipped.agent.gamma == 0.5
  assert shipped.environment.name == "CartPole-v1"
  # What fits an environment, with a line on what was chosen.
  capsys.readouterr()
  chosen = load(environment="CartPole-v1", gin_bindings="Experiment.seed = 4")
  assert chosen.environment.name == "CartPole-v1" and chosen.seed == 4
  assert "CartPole-v1" in capsys.readouterr().out
  # A binding that a later choice leaves unread is reported.
  gin_file = tmp_path / "my.gin"
  gin_file.write_text(CONFIG)
  load(gin_file, "DqnConfig.replay = @NewestTransition()")
  assert capsys.readouterr().out == (
    "DqnConfig.replay is @NewestTransition(): ReplayConfig.capacity_env_steps "
    "is read by nothing\n"
  )


def test_a_mistake_is_reported_before_anything_is_written(tmp_path):
  with pytest.raises(errors.UserError, match="does not exist"):
    agents_pipeline.train(tmp_path / "none.gin", tmp_path / "run")
  with pytest.raises(errors.UserError, match="gama"):
    agents_pipeline.load_experiment("dqn_cartpole.gin", "DqnConfig.gama = 0.5")
  for fields in ({}, {"gin_file": "a.gin", "environment": "CartPole-v1"}):
    with pytest.raises(errors.UserError, match="expected one of them"):
      agents_pipeline.load_experiment(**fields)
  assert not (tmp_path / "run").exists()
