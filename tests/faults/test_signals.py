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
  """Starts `train`; returns its process id, and a function: its stderr."""

  def start(root, *bindings):
    output = tmp_path / f"output{len(list(tmp_path.iterdir()))}"
    output.mkdir()
    flags = train_flags(root, *bindings)
    pid = starting.start_app("train", flags, HERE, output)
    until((output / "err").exists)
    return pid, lambda: (output / "err").read_text()

  return start


@pytest.mark.parametrize(
  ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_a_second_signal_stops_at_once(app, starting, tmp_path, number, code):
  """The first waits for the step to end; here that takes a minute."""
  root = tmp_path / "run"
  pid, stderr = app(
    root,
    "EnvironmentConfig.name = 'slow:Slow-v0'",
    "EvaluationConfig.period_env_steps = 200",
  )
  until((root / "metrics.csv").exists)
  os.kill(pid, number)
  until(lambda: "stopping after this call" in stderr())
  start = time.monotonic()
  os.kill(pid, number)
  assert starting.wait(pid) == code
  assert time.monotonic() - start < 2
  # It was killed while it ran, and its record says so.
  assert json.loads((root / "run.json").read_text())["outcome"] == "running"
  assert "Traceback" not in stderr()


def test_a_terminal_that_closes_saves_and_leaves(app, starting, tmp_path):
  """It sends SIGHUP twice."""
  root = tmp_path / "run"
  bindings = (
    "EnvironmentConfig.backend = 'gymnasium'",
    "TrainingConfig.checkpoint_period_env_steps = 1_000_000_000",
  )
  pid, stderr = app(root, FOR_EVER, *bindings)
  until((root / "metrics.csv").exists)
  until(lambda: len((root / "metrics.csv").read_text().splitlines()) > 3)
  os.kill(pid, signal.SIGHUP)
  until(
    lambda: "stopping after this call" in stderr() or starter.has_ended(pid)
  )
  if not starter.has_ended(pid):
    os.kill(pid, signal.SIGHUP)
  assert starting.wait(pid) == 129
  assert json.loads((root / "run.json").read_text())["outcome"] == "stopped"
  saved, _ = checkpoints.newest(root / "checkpoints")
  reached = int(saved.name.split("-")[1])
  assert reached > 0 and "Traceback" not in stderr()


def test_a_second_process_is_rejected_until_the_first_is_dead(
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
  code, _, err = starting.run_app(
    "train", flags, HERE, replaced=starter.NO_VIDEOS
  )
  assert code == 0, err
  assert f"resuming at {reached:,} env steps" in err
  assert not (root / ".lock").exists()


def test_a_signal_before_training_leaves_nothing(app, starting, tmp_path):
  pid, stderr = app(tmp_path / "run", FOR_EVER)
  os.kill(pid, signal.SIGTERM)
  # Negative if the signal comes before our handler; a shell reports 143 too.
  assert starting.wait(pid) in (143, -signal.SIGTERM)
  assert "Traceback" not in stderr()
  assert not list(tmp_path.glob("run/*"))


def test_a_stop_during_an_evaluation_or_a_video_saves_and_repeats_it(
  make_experiment, train, tmp_path, monkeypatch
):
  """The result that it belongs to is not logged until the run resumes."""
  experiment = make_experiment(
    "EnvironmentConfig.name = 'FlappyBall-v0'",
    "VideoConfig.period_episodes = 3",
    "VideoConfig.format = 'html'",
    "VideoConfig.captions = True",
  )
  train(experiment, "whole")
  whole = run_folder.RunFolder(tmp_path / "whole")
  run = run_folder.RunFolder(tmp_path / "run")

  def stops_within(module, name, nth):
    """Trains until a stop is requested during the n-th such call."""
    calls, original = [], getattr(module, name)

    def called(act, *arguments, **fields):
      calls.append(1)
      return original(act, *arguments, **fields)

    with monkeypatch.context() as patch:
      patch.setattr(module, name, called)
      printed = train(
        experiment, "run", stop_requested=lambda: len(calls) >= nth
      )
    assert not any("no video" in line for line in printed)

  stops_within(evaluator, "evaluate", 2)  # the first is before training
  assert next(iter(checkpoints.newest_first(run.checkpoints))).name == (
    "env_steps-200"
  )
  assert b"\n200," not in run.metrics.read_bytes()
  videos = [p.name for p in run.videos.glob("*")]
  stops_within(evaluator, "evaluate", 1)  # again at once
  assert b"\n200," not in run.metrics.read_bytes()
  stops_within(video, "record_video", 1)
  assert [p.name for p in run.videos.glob("*")] == videos
  train(experiment, "run")
  for table in ("metrics", "episodes"):
    assert (
      getattr(run, table).read_bytes() == getattr(whole, table).read_bytes()
    )
  assert [p.name for p in sorted(run.videos.iterdir())] == [
    p.name for p in sorted(whole.videos.iterdir())
  ]


def test_a_signal_while_recording_leaves_no_unfinished_file(starting, tmp_path):
  output = tmp_path / "output"
  output.mkdir()
  flags = [
    "--random_policy", "--environment=slow:Slow-v0", "--num_episodes=9",
    f"--output={tmp_path}/video.html",
  ]  # fmt: skip
  pid = starting.start_app("record_video", flags, HERE, output)
  until((tmp_path / ".partial-video.html").exists)
  time.sleep(1)  # it is within the environment's step, as nearly always
  os.kill(pid, signal.SIGTERM)
  assert starting.wait(pid) == 143, (output / "err").read_text()
  assert [p.name for p in tmp_path.iterdir()] == ["output"]
  assert (output / "err").read_text() == ""


def test_a_run_killed_while_it_finishes_finishes_the_next_time(
  starting, train_flags, tmp_path
):
  """Its results are made again, the same."""
  whole, run = (
    run_folder.RunFolder(tmp_path / name) for name in ("whole", "run")
  )
  code, _, err = starting.run_app(
    "train", train_flags(whole.root), HERE, replaced=starter.NO_VIDEOS
  )
  assert code == 0, err
  kept = ("policy", "tf_agents_policy", "evaluation", "trained_video")
  for killed_at in kept:
    output = tmp_path / f"output_{killed_at}"
    output.mkdir()
    pid = starting.start_app("train", train_flags(run.root), HERE, output)
    path = getattr(run, killed_at)
    aside = path.with_name(f".partial-{path.name}")
    until(lambda aside=aside, path=path: aside.exists() or path.exists())
    os.kill(pid, signal.SIGKILL)
    assert starting.wait(pid) == -signal.SIGKILL
  code, _, err = starting.run_app("train", train_flags(run.root), HERE)
  assert code == 0, err
  assert "resuming at 300 env steps" in err
  for name in kept:
    assert getattr(run, name).exists(), name
  for name in ("evaluation", "metrics", "episodes", "config"):
    assert getattr(run, name).read_bytes() == getattr(whole, name).read_bytes()
  assert not list(run.root.rglob(".*"))
  assert json.loads(run.run_record.read_text())["outcome"] == "finished"
