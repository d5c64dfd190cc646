"""One process at a time writes a run folder."""

import contextlib
import fcntl
import os
import pathlib
import socket
from collections.abc import Iterator

from agents_pipeline import errors

_NAME = ".lock"


@contextlib.contextmanager
def only_writer(folder: pathlib.Path) -> Iterator[None]:
  """Holds a run folder, which is made if need be.

  The system lets go of a dead process's lock, so the next takes it over. A
  folder that stays empty is removed again.

  Raises:
    UserError: another process holds it, which is named; or it cannot be made.
  """
  made = _make(folder)
  try:
    lock = _take(folder)
    try:
      yield
    finally:
      (folder / _NAME).unlink(missing_ok=True)
      os.close(lock)
  finally:
    with contextlib.suppress(OSError):  # it holds something
      for path in made:
        path.rmdir()


def _make(folder: pathlib.Path) -> list[pathlib.Path]:
  """Makes a folder; returns what of its path was not there, deepest first."""
  path, made = folder, []
  while not path.exists():
    made.append(path)
    path = path.parent
  try:
    folder.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise _cannot_be_written(folder, error) from None
  return made


def _take(folder: pathlib.Path) -> int:
  """Returns the descriptor of the lock, which this process now holds."""
  path = folder / _NAME
  while True:
    try:
      lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
      raise _cannot_be_written(folder, error) from None
    try:
      fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
      holder = os.pread(lock, 1000, 0).decode()
      os.close(lock)
      raise errors.UserError(
        f"--root_dir={str(folder)!r}: {holder or 'another process'} is writing "
        "this run; expected to wait for it, or another --root_dir"
      ) from None
    # Whoever held it may have removed the file that was opened.
    with contextlib.suppress(FileNotFoundError):
      if os.path.samestat(os.fstat(lock), path.stat()):
        break
    os.close(lock)
  holder = f"process {os.getpid()} on {socket.gethostname()}"
  os.ftruncate(lock, 0)
  os.pwrite(lock, holder.encode(), 0)
  return lock


def _cannot_be_written(
  folder: pathlib.Path, error: OSError
) -> errors.UserError:
  return errors.UserError(
    f"--root_dir={str(folder)!r}: expected a folder that can be written "
    f"({error.strerror})"
  )
