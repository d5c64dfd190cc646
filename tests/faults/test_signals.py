"""Signals, and a second process on the same run folder."""

import json
import os
import pathlib
import signal
import socket
import time

import pytest
import starter

from agents_pipeline.evaluation import evaluator, video
from agents_pipeline.files import run_folder
from agents_pipeline.runs import checkpoints

pytestmark = pytest.mark.slow
HERE = pathlib.Path(__file__).parent
FOR_EVER = "TrainingConfig.num_env_steps = 1_000_000_000"


def until(condition, seconds=30):
  deadline = time.monotonic() + seconds
  while not condition():
    assert time.monotonic() < deadline
    time.sleep(0.02)


@pytest.fixture
def app(starting, train_flags, tmp_path):
  """Starts `train`; returns its process id and what it tells."""

  def start(root, *bindings):
    told = tmp_path / f"told{len(list(tmp_path.iterdir()))}"
    told.mkdir()
    flags = train_flags(root, *bindings)
    pid = starting.start_app("train", flags, HERE, told)
    until((told / "err").exists)
    return pid, lambda: (told / "err").read_text()

  return start


@pytest.mark.parametrize(
  ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_a_second_signal_stops_at_once(app, starting, tmp_path, number, code):
  """The first waits for the step to end; here that takes a minute."""
  root = tmp_path / "run"
  pid, told = app(
    root,
    "EnvironmentConfig.name = 'slow:Slow-v0'",
    "EvaluationConfig.period_env_steps = 200",
  )
  until((root / "metrics.csv").exists)
  os.kill(pid, number)
  until(lambda: "stopping after this call" in told())
  begun = time.monotonic()
  os.kill(pid, number)
  assert starting.wait(pid) == code
  assert time.monotonic() - begun < 2
  # It was killed in its work: that is what the record says.
  assert json.loads((root / "run.json").read_text())["outcome"] == "running"
  assert "Traceback" not in told()


def test_a_terminal_that_closes_saves_and_leaves(app, starting, tmp_path):
  """It sends SIGHUP twice."""
  root = tmp_path / "run"
  bindings = (
    "EnvironmentConfig.backend = 'gymnasium'",
    "TrainingConfig.checkpoint_period_env_steps = 1_000_000_000",
  )
  pid, told = app(root, FOR_EVER, *bindings)
  until((root / "metrics.csv").exists)
  until(lambda: len((root / "metrics.csv").read_text().splitlines()) > 3)
  os.kill(pid, signal.SIGHUP)
  until(lambda: "stopping after this call" in told() or starter.has_ended(pid))
  if not starter.has_ended(pid):
    os.kill(pid, signal.SIGHUP)
  assert starting.wait(pid) == 129
  assert json.loads((root / "run.json").read_text())["outcome"] == "stopped"
  saved, _ = checkpoints.newest(root / "checkpoints")
  reached = int(saved.name.split("-")[1])
  assert reached > 0 and "Traceback" not in told()


def test_a_second_process_is_refused_and_a_dead_ones_lock_taken_over(
  app, starting, train_flags, tmp_path
):
  root = tmp_path / "run"
  pid, _ = app(root, FOR_EVER)
  until(lambda: checkpoints.newest_first(root / "checkpoints"))
  for flags in (
    train_flags(root, FOR_EVER),
    [*train_flags(root), "--overwrite"],
  ):
    code, _, err = starting.run_app("train", flags, HERE)
    assert code == 2
    assert err == (
      f"error: --root_dir={str(root)!r}: process {pid} on "
      f"{socket.gethostname()} is writing this run; wait for it to end, or "
      "use another --root_dir\n"
    )
  assert not starter.has_ended(pid)
  os.kill(pid, signal.SIGKILL)
  assert starting.wait(pid) == -signal.SIGKILL
  assert (root / ".lock").exists()
  saved, _ = checkpoints.newest(root / "checkpoints")
  reached = int(saved.name.split("-")[1])
  flags = train_flags(root, f"TrainingConfig.num_env_steps = {reached + 100}")
  code, _, err = starting.run_app("train", flags, HERE)
  assert code == 0, err
  assert f"goes on at {reached:,} env steps" in err
  assert not (root / ".lock").exists()


def test_a_signal_before_training_leaves_nothing(app, starting, tmp_path):
  pid, told = app(tmp_path / "run", FOR_EVER)
  os.kill(pid, signal.SIGTERM)
  # The system's own way, where it is faster than ours: a shell says 143 too.
  assert starting.wait(pid) in (143, -signal.SIGTERM)
  assert "Traceback" not in told()
  assert not list(tmp_path.glob("run/*"))


def test_a_stop_within_an_evaluation_or_a_film_saves_and_is_made_good(
  make_experiment, train, tmp_path, monkeypatch
):
  """The result it belongs to is not written yet; it is when going on."""
  experiment = make_experiment(
    "VideoConfig.period_episodes = 3", "VideoConfig.format = 'gif'"
  )
  train(experiment, "whole")
  whole = run_folder.RunFolder(tmp_path / "whole")
  run = run_folder.RunFolder(tmp_path / "run")

  def stops_within(module, name, nth):
    """The person wants to stop in the midst of the n-th such call."""
    calls, original = [], getattr(module, name)

    def called(act, *arguments):
      calls.append(1)
      return original(act, *arguments)

    with monkeypatch.context() as patch:
      patch.setattr(module, name, called)
      heard = train(experiment, "run", lambda: len(calls) >= nth)
    assert not any("no video" in line for line in heard)
    return heard

  stops_within(evaluator, "evaluate", 2)  # the first is before training
  assert next(iter(checkpoints.newest_first(run.checkpoints))).name == (
    "env_steps-200"
  )
  assert b"\n200," not in run.metrics.read_bytes()
  films = [p.name for p in run.videos.glob("*")]
  stops_within(evaluator, "evaluate", 1)  # again at once
  assert b"\n200," not in run.metrics.read_bytes()
  stops_within(video, "record_video", 1)
  assert [p.name for p in run.videos.glob("*")] == films
  train(experiment, "run")
  for table in ("metrics", "episodes"):
    assert (
      getattr(run, table).read_bytes() == getattr(whole, table).read_bytes()
    )
  assert [p.name for p in sorted(run.videos.iterdir())] == [
    p.name for p in sorted(whole.videos.iterdir())
  ]


def test_a_signal_while_evaluating_a_policy_leaves_no_half_of_a_file(
  starting, tmp_path
):
  told = tmp_path / "told"
  told.mkdir()
  flags = [
    "--random_policy", "--environment=slow:Slow-v0", "--num_episodes=9",
    f"--output={tmp_path}/film.html",
  ]  # fmt: skip
  pid = starting.start_app("record_video", flags, HERE, told)
  until((tmp_path / ".partial-film.html").exists)
  time.sleep(1)  # it is within the environment's step, as nearly always
  os.kill(pid, signal.SIGTERM)
  assert starting.wait(pid) == 143, (told / "err").read_text()
  assert [p.name for p in tmp_path.iterdir()] == ["told"]
  assert (told / "err").read_text() == ""


def test_a_run_killed_while_it_finishes_finishes_the_next_time(
  starting, train_flags, tmp_path
):
  """What it leaves for people and servers is made again, the same."""
  whole, run = (
    run_folder.RunFolder(tmp_path / name) for name in ("whole", "run")
  )
  code, _, err = starting.run_app("train", train_flags(whole.root), HERE)
  assert code == 0, err
  kept = ("policy", "tf_agents_policy", "evaluation", "trained_video")
  for killed_at in kept:
    told = tmp_path / f"told_{killed_at}"
    told.mkdir()
    pid = starting.start_app("train", train_flags(run.root), HERE, told)
    path = getattr(run, killed_at)
    aside = path.with_name(f".partial-{path.name}")
    until(lambda aside=aside, path=path: aside.exists() or path.exists())
    os.kill(pid, signal.SIGKILL)
    assert starting.wait(pid) == -signal.SIGKILL
  code, _, err = starting.run_app("train", train_flags(run.root), HERE)
  assert code == 0, err
  assert "goes on at 300 env steps" in err
  for name in kept:
    assert getattr(run, name).exists(), name
  for name in ("evaluation", "metrics", "episodes", "config"):
    assert getattr(run, name).read_bytes() == getattr(whole, name).read_bytes()
  assert not list(run.root.rglob(".*"))
  assert json.loads(run.run_record.read_text())["outcome"] == "finished"
