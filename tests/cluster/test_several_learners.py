"""Two learners on a Ray of this machine: beside one, killed and stopped."""

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import small_runs

from agents_pipeline.files import run_folder, tables

pytestmark = [
  pytest.mark.slow,
  pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray: make scale"
  ),
]
# In a longer run, rounding grows until an episode differs.
EXPERIMENT = [
  *small_runs.bindings("a2c", num_env_steps=12_000),
  "TrainingConfig.log_period_env_steps = 1_200",
  "TrainingConfig.checkpoint_period_env_steps = 1_200",
]
TWO_LEARNERS = "TrainingConfig.num_learners = 2"


def start(root, *more):
  return psutil.Popen(
    [
      sys.executable,
      "-m",
      "agents_pipeline.apps.train",
      "--device=cpu",
      *small_runs.flags(root, [*EXPERIMENT, *more]),
    ],
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
  )


def end(process, expected_code=0):
  out, _ = process.communicate(timeout=300)
  assert process.returncode == expected_code, out
  return out


def wait_for(process, is_there):
  deadline = time.monotonic() + 200
  while not (found := is_there()):
    assert process.poll() is None, process.stdout.read()
    assert time.monotonic() < deadline
    time.sleep(0.05)
  return found


def num_rows(root):
  metrics = run_folder.RunFolder(root).metrics
  return metrics.read_text().count("\n") if metrics.exists() else 0


def learner(root):
  """The process that writes a folder; None while there is none."""
  lock = root / ".lock"
  found = re.match(r"process (\d+)", lock.read_text() if lock.exists() else "")
  return int(found[1]) if found else None


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
  """Runs of two learners and of one that nothing happens to.

  They go on beside the first test, as processes that start leave a core idle.

  Yields:
    A function of a run's name, "two" or "one", that starts it; and one to its
    folder, when it has ended.
  """
  folder, processes, begun = tmp_path_factory.mktemp("runs"), {}, set()

  def begin(name):
    begun.add(name)
    more = (TWO_LEARNERS,) if name == "two" else ()
    processes[name] = start(folder / name, *more)

  def ended(name):
    if name not in begun:  # where one test is run alone
      begin(name)
    if process := processes.pop(name, None):
      end(process)
    return folder / name

  yield begin, ended
  for process in processes.values():  # of tests that failed
    process.kill()
    process.communicate()


def test_killed_and_stopped_they_end_with_the_same_bytes(untouched, tmp_path):
  begin, ended = untouched
  root = tmp_path / "run"
  process = start(root, TWO_LEARNERS)
  begin("one")
  # After the second interval, all have saved the first.
  wait_for(process, lambda: num_rows(root) > 3)
  begin("two")  # one Ray after the other: starting takes both cores
  assert_only_this_machine_is_listened_to(process)
  second = learner(root / "learners/1")
  os.kill(second, signal.SIGKILL)
  wait_for(process, lambda: learner(root / "learners/1") not in (None, second))
  at_the_kill = num_rows(root)
  wait_for(process, lambda: num_rows(root) > at_the_kill)
  process.send_signal(signal.SIGTERM)
  out = end(process, 143)
  assert "learner 1 of the run ended by signal 9: all begin again" in out
  assert "resuming at" in out
  assert "the same command resumes" in out
  assert "Traceback" not in out

  end(start(root, TWO_LEARNERS))
  expected = ended("two")
  for name in ("metrics.csv", "episodes.csv", "evaluation.json"):
    assert (root / name).read_bytes() == (expected / name).read_bytes(), name


def test_two_learners_give_the_run_of_one(untouched):
  _, ended = untouched
  one, two = (run_folder.RunFolder(ended(name)) for name in ("one", "two"))
  assert one.episodes.read_bytes() == two.episodes.read_bytes()
  rows = [tables.read(folder.metrics) for folder in (one, two)]
  assert len(rows[0]) == len(rows[1]) == 12
  for ours, theirs in zip(*rows, strict=True):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
      if value is None:
        assert theirs[name] is None
      else:
        np.testing.assert_allclose(value, theirs[name], rtol=1e-3, err_msg=name)
  written = {path.name for path in (two.root / "learners/1").iterdir()}
  assert written == {"checkpoints", "config.gin", "run.json"}


def assert_only_this_machine_is_listened_to(process):
  """By knocking from the machine's other addresses."""
  ports = {
    one.laddr.port
    for each in [process, *process.children(recursive=True)]
    for one in each.net_connections("inet")
    if one.status == psutil.CONN_LISTEN
  }
  assert len(ports) > 2  # Ray's, and TensorFlow's of each learner
  addresses = [
    one.address
    for interface in psutil.net_if_addrs().values()
    for one in interface
    if one.family == socket.AF_INET and not one.address.startswith("127.")
  ]
  for address in addresses:
    for port in ports:
      with pytest.raises(OSError):
        socket.create_connection((address, port), timeout=2).close()
