"""Full disks, read-only folders, too little memory, too few file handles."""

import errno
import json
import os
import pathlib

import pytest
import starter

from agents_pipeline import errors
from agents_pipeline.evaluation import served_policy
from agents_pipeline.files import atomic, lock, run_folder
from agents_pipeline.replay import memory
from agents_pipeline.runs import checkpoints, run_record
from agents_pipeline.runs.sinks import csv_files, learning_curve, sink

HERE = pathlib.Path(__file__).parent
METRICS_OF = lambda entry: [entry.metrics]


def names(folder):
  return sorted(path.name for path in folder.iterdir())


class FullDisk:
  """Has no space for files of one name, until `make_room` is called.

  Their content reaches the disk when it is flushed.
  """

  def __init__(self, patch, name, after=0):
    self.name, self.left = name, after
    flush = atomic.flush

    def full(path):
      if self.name in str(path):
        self.left -= 1
        if self.left < 0:
          raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
      flush(path)

    patch.setattr(atomic, "flush", full)

  def make_room(self):
    self.name = "no such name"


@pytest.mark.parametrize(
  "write",
  [
    lambda path: run_record.write_json(path, {"new": 1}),
    lambda path: csv_files.CsvSink(path, ("env_steps",), METRICS_OF).close(),
    lambda path: learning_curve.LearningCurve("X-v0", path).draw(),
  ],
)
def test_a_file_that_cannot_be_written_leaves_the_old_one(
  write, tmp_path, monkeypatch
):
  path = tmp_path / "file.png"
  path.write_text("old")
  disk = FullDisk(monkeypatch, "file.png")
  with pytest.raises(errors.RunError) as caught:
    write(path)
  assert str(caught.value) == (
    f"{path} cannot be written: No space left on device"
  )
  assert path.read_text() == "old" and names(tmp_path) == ["file.png"]
  disk.make_room()
  write(path)
  assert path.read_bytes() != b"old" and names(tmp_path) == ["file.png"]


def test_rows_that_do_not_fit_on_the_disk_raise(tmp_path):
  """/dev/full is a disk that is always full."""
  path = tmp_path / "metrics.csv"
  table = csv_files.CsvSink(path, ("env_steps",), METRICS_OF)
  table.write(sink.LogEntry({"env_steps": 1}))
  with open("/dev/full", "ab") as full:
    os.dup2(full.fileno(), table._file.fileno())
  with pytest.raises(errors.RunError) as caught:
    table.write(sink.LogEntry({"env_steps": 2}))
  assert str(caught.value) == (
    f"{path} cannot be written: No space left on device"
  )
  table.close()
  assert path.read_text() == "env_steps\n1\n"


def test_a_full_disk_loses_nothing_but_the_checkpoint(
  make_experiment, train, tmp_path, monkeypatch
):
  experiment = make_experiment()
  train(experiment, "whole")
  run = run_folder.RunFolder(tmp_path / "run")
  disk = FullDisk(monkeypatch, ".partial-env_steps-200")
  with pytest.raises(errors.RunError) as caught:
    train(experiment, "run")
  assert str(caught.value) == (
    f"{run.checkpoints}/env_steps-200 cannot be written: No space left on "
    "device"
  )
  assert names(run.checkpoints) == ["env_steps-100"]
  assert run_record.read(run.run_record)["outcome"] == "failed"
  assert not list(run.root.rglob(".*"))
  disk.make_room()
  assert "resuming at 100 env steps" in train(experiment, "run")
  whole = run_folder.RunFolder(tmp_path / "whole")
  assert run.metrics.read_bytes() == whole.metrics.read_bytes()


def test_a_policy_that_cannot_be_written_leaves_the_old_one(
  tmp_path, monkeypatch
):
  policy = tmp_path / "policy"
  policy.mkdir()
  (policy / "old").touch()
  FullDisk(monkeypatch, ".partial-policy")

  class Saves:
    def save(self, path):
      pathlib.Path(path, "new").touch()

  monkeypatch.setattr(
    served_policy.policy_saver, "PolicySaver", lambda *a, **k: Saves()
  )
  with pytest.raises(errors.RunError, match="policy cannot be written: No sp"):
    served_policy.save_tf_agents_policy(None, policy)
  assert names(policy) == ["old"] and names(tmp_path) == ["policy"]


@pytest.mark.slow
def test_a_process_that_may_write_no_larger_files(
  starting, train_flags, tmp_path
):
  """The system itself refuses; everything before is there, and whole."""
  root = tmp_path / "run"
  flags = train_flags(root, "ReplayConfig.capacity_env_steps = 10_000")
  code, out, err = starting.run_app(
    "train", flags, HERE, limits={"RLIMIT_FSIZE": 100_000}
  )
  assert (code, out) == (1, "")
  assert err.splitlines()[-1].startswith(
    f"error: {root}/checkpoints/env_steps-100 cannot be written: "
  )
  assert "File too large" in err.splitlines()[-1] and "Traceback" not in err
  assert names(root / "checkpoints") == []
  assert json.loads((root / "run.json").read_text())["outcome"] == "failed"
  assert not list(root.rglob(".*"))
  code, _, err = starting.run_app(
    "train", flags, HERE, replaced=starter.NO_VIDEOS
  )
  assert code == 0, err


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["mp4", "gif", "html"])
def test_a_video_that_cannot_be_written(starting, tmp_path, suffix):
  video = tmp_path / f"video.{suffix}"
  flags = ["--random_policy", "--environment=CartPole-v1", f"--output={video}"]
  code, _, err = starting.run_app(
    "record_video", flags, HERE, limits={"RLIMIT_FSIZE": 2_000}
  )
  assert code == 1
  assert len(err.splitlines()) == 1
  assert err.startswith(f"error: {video} cannot be written: ")
  assert names(tmp_path) == []


