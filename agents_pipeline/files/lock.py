"""A lock that admits one writing process per run folder."""

import contextlib
import fcntl
import os
import pathlib
import socket
from collections.abc import Iterator

from agents_pipeline import errors

_NAME = ".lock"


class LockedError(errors.UserError):
  """Another process writes to the folder."""


@contextlib.contextmanager
def exclusive(folder: pathlib.Path) -> Iterator[None]:
  """Locks a folder for the calling process, creating the folder if needed.

  The operating system releases the lock of a process that dies. The lock file
  is removed on exit, and so are folders that were created here and are still
  empty: a run that is refused leaves nothing behind.

  Args:
    folder: the folder to lock.

  Raises:
    LockedError: another process, which the message names, holds the lock.
    UserError: the folder cannot be created, written or locked.
  """
  created = _create(folder)
  try:
    descriptor = _acquire(folder)
    try:
      yield
    finally:
      # Removed while still locked, so that nobody else can hold this file.
      (folder / _NAME).unlink(missing_ok=True)
      os.close(descriptor)
  finally:
    with contextlib.suppress(OSError):  # not empty
      for path in created:
        path.rmdir()


def _create(folder: pathlib.Path) -> list[pathlib.Path]:
  """Creates a folder; returns it and its new parents, deepest first."""
  path, created = folder, []
  while not path.exists():
    created.append(path)
    path = path.parent
  try:
    folder.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise _not_writable(folder, error) from None
  return created


def _acquire(folder: pathlib.Path) -> int:
  """Returns the descriptor of the lock file, locked by this process."""
  path = folder / _NAME
  while True:
    try:
      descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
      raise _not_writable(folder, error) from None
    try:
      fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      holder = os.pread(descriptor, 1000, 0).decode() or "another process"
      os.close(descriptor)
      raise LockedError(
        f"--root_dir={str(folder)!r}: {holder} is writing this run; wait for "
        "it to end, or use another --root_dir"
      ) from None
    except OSError as error:
      path.unlink(missing_ok=True)  # what is refused leaves nothing behind
      os.close(descriptor)
      raise errors.UserError(
        f"--root_dir={str(folder)!r}: expected a file system with locks, flock "
        f"({error.strerror})"
      ) from None
    if _is_same_file(descriptor, path):
      break
    # The previous holder removed this file after it was opened here.
    os.close(descriptor)
  os.ftruncate(descriptor, 0)
  holder = f"process {os.getpid()} on {socket.gethostname()}"
  os.pwrite(descriptor, holder.encode(), 0)
  return descriptor


def _is_same_file(descriptor: int, path: pathlib.Path) -> bool:
  try:
    return os.path.samestat(os.fstat(descriptor), path.stat())
  except FileNotFoundError:
    return False


def _not_writable(folder: pathlib.Path, error: OSError) -> errors.UserError:
  return errors.UserError(
    f"--root_dir={str(folder)!r}: expected a writable folder ({error.strerror})"
  )
