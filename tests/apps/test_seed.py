"""The seed is part of the configuration: config.gin gives the same run."""

import pathlib
import subprocess

import pytest
import small_runs

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.slow
def test_config_gin_gives_the_same_run_whatever_flag_chose_its_seed(
  starting, tmp_path
):
  def train(name, gin_file, *flags):
    code, _, err = starting.run_app(
      "train",
      [f"--root_dir={tmp_path / name}", f"--gin_file={gin_file}", *flags],
      ROOT,
      replaced=["agents_pipeline.runs.videos:try_record"],
    )
    assert code == 0, err
    return (tmp_path / name / "metrics.csv").read_bytes()

  small = tmp_path / "small.gin"
  small.write_text("\n".join(small_runs.bindings("dqn", "FlappyBall-v0")))
  third = train("third", small, "--seed=3")
  again = tmp_path / "third" / "config.gin"
  assert "Experiment.seed = 3\n" in again.read_text()
  assert train("again", again) == third
  # The flag overrides, 0 too.
  assert train("zeroth", again, "--seed=0") != third


def test_make_passes_a_seed_only_if_given():
  def command(*words):
    made = subprocess.run(
      ["make", "--dry-run", "train", *words],
      cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return made.stdout

  assert "--seed" not in command()
  assert "--seed=0" in command("SEED=0")
