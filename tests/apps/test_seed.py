"""The seed is part of the configuration: config.gin gives the same run."""

import pathlib
import subprocess

import pytest
import starter

ROOT = pathlib.Path(__file__).parents[2]

TINY = """
Experiment.agent = @DqnConfig()
EnvironmentConfig.name = 'FlappyBall-v0'
TrainingConfig.num_env_steps = 300
TrainingConfig.log_period_env_steps = 50
EvaluationConfig.period_env_steps = 300
EvaluationConfig.num_episodes_while_training = 1
EvaluationConfig.num_episodes = 1
DqnConfig.hidden_layers = (8,)
DqnConfig.batch_size = 8
DqnConfig.num_random_env_steps = 50
DqnConfig.num_env_steps_before_training = 50
"""


@pytest.mark.slow
def test_config_gin_gives_the_same_run_whatever_flag_chose_its_seed(tmp_path):
  starting = starter.Starter()

  def train(name, gin_file, *flags):
    code, _, err = starting.run_app(
      "train",
      [f"--root_dir={tmp_path / name}", f"--gin_file={gin_file}", *flags],
      ROOT,
      replaced=["agents_pipeline.runs.videos:film"],
    )
    assert code == 0, err
    return (tmp_path / name / "metrics.csv").read_bytes()

  tiny = tmp_path / "tiny.gin"
  tiny.write_text(TINY)
  third = train("third", tiny, "--seed=3")
  again = tmp_path / "third" / "config.gin"
  assert "Experiment.seed = 3\n" in again.read_text()
  assert train("again", again) == third
  # The flag overrides, 0 too.
  assert train("zeroth", again, "--seed=0") != third
  starting.close()


def test_make_passes_a_seed_only_where_there_is_one():
  def typed(*words):
    made = subprocess.run(
      ["make", "--dry-run", "train", *words],
      cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return made.stdout

  assert "--seed" not in typed()
  assert "--seed=0" in typed("SEED=0")
