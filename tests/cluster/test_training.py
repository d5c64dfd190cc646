"""Training on environments in Ray actors, killed and resumed."""

import importlib.util
import os
import pathlib
import signal
import subprocess
import sys
import time

import mortal
import psutil
import pytest
import small_runs

from agents_pipeline.files import run_folder

pytestmark = [
  pytest.mark.slow,
  pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray: make scale"
  ),
]
EXPERIMENT = [
  *small_runs.bindings(environment="mortal:Mortal-v0", num_env_steps=600),
  "EnvironmentConfig.num_envs = 3",
  "EnvironmentConfig.arguments = {'seconds': 0.02}",
  "EvaluationConfig.keeps_environments = 'training'",  # in the actors
]
ON_RAY = "EnvironmentConfig.vectorization = 'ray'"
HERE = str(pathlib.Path(__file__).parent)


@pytest.fixture(scope="module")
def start(starting):
  """Starts `train`; its processes share what they compile."""

  def start_training(root, *more, allow_changes=False):
    path = os.pathsep.join([HERE, starting.environ["PYTHONPATH"], *sys.path])
    return psutil.Popen(
      [
        sys.executable,
        "-m",
        "agents_pipeline.apps.train",
        *small_runs.flags(root, [*EXPERIMENT, *more]),
        *["--allow_changes"] * allow_changes,
      ],
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
      env=starting.environ | {"PYTHONPATH": path},
    )

  return start_training


def wait_for_rows(process, root, num_rows):
  """Waits until a run has written so much."""
  metrics = run_folder.RunFolder(root).metrics
  deadline = time.monotonic() + 120
  while not metrics.exists() or metrics.read_text().count("\n") <= num_rows:
    assert process.poll() is None, process.stdout.read()
    assert time.monotonic() < deadline
    time.sleep(0.05)


def end(process):
  out, _ = process.communicate(timeout=200)
  return process.returncode, out


@pytest.fixture(scope="module")
def expected(start, tmp_path_factory):
  """A run with all environments in its own process."""
  root = tmp_path_factory.mktemp("runs") / "sync"
  code, out = end(start(root))
  assert code == 0, out
  return root


def assert_same(root, expected):
  for name in ("metrics.csv", "episodes.csv", "evaluation.json"):
    assert (root / name).read_bytes() == (expected / name).read_bytes(), name


def test_three_actors_are_killed_and_nothing_shows(start, expected, tmp_path):
  process = start(tmp_path / "run", ON_RAY)
  for num_rows in range(1, 3):
    wait_for_rows(process, tmp_path / "run", num_rows)
    alive = mortal.actors_of(process)
    alive[0].kill()
    if num_rows == 2:
      alive[1].kill()
  code, out = end(process)
  assert code == 0, out
  assert_same(tmp_path / "run", expected)
  assert "(raylet)" not in out  # its messages of actors that died


def test_stopped_and_killed_it_is_resumed_to_the_same_bytes(
  start, expected, tmp_path
):
  root = tmp_path / "run"
  process = start(root, ON_RAY)
  wait_for_rows(process, root, 2)
  process.send_signal(signal.SIGTERM)  # Ray's own handler would abort
  code, out = end(process)
  assert code == 143, out
  assert "saved" in out

  process = start(root, ON_RAY)
  wait_for_rows(process, root, 4)
  mine = mortal.actors_of(process)
  assert len(mine) == 3
  process.kill()
  end(process)
  _, alive = psutil.wait_procs(mine, timeout=30)
  assert alive == []

  code, out = end(start(root, allow_changes=True))  # without Ray
  assert code == 0, out
  assert_same(root, expected)
