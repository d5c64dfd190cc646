"""Sweeps as a user runs them: killed, stopped, with a trial that fails."""

import csv
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import plain_cartpole
import pytest
import small_runs

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
pytestmark = pytest.mark.slow

SMALL = [
  *small_runs.bindings(environment=plain_cartpole.NAME),
  "EvaluationConfig.num_episodes = 2",
]
VARY = "--vary=DqnConfig.gamma = [0.5, 0.9]"


@pytest.fixture(scope="module")
def start(starting):
  """Starts a sweep, whose runs share what they compile."""
  path = os.pathsep.join([str(HERE), starting.environ["PYTHONPATH"]])
  environ = starting.environ | {"PYTHONPATH": path}

  def start_sweep(root, *flags):
    return subprocess.Popen(
      [
        sys.executable, "-m", "agents_pipeline.apps.sweep",
        f"--root_dir={root}", "--at_once=2",
        *(f"--gin_bindings={b}" for b in SMALL), *flags,
      ],
      cwd=ROOT,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
      env=environ,
    )  # fmt: skip

  return start_sweep


@pytest.fixture(scope="module")
def run(start):
  """Runs one to its end."""

  def run_sweep(root, *flags):
    process = start(root, *flags)
    out, err = process.communicate(timeout=400)
    return process.returncode, out, err

  return run_sweep


def rows(root):
  return list(csv.DictReader((root / "trials.csv").open()))


def trainings(root):
  """Process ids of the runs of a sweep."""
  found = []
  for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    try:
      words = path.read_bytes().split(b"\0")
    except OSError:
      continue
    if any(w.startswith(f"--root_dir={root}/trials".encode()) for w in words):
      found.append(int(path.parent.name))
  return found


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory):
  """A grid of two trials, never killed."""
  root = tmp_path_factory.mktemp("sweeps") / "whole"
  code, out, err = run(root, VARY)
  assert code == 0, err
  return root, out, err


def test_a_grid_has_a_row_per_run_and_a_best_configuration(whole):
  root, out, err = whole
  found = rows(root)
  assert [row["DqnConfig.gamma"] for row in found] == ["0.5", "0.9"]
  assert {row["state"] for row in found} == {"finished"}
  best = max(found, key=lambda row: float(row["mean_return"]))
  assert (
    f"DqnConfig.gamma = {best['DqnConfig.gamma']}"
    in (root / "best.gin").read_text()
  )
  assert out.startswith(f"best trial {best['trial']}: DqnConfig.gamma = ")
  assert "trial 1, seed 0: finished, mean return" in err
  run = root / "trials/001/seed_0"
  record = json.loads((run / "run.json").read_text())
  assert record["outcome"] == "finished"
  assert (run / "policy").exists()
  assert f"{root}/report.html  all runs on one page" in err
  page = (root / "report.html").read_text()
  assert (
    "2 runs of 2 configurations on plain_cartpole:PlainCartPole-v0." in page
  )
  assert "gamma = 0.5" in page and "Not finished" not in page


def test_killed_three_times_it_ends_with_the_same_table(
  start, run, whole, tmp_path
):
  root, _, _ = whole
  victim = tmp_path / "victim"
  for has_come_far in (
    lambda: len(trainings(victim)) == 2,
    lambda: list(victim.glob("trials/*/seed_0/metrics.csv")),
    lambda: list(victim.glob("trials/*/seed_0/policy")),
  ):
    process = start(victim, VARY)
    deadline = time.monotonic() + 120
    while not has_come_far():
      assert process.poll() is None and time.monotonic() < deadline
      time.sleep(0.05)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while trainings(victim):  # they die with the sweep
      assert time.monotonic() < deadline
      time.sleep(0.1)
  code, _, err = run(victim, VARY)
  assert code == 0, err
  for name in ("trials.csv", "best.gin"):
    assert (victim / name).read_bytes() == (root / name).read_bytes()
  for trial in ("000", "001"):
    one, other = (
      path / "trials" / trial / "seed_0/metrics.csv" for path in (victim, root)
    )
    assert one.read_bytes() == other.read_bytes()


def test_the_same_command_adds_seeds_and_refuses_another_sweep(run, whole):
  root, _, _ = whole
  before = (root / "trials/000/seed_0/run.json").read_bytes()
  code, _, err = run(root, "--vary=DqnConfig.gamma = [0.5]")
  assert code == 2 and "was started with vary = " in err, err
  code, _, err = run(root, VARY, "--gin_bindings=DqnConfig.n_step = 2")
  assert (
    code == 2 and "'DqnConfig.n_step = 1', not 'DqnConfig.n_step = 2'" in err
  )
  code, out, err = run(root, VARY, "--num_seeds=2")
  assert code == 0 and "over 2 seeds" in out, err
  assert [row["seed"] for row in rows(root)] == ["0", "1", "0", "1"]
  assert (root / "trials/000/seed_0/run.json").read_bytes() == before


def test_several_seeds_need_nothing_that_varies(run, tmp_path):
  code, out, err = run(tmp_path, "--num_seeds=2")
  assert code == 0, err
  assert [row["seed"] for row in rows(tmp_path)] == ["0", "1"]
  what = "the experiment as it is"
  assert out.startswith(f"best trial 0: {what}, interquartile mean "), out
  assert "over 2 seeds" in out
  assert f"trial 0, seed 1: running, {what}" in err
  best = (tmp_path / "best.gin").read_text()
  assert best.startswith(f"# Trial 0 of 1: {what}\n")


def test_a_stop_saves_and_a_failed_trial_does_not_end_the_others(
  start, run, tmp_path
):
  # The second value makes the weights infinite within a few updates.
  vary = "--vary=Adam.learning_rate = [1e-3, 1e30]"
  process = start(tmp_path, vary)
  while len(trainings(tmp_path)) < 2:
    time.sleep(0.1)
  process.send_signal(signal.SIGINT)
  _, err = process.communicate(timeout=100)
  assert process.returncode == 130, err
  assert "runs done; the same command resumes" in err.splitlines()[-1]
  code, out, err = run(tmp_path, vary)
  assert code == 1, err
  assert [row["state"] for row in rows(tmp_path)] == ["finished", "failed"]
  assert "trial 1, seed 0 failed: " in err and "diverged" in err
  assert "Not finished: 1 of 2 runs." in (tmp_path / "report.html").read_text()
  assert out.startswith("best trial 0: ")


def test_a_search_asks_optuna_and_goes_on(run, tmp_path):
  vary = "--vary=DqnConfig.gamma = uniform(0.5, 0.99)"
  code, _, err = run(tmp_path, vary, "--num_trials=1")
  assert code == 0, err
  first = rows(tmp_path)[0]
  assert 0.5 <= float(first["DqnConfig.gamma"]) <= 0.99
  code, _, err = run(tmp_path, vary, "--num_trials=2", "--pruner=none")
  assert code == 0, err
  found = rows(tmp_path)
  assert len({row["DqnConfig.gamma"] for row in found}) == 2
  assert found[0] == first