@pytest.mark.slow
def test_too_few_file_handles(starting, train_flags, tmp_path):
  flags = train_flags(
    tmp_path / "run",
    "EnvironmentConfig.backend = 'gymnasium'",
    "EnvironmentConfig.num_envs = 50",
    "EnvironmentConfig.vectorization = 'async'",
  )
  code, _, err = starting.run_app(
    "train", flags, HERE, limits={"RLIMIT_NOFILE": 60}
  )
  assert code == 1
  assert err.splitlines()[-1] == (
    "error: environment 'CartPole-v1, 50 copies': Too many open files"
  )
  assert "Traceback" not in err
  assert names(tmp_path) == []


def test_file_handles_do_not_leak(make_experiment, train, tmp_path):
  count = lambda: len(os.listdir("/proc/self/fd"))
  train(make_experiment(), "first")
  before = count()
  train(
    make_experiment(
      "TrainingConfig.num_env_steps = 2_000",
      "EvaluationConfig.period_env_steps = 100",
      "EnvironmentConfig.backend = 'gymnasium'",
    ),
    "second",
  )
  assert count() <= before + 1


def test_a_folder_that_is_read_only(tmp_path, monkeypatch):
  open_, made = os.open, tmp_path / "new" / "run"

  def read_only(path, flags, *mode, **fields):
    if flags & os.O_CREAT:
      raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
    return open_(path, flags, *mode, **fields)

  monkeypatch.setattr(os, "open", read_only)
  with pytest.raises(errors.UserError) as caught, lock.exclusive(made):
    pass
  assert str(caught.value) == (
    f"--root_dir={str(made)!r}: expected a writable folder "
    "(Read-only file system)"
  )
  assert names(tmp_path) == []


def test_a_lock_leaves_no_folder_that_was_not_there(tmp_path):
  with lock.exclusive(tmp_path / "a" / "b"):
    assert (tmp_path / "a" / "b" / ".lock").exists()
  assert names(tmp_path) == []
  with lock.exclusive(tmp_path / "a" / "b"):
    (tmp_path / "a" / "b" / "kept").touch()
  assert names(tmp_path / "a" / "b") == ["kept"]


@pytest.mark.parametrize(
  ("files", "expected"),
  [
    ({}, 100),
    ({"memory.max": "max\n", "memory.current": "7\n"}, 100),
    ({"memory.max": "90\n", "memory.current": "60\n"}, 30),
    ({"memory.max": "900\n", "memory.current": "60\n"}, 100),
  ],
)
def test_memory_is_what_a_container_may_have(
  files, expected, tmp_path, monkeypatch
):
  for name, content in files.items():
    (tmp_path / name).write_text(content)
  monkeypatch.setattr(memory, "_CONTROL_GROUP", tmp_path)
  monkeypatch.setattr(
    memory.psutil, "virtual_memory",
    lambda: type("Memory", (), {"available": 100}),
  )  # fmt: skip
  assert memory.available() == (expected, "memory")


def test_a_checkpoint_is_flushed_before_it_has_its_name(tmp_path, monkeypatch):
  """Otherwise a power failure may leave the name without the content."""
  order, flush, replace = [], atomic.flush, pathlib.Path.replace

  def flushing(path):
    order.append(("flush", path.name))
    flush(path)

  def replacing(path, target):
    order.append(("rename", path.name))
    return replace(path, target)

  monkeypatch.setattr(atomic, "flush", flushing)
  monkeypatch.setattr(pathlib.Path, "replace", replacing)
  about = checkpoints.About(5, "", {})
  checkpoints.Checkpoints(tmp_path, {}).save(about)
  renamed = order.index(("rename", ".partial-env_steps-5"))
  flushed = {name for _, name in order[:renamed]}
  assert {"state.index", "about.json", "checkpoint"} <= flushed
  assert order[-1] == ("flush", tmp_path.name)


def test_a_report_that_cannot_be_written_is_a_line_and_no_more(
  make_experiment, train, tmp_path, monkeypatch
):
  FullDisk(monkeypatch, "report.html")
  printed = train(make_experiment(), "run")
  report = tmp_path / "run" / "report.html"
  assert printed[-1] == (
    f"no report.html: {report} cannot be written: No space left on device"
  )
  assert not report.exists() and not list(report.parent.glob(".*"))
  record = run_record.read(report.parent / "run.json")
  assert record["outcome"] == "finished"
