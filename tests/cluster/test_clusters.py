"""Searches and training on a cluster of two nodes, of which one is killed."""

import importlib.util
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import local_cluster
import pytest
import small_runs

pytestmark = [
  pytest.mark.slow,
  pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray: make scale"
  ),
]
HERE = pathlib.Path(__file__).parent
EXPERIMENT = [
  *small_runs.bindings(environment="mortal:Mortal-v0", num_env_steps=600),
  "EnvironmentConfig.num_envs = 2",
  "EnvironmentConfig.arguments = {'seconds': 0.02}",
  "TrainingConfig.log_period_env_steps = 50",  # to see where it is
]


@pytest.fixture(scope="module")
def cluster(starting):
  # Not pytest's folder: paths of sockets have at most 107 characters.
  with tempfile.TemporaryDirectory() as folder:
    started = local_cluster.Cluster(pathlib.Path(folder), starting.environ)
    yield started
    started.close()


def start(binary, root, environ, *flags):
  return subprocess.Popen(
    [
      sys.executable,
      "-m",
      f"agents_pipeline.apps.{binary}",
      *small_runs.flags(root, EXPERIMENT),
      *flags,
    ],
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    env=environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])},
  )


def sweep(root, environ, *flags):
  """A search by Optuna of two trials."""
  varied = "--vary=DqnConfig.gamma = uniform(0.5, 0.9)"
  search = ("--num_trials=2", "--at_once=2")
  return start("sweep", root, environ, varied, *search, *flags)


def end(process, expected_code=0):
  out, _ = process.communicate(timeout=300)
  assert process.returncode == expected_code, out
  return out


def rows_of(root, trials=("000", "001")):
  """How much the run that has written least of it has written."""
  metrics = [root / f"trials/{trial}/seed_0/metrics.csv" for trial in trials]
  return min(
    path.read_text().count("\n") if path.exists() else 0 for path in metrics
  )


def wait_until(process, condition):
  """Waits for something that happens while a process runs."""
  deadline = time.monotonic() + 200
  while not condition():
    assert process.poll() is None, process.stdout.read()
    assert time.monotonic() < deadline
    time.sleep(0.05)


def wait_for_rows(process, root, num_rows, **trials):
  """Waits until more is written."""
  wait_until(process, lambda: rows_of(root, **trials) > num_rows)


@pytest.fixture(scope="module")
def expected(starting, tmp_path_factory):
  """A sweep of this machine's processes."""
  root = tmp_path_factory.mktemp("sweeps") / "processes"
  end(sweep(root, starting.environ))
  return root


def assert_same(root, expected):
  names = ["trials.csv", "best.gin"]
  for trial in ("000", "001"):
    for name in ("metrics.csv", "episodes.csv", "evaluation.json"):
      names.append(f"trials/{trial}/seed_0/{name}")
  for name in names:
    assert (root / name).read_bytes() == (expected / name).read_bytes(), name


def test_a_sweep_survives_a_stop_its_driver_an_actor_and_a_node(
  cluster, expected, tmp_path
):
  root, address = tmp_path / "sweep", f"--address={cluster.address}"
  process = sweep(root, cluster.environ, address)
  wait_for_rows(process, root, 2)  # by then all is compiled, both have saved
  process.send_signal(signal.SIGTERM)
  assert "the same command resumes" in end(process, 143)

  process = sweep(root, cluster.environ, address)
  wait_for_rows(process, root, rows_of(root))
  for trial in ("000", "001"):
    log = root / f"trials/{trial}/seed_0.log"
    wait_until(process, lambda log=log: "resuming at" in log.read_text())
  process.kill()  # the same command goes on
  end(process, -signal.SIGKILL)

  process = sweep(root, cluster.environ, address)
  wait_for_rows(process, root, rows_of(root))
  for actor in cluster.actors("ray::_Trainer"):
    actor.kill()
  wait_for_rows(process, root, rows_of(root))
  cluster.kill_node()
  out = end(process)
  assert "(raylet)" not in out
  assert_same(root, expected)
  cluster.add_node()


def test_environments_survive_a_node(cluster, expected, tmp_path):
  root, first = (path / "trials/000/seed_0" for path in (tmp_path, expected))
  gamma = re.search(r"DqnConfig.gamma = .*", (first / "config.gin").read_text())
  process = start(
    "train",
    root,
    cluster.environ,
    f"--gin_bindings={gamma[0]}",
    "--gin_bindings=EnvironmentConfig.vectorization = 'ray'",
    f"--address={cluster.address}",
  )
  wait_for_rows(process, tmp_path, 2, trials=("000",))
  cluster.kill_node()
  end(process)
  cluster.add_node()
  for name in ("metrics.csv", "episodes.csv", "evaluation.json"):
    assert (root / name).read_bytes() == (first / name).read_bytes(), name


def test_an_address_without_a_cluster_is_one_line(tmp_path):
  process = sweep(tmp_path / "sweep", dict(os.environ), "--address=127.0.0.1:9")
  out = end(process, 2)
  assert out.startswith("error: --address='127.0.0.1:9': cannot connect")
  assert out.count("\n") == 1
  assert not (tmp_path / "sweep").exists()
