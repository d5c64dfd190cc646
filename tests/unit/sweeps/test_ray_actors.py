"""What runs in an actor of a sweep, without Ray; with it: tests/cluster."""

import pathlib
import threading

import pytest

from agents_pipeline import errors
from agents_pipeline.files import lock, run_folder
from agents_pipeline.runs import train_process
from agents_pipeline.sweeps import planned, processes, ray_actors


@pytest.fixture
def run(tmp_path):
  root = tmp_path / "sweep/trials/000/seed_0"
  return planned.PlannedRun(0, 0, {}, run_folder.RunFolder(root))


def launch(tmp_path):
  return train_process.Launch([], tmp_path / "sweep", str(tmp_path), {})


def test_a_repeated_request_waits_for_the_training_under_way(
  run, tmp_path, monkeypatch
):
  started, may_end = [], threading.Event()

  class Job:
    def exit_code(self):
      return 0 if may_end.is_set() else None

  def start(self, run):
    started.append(run)
    return Job()

  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(processes.Processes, "start", start)
  trainer, codes = ray_actors._Trainer(), []
  with lock.exclusive(tmp_path / "sweep"):  # as the driver does
    threads = [
      threading.Thread(
        target=lambda: codes.append(trainer.train(run, launch(tmp_path)))
      )
      for _ in range(2)
    ]
    for thread in threads:
      thread.start()
    may_end.set()
    for thread in threads:
      thread.join(timeout=30)
  assert codes == [0, 0]
  assert started == [run]


def test_a_disk_without_the_lock_of_the_sweep_is_refused(
  run, tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(errors.UserError, match="does not see that it is locked"):
    ray_actors._Trainer().train(run, launch(tmp_path))
  assert not (tmp_path / "sweep").exists()


def test_a_machine_without_the_folder_is_named(run, tmp_path):
  elsewhere = train_process.Launch([], tmp_path, str(tmp_path / "missing"), {})
  with pytest.raises(errors.UserError, match="cannot work in .*missing"):
    ray_actors._Trainer().train(run, elsewhere)


def test_a_run_that_is_locked_elsewhere_is_waited_for_until_a_stop(
  run, tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  trainer = ray_actors._Trainer()
  with (
    lock.exclusive(tmp_path / "sweep"),
    lock.exclusive(pathlib.Path(run.folder.root)),
  ):
    timer = threading.Timer(0.5, trainer.stop)
    timer.start()
    assert trainer.train(run, launch(tmp_path)) == ray_actors._KILLED
