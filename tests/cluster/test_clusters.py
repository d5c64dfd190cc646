"""Sweeps and training on a cluster of two nodes, of which one is killed."""

import importlib.util
import os
import pathlib
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
]


@pytest.fixture(scope="module")
def cluster():
  # Not pytest's folder: paths of sockets have at most 107 characters.
  with tempfile.TemporaryDirectory() as folder:
    started = local_cluster.Cluster(pathlib.Path(folder))
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
  varied = "--vary=DqnConfig.gamma = [0.5, 0.9]"
  return start("sweep", root, environ, varied, "--at_once=2", *flags)


def end(process, expected_code=0):
  out, _ = process.communicate(timeout=300)
  assert process.returncode == expected_code, out
  return out


def wait_for_rows(process, root, num_rows):
  """Waits until the first run of a sweep has written so much."""
  metrics = root / "trials/000/seed_0/metrics.csv"
  deadline = time.monotonic() + 200
  while not metrics.exists() or metrics.read_text().count("\n") <= num_rows:
    assert process.poll() is None, process.stdout.read()
    assert time.monotonic() < deadline
    time.sleep(0.05)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
  """A sweep of this machine's processes."""
  root = tmp_path_factory.mktemp("sweeps") / "processes"
  end(sweep(root, dict(os.environ)))
  return root


def assert_same(root, expected):
  names = ["trials.csv", "best.gin"]
  for trial in ("000", "001"):
    for name in ("metrics.csv", "episodes.csv", "evaluation.json"):
      names.append(f"trials/{trial}/seed_0/{name}")
  for name in names:
    assert (root / name).read_bytes() == (expected / name).read_bytes(), name


def test_a_sweep_survives_a_node_and_its_driver(cluster, expected, tmp_path):
  root, address = tmp_path / "sweep", f"--address={cluster.address}"
  process = sweep(root, cluster.environ, address)
  wait_for_rows(process, root, 1)
  process.kill()  # the same command goes on
  end(process, -signal.SIGKILL)

  process = sweep(root, cluster.environ, address)
  wait_for_rows(process, root, 2)
  cluster.kill_node()
  out = end(process)
  assert "(raylet)" not in out
  assert_same(root, expected)
  cluster.add_node()


def test_a_sweep_that_is_stopped_saves(cluster, expected, tmp_path):
  root, address = tmp_path / "sweep", f"--address={cluster.address}"
  process = sweep(root, cluster.environ, address)
  wait_for_rows(process, root, 2)  # by then all is compiled
  process.send_signal(signal.SIGTERM)
  assert "the same command goes on" in end(process, 143)
  end(sweep(root, cluster.environ, address))
  for trial in ("000", "001"):  # both had saved
    assert "resuming at" in (root / f"trials/{trial}/seed_0.log").read_text()
  assert_same(root, expected)


def test_environments_survive_a_node(cluster, expected, tmp_path):
  root = tmp_path / "trials/000/seed_0"
  process = start(
    "train",
    root,
    cluster.environ,
    "--gin_bindings=DqnConfig.gamma = 0.5",
    "--gin_bindings=EnvironmentConfig.vectorization = 'ray'",
    f"--address={cluster.address}",
  )
  wait_for_rows(process, tmp_path, 2)
  cluster.kill_node()
  end(process)
  cluster.add_node()
  for name in ("metrics.csv", "episodes.csv", "evaluation.json"):
    one, other = (p / "trials/000/seed_0" / name for p in (tmp_path, expected))
    assert one.read_bytes() == other.read_bytes(), name


def test_an_address_without_a_cluster_is_one_line(tmp_path):
  process = sweep(tmp_path / "sweep", dict(os.environ), "--address=127.0.0.1:9")
  out = end(process, 2)
  assert out.startswith("error: --address='127.0.0.1:9': cannot connect")
  assert out.count("\n") == 1
  assert not (tmp_path / "sweep").exists()
