"""Training from a script or a notebook."""

import numpy as np
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
  train(experiment, tmp_path, seed=np.int64(2))
  assert seen["experiment"].seed == 2
  assert capsys.readouterr().out == "hello\n" * 6


@pytest.mark.parametrize(
  ("fields", "message"),
  [
    ({"seed": -1}, "seed=-1: expected a whole number in [0, 9007199254740992]"),
    (
      {"seed": "3"},
      "seed='3': expected a whole number in [0, 9007199254740992]",
    ),
    ({"overwrite": "False"}, "overwrite='False': expected True or False"),
    ({"allow_changes": 1}, "allow_changes=1: expected True or False"),
    ({"root_dir": ""}, "root_dir='': expected a run folder"),
    ({"root_dir": None}, "root_dir=None: expected a path"),
    (
      {"experiment": None},
      "experiment=None: expected what `load_experiment` returns, or a gin file",
    ),
  ],
)
def test_wrong_arguments_are_named_in_one_line(
  fields, message, tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  right = {"experiment": "dqn_cartpole.gin", "root_dir": "run"}
  with pytest.raises(errors.UserError) as caught:
    agents_pipeline.train(**right | fields)
  assert str(caught.value) == message
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("bindings", [3, None, [3], ["Experiment.seed = 1", 3]])
def test_bindings_are_text(bindings):
  with pytest.raises(errors.UserError, match=r"^binding (3|None): expected"):
    agents_pipeline.load_experiment("dqn_cartpole.gin", bindings)


def test_wrong_paths_are_named():
  for wrong in (3, ["a.gin"]):
    with pytest.raises(errors.UserError, match=r"^--gin_file.*a path"):
      agents_pipeline.load_experiment(wrong)
    with pytest.raises(errors.UserError, match=r"^policy_dir=.*a path"):
      agents_pipeline.Policy(wrong)
  with pytest.raises(errors.UserError, match="^policy_dir='none': expected a"):
    agents_pipeline.Policy("none")


def test_experiments_are_loaded_as_the_command_loads_them(tmp_path, capsys):
  load = agents_pipeline.load_experiment
  # A configuration of the package, found from any folder.
  shipped = load("dqn_cartpole.gin", "DqnConfig.gamma = 0.5")
  assert shipped.agent.gamma == 0.5
  assert shipped.environment.name == "CartPole-v1"
  # Bindings may come from an iterator.
  for bindings in (iter(["DqnConfig.gamma = 0.5"]), {"DqnConfig.gamma = 0.5"}):
    assert load("dqn_cartpole.gin", bindings).agent.gamma == 0.5
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
  with pytest.raises(errors.UserError, match="did you mean 'dqn_cartpole.gin'"):
    agents_pipeline.load_experiment("dqn_cartpol.gin")
  with pytest.raises(errors.UserError, match="'.' is a folder"):
    agents_pipeline.load_experiment(".")
  for fields in ({}, {"gin_file": "a.gin", "environment": "CartPole-v1"}):
    with pytest.raises(errors.UserError, match="expected one of them"):
      agents_pipeline.load_experiment(**fields)
  assert not (tmp_path / "run").exists()
