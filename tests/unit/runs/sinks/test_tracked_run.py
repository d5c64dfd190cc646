"""What a tracking service gets of a run, and what it cannot do to it."""

import contextlib
import json
import os
import sys
import threading
import time
import types

import pytest
import small_runs

from agents_pipeline import errors
from agents_pipeline.config import tracking
from agents_pipeline.files import run_folder, tables
from agents_pipeline.runs import console, metrics
from agents_pipeline.runs.sinks import csv_files, service, sink, tracked_run

COLUMNS = metrics.columns(("loss",))


@pytest.fixture(autouse=True)
def recording_service(monkeypatch):
  monkeypatch.setitem(
    tracked_run._SERVICES, tracking.Mlflow, "recording_service"
  )


@pytest.fixture
def start(make_experiment, tmp_path):
  """Starts a run of 300 env steps, without its training, as a context manager.

  It logs every 50 and saves every 100. What the service gets is in a file.
  """
  experiment = make_experiment()

  @contextlib.contextmanager
  def open_sinks(resumed_at=None, **tags):
    printed, folder = [], run_folder.RunFolder(tmp_path / "run")
    folder.root.mkdir(exist_ok=True)
    run = types.SimpleNamespace(
      experiment=experiment,
      folder=folder,
      columns=COLUMNS,
      console=console.Console(printed.append),
    )
    tags["file"] = str(tmp_path / "service.json")
    with tracked_run.connected([tracking.Mlflow(tags=tags)]) as (tracked,):
      opened = [csv_files.open_metrics, csv_files.open_timing, tracked]
      sinks = [open_sink(run, resumed_at) for open_sink in opened]
      yield (
        printed,
        lambda method, *a, **k: [
          getattr(one, method)(*a, **k) for one in sinks
        ],
      )

  return open_sinks


def log(tell, since, until, loss=0.5, videos=()):
  for env_steps in range(since, until + 1, 50):
    row = metrics.row(
      COLUMNS, env_steps=env_steps, train_steps=1, episodes=2, loss=loss
    )
    timing = {"env_steps": env_steps, "env_steps_per_second": 8.0}
    timing["train_steps_per_second"] = 4.0
    tell(
      "write", sink.LogEntry(row, timing if env_steps else None, videos=videos)
    )
    if env_steps and not env_steps % 100:
      tell("saved")


def finish(tell, env_steps=300):
  tell("end_training")
  tell("finish", {"env_steps": env_steps, "mean_return": 3.0})
  tell("close", failed=False)


def asked(tmp_path, kind):
  lines = (tmp_path / "service.json").read_text().splitlines()
  return [rest for first, *rest in map(json.loads, lines) if first == kind]


def assert_has_the_table(tmp_path):
  """Every row of metrics.csv is there once, with its values."""
  table = tables.read(tmp_path / "run" / "metrics.csv")
  assert [(env_steps, values) for env_steps, values, _ in sent(tmp_path)] == [
    (row["env_steps"], {
      "time/train_steps": 1, "time/episodes": 2, "train/loss": row["loss"],
    } | ({"time/env_steps_per_second": 8.0, "time/train_steps_per_second": 4.0}
         if row["env_steps"] else {}))
    for row in table
  ]  # fmt: skip
  return [row["env_steps"] for row in table]


def sent(tmp_path):
  return asked(tmp_path, "row")


def test_a_service_gets_rows_videos_and_the_result(start, tmp_path):
  with start() as (printed, tell):
    log(tell, 0, 50)
    log(tell, 100, 100, videos=[tmp_path / "run" / "a.mp4"])
    log(tell, 150, 300)
    finish(tell)
  assert assert_has_the_table(tmp_path) == [0, 50, 100, 150, 200, 250, 300]
  assert [videos for _, _, videos in sent(tmp_path) if videos] == [["a.mp4"]]
  assert asked(tmp_path, "finish") == [[300, {"evaluation/final_return": 3.0}]]
  assert asked(tmp_path, "close") == [["finished"]]
  assert printed == ["@Mlflow(): in a file"]


def test_a_resumed_run_goes_on_in_the_same_tracked_run(start, tmp_path):
  with start() as (_, tell):
    log(tell, 0, 100)
    tell("close", failed=False)
  assert asked(tmp_path, "close") == [["stopped"]]
  with start(resumed_at=100) as (_, tell):
    log(tell, 150, 300)
    finish(tell)
  (first, name, seed), (second, *_) = asked(tmp_path, "open")
  assert first == second and len(first) == 12 and (name, seed) == ("run", 0)
  assert len(assert_has_the_table(tmp_path)) == 7


def test_rows_that_a_resumed_run_repeats_were_not_sent(start, tmp_path):
  with start() as (_, tell):
    log(tell, 0, 150)  # the last one is in no checkpoint
    tell("close", failed=True)
  assert [row[0] for row in sent(tmp_path)] == [0, 50, 100]
  assert asked(tmp_path, "close") == [["failed"]]
  with start(resumed_at=100) as (_, tell):
    log(tell, 150, 300, loss=0.25)  # other values, as with other settings
    finish(tell)
  assert len(assert_has_the_table(tmp_path)) == 7


