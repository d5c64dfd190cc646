"""`python -m agents_pipeline`, and the configurations that come with it."""

import importlib.util
import subprocess
import sys

from agents_pipeline import __main__ as main
from agents_pipeline.config import gin_files


def run(*arguments, **kwargs):
  return subprocess.run(
    [sys.executable, "-m", "agents_pipeline", *arguments],
    capture_output=True,
    text=True,
    **kwargs,
  )


def test_every_command_is_a_binary():
  for name in main.COMMANDS:
    assert importlib.util.find_spec(f"agents_pipeline.apps.{name}")


def test_it_runs_a_command_with_its_flags():
  done = run("train", "--help_config=VideoConfig")
  assert done.returncode == 0 and done.stdout.startswith("VideoConfig: ")
  listed = run("compare", "--help").stdout
  assert "python -m agents_pipeline.apps.compare" in listed


def test_without_a_command_it_lists_them_and_a_wrong_one_is_refused():
  done = run()
  assert done.returncode == 0
  assert all(f"  {name} " in done.stdout for name in main.COMMANDS)
  done = run("trian")
  assert done.returncode == 2
  assert done.stderr == (
    "error: 'trian' is no command; expected one of train, sweep, evaluate, "
    "record_video, export_policy, compare; did you mean 'train'?\n"
  )


def test_a_configuration_is_found_by_its_name_from_any_folder(
  tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  experiment = gin_files.load_experiment(["dqn_cartpole.gin"])
  assert experiment.environment.name == "CartPole-v1"
  (tmp_path / "dqn_cartpole.gin").write_text(
    "Experiment.agent = @A2cConfig()\n"
    "EnvironmentConfig.name = 'Acrobot-v1'\n"
    "TrainingConfig.num_env_steps = 1_000\n"
  )
  experiment = gin_files.load_experiment(["dqn_cartpole.gin"])
  assert experiment.environment.name == "Acrobot-v1"  # one's own comes first
