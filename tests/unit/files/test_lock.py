"""One process writes a run folder."""

import errno
import fcntl
import os
import socket

import pytest

from agents_pipeline import errors
from agents_pipeline.files import lock


def test_a_second_writer_is_rejected_naming_the_first(tmp_path):
  folder = tmp_path / "run"
  with lock.exclusive(folder):
    with (
      pytest.raises(errors.UserError) as caught,
      lock.exclusive(folder),
    ):
      pass
    assert f"process {os.getpid()} on " in str(caught.value)
    assert (folder / ".lock").exists()  # still the first one's
  with lock.exclusive(folder):
    (folder / "kept").touch()
  assert [p.name for p in folder.iterdir()] == ["kept"]


def test_a_lock_that_a_dead_process_left_is_taken_over(tmp_path):
  (tmp_path / ".lock").write_text("process 1 on elsewhere, " + 300 * "x")
  with lock.exclusive(tmp_path):
    holder = (tmp_path / ".lock").read_text()
    assert holder == f"process {os.getpid()} on {socket.gethostname()}"


def test_a_file_system_without_locks_is_not_another_writer(
  tmp_path, monkeypatch
):
  def refuse(descriptor, operation):
    raise OSError(errno.ENOLCK, "No locks available")

  monkeypatch.setattr(fcntl, "flock", refuse)
  with (
    pytest.raises(errors.UserError, match="with locks, flock .No locks avail"),
    lock.exclusive(tmp_path / "run"),
  ):
    pass
  assert not [*tmp_path.iterdir()]