def test_rows_before_an_older_checkpoint_are_not_sent_again(start, tmp_path):
  """The newest one was damaged."""
  with start() as (_, tell):
    log(tell, 0, 200)
    tell("close", failed=False)
  with start(resumed_at=100) as (_, tell):
    log(tell, 150, 300)
    finish(tell)
  assert len(assert_has_the_table(tmp_path)) == 7


@pytest.mark.parametrize("fails", ["open 1", "write 1", "finish 1"])
def test_what_fails_is_told_once_and_sent_later(start, tmp_path, fails):
  with start(fails=fails) as (printed, tell):
    log(tell, 0, 300)
    finish(tell)
  assert [line for line in printed if line != "@Mlflow(): in a file"] == [
    f"@Mlflow(): {fails.split()[0]} 1 fails; the run goes on, and sends what "
    "is missing when it can"
  ]
  assert len(assert_has_the_table(tmp_path)) == 7
  assert len(asked(tmp_path, "finish")) == 1  # `close` tried again


def test_what_a_service_lacks_is_told_and_sent_by_the_next_start(
  start, tmp_path
):
  with start(fails="write 1 2 3 4 5 6") as (printed, tell):
    log(tell, 0, 300)
    finish(tell)
  assert not sent(tmp_path)
  assert printed[-1] == (
    "@Mlflow() lacks 7 rows of metrics.csv, and the final evaluation"
  )
  with start(resumed_at=300) as (_, tell):
    log(tell, 350, 400)
    finish(tell, 400)
  assert len(assert_has_the_table(tmp_path)) == 9


def test_a_service_that_dies_does_not_end_the_run(start, tmp_path):
  with start(dies="write") as (printed, tell):
    log(tell, 0, 300)
    finish(tell)
  assert printed[1:] == [
    "@Mlflow(): its process has ended; the run goes on, and sends what is "
    "missing when it can",
    "@Mlflow() lacks 7 rows of metrics.csv, and the final evaluation",
  ]


def test_training_does_not_wait_for_a_service(start, tmp_path):
  with start(sleeps="2") as (_, tell):
    before = time.monotonic()
    log(tell, 0, 300)
    assert time.monotonic() - before < 1
    finish(tell)
  assert len(assert_has_the_table(tmp_path)) == 7


@pytest.mark.parametrize(
  ("content", "expected"),
  [("{", "cannot be read: "), ("[]", "is not a JSON object")],
)
def test_a_record_that_cannot_be_read_is_one_line(
  start, tmp_path, content, expected
):
  (tmp_path / "run").mkdir()
  (tmp_path / "run" / "tracking.json").write_text(content)
  with (
    pytest.raises(errors.UserError, match=f"tracking.json {expected}"),
    start(),
  ):
    pass


def test_a_package_that_is_missing_is_named_with_its_command():
  with pytest.raises(errors.UserError) as caught:
    service.load_package("no_such_client", "@WandB()")
  assert str(caught.value) == (
    "@WandB() needs the package no_such_client, which is not installed: "
    f"{sys.executable} -m pip install no_such_client"
  )


def track(make_experiment, tmp_path, tags=(), **fields):
  tags = dict(tags) | {"file": str(tmp_path / "service.json")}
  experiment = make_experiment(
    "TrackingConfig.sinks = (@Mlflow(),)", f"Mlflow.tags = {tags}"
  )
  return small_runs.train(experiment, tmp_path / "tracked", **fields)


@pytest.mark.slow
def test_a_tracked_run_is_the_run_that_it_would_be(
  make_experiment, tmp_path, capfd
):
  """And nothing of a service's client reaches its process."""
  alone = small_runs.train(make_experiment(), tmp_path / "alone")
  capfd.readouterr()
  environ, threads = dict(os.environ), set(threading.enumerate())
  tracked = track(make_experiment, tmp_path)
  assert "not to be seen" not in "".join(capfd.readouterr())
  assert dict(os.environ) == environ
  assert set(threading.enumerate()) <= threads
  for table in ("metrics", "episodes"):
    expected = getattr(alone.folder, table).read_bytes()
    assert getattr(tracked.folder, table).read_bytes() == expected
  assert [row[0] for row in sent(tmp_path)] == [0, 50, 100, 200, 300]
  # To start over begins another tracked run.
  track(make_experiment, tmp_path, overwrite=True, max_results=1)
  (first, *_), (second, *_) = asked(tmp_path, "open")
  assert first != second


def test_what_a_service_refuses_changes_nothing(make_experiment, tmp_path):
  with pytest.raises(errors.UserError, match="^no such server$"):
    track(make_experiment, tmp_path, {"refuses": "no such server"})
  assert not (tmp_path / "tracked").exists()
