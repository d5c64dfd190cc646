"""Atomic writes: files and folders appear whole or not at all.

Content is written to a sibling whose name starts with `.partial-`, flushed to
the disk, and then renamed, so it also survives a power failure.
"""

import contextlib
import os
import pathlib
import shutil
import sys
from collections.abc import Iterable, Iterator

from agents_pipeline import errors

_PARTIAL = ".partial-"
_REPLACED = f"{_PARTIAL}before-"


@contextlib.contextmanager
def file(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Yields a temporary path to write to, and renames it to `path` on success.

  Args:
    path: the path of the new file; missing parent folders are created.

  Raises:
    RunError: the file cannot be written; an existing file is left unchanged.
  """
  with _one_line_errors(path), _temporary(path) as temporary:
    yield temporary
    flush(temporary)
    temporary.replace(path)
    flush(path.parent)


@contextlib.contextmanager
def folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Yields an empty temporary folder; otherwise like `file`."""
  with _one_line_errors(path), _temporary(path) as temporary:
    temporary.mkdir()
    yield temporary
    for written in (*temporary.rglob("*"), temporary):
      flush(written)
    with _moved_away(path):
      temporary.replace(path)
    flush(path.parent)


@contextlib.contextmanager
def _moved_away(path: pathlib.Path) -> Iterator[None]:
  """Moves an existing folder out of the way, and removes it at the end.

  If the process is killed in between, `recover` moves it back.
  """
  replaced = path.with_name(f"{_REPLACED}{path.name}")
  if path.exists():
    _delete(replaced)
    path.replace(replaced)
  yield
  _delete(replaced)


def remove(path: pathlib.Path) -> None:
  """Removes a folder in one step: it is renamed before it is deleted."""
  renamed = path.with_name(f"{_PARTIAL}{path.name}")
  _delete(renamed)
  path.replace(renamed)
  _delete(renamed)


def recover(folder: pathlib.Path) -> None:
  """Cleans up after a killed process.

  Unfinished files and folders are deleted. What was about to be replaced is
  moved back.

  Args:
    folder: the folder that was written to; it may be missing.
  """
  for replaced in folder.glob(f"{_REPLACED}*"):
    path = replaced.with_name(replaced.name.removeprefix(_REPLACED))
    if not path.exists():
      replaced.replace(path)
  for path in folder.glob(f"{_PARTIAL}*"):
    _delete(path)


def clear(paths: Iterable[pathlib.Path]) -> None:
  """Removes files and folders in the given order, each in one step."""
  for path in paths:
    if path.is_dir() and not path.is_symlink():
      remove(path)
    else:
      path.unlink()


def flush(path: pathlib.Path) -> None:
  """Blocks until a file, or the entries of a folder, are on the disk."""
  descriptor = os.open(path, os.O_RDONLY)
  try:
    os.fsync(descriptor)
  finally:
    os.close(descriptor)


@contextlib.contextmanager
def _temporary(path: pathlib.Path) -> Iterator[pathlib.Path]:
  path.parent.mkdir(parents=True, exist_ok=True)
  temporary = path.with_name(f"{_PARTIAL}{path.name}")
  _delete(temporary)
  try:
    yield temporary
  finally:
    _delete(temporary)


def _delete(path: pathlib.Path) -> None:
  if path.is_dir() and not path.is_symlink():
    shutil.rmtree(path, ignore_errors=True)
  else:
    path.unlink(missing_ok=True)


@contextlib.contextmanager
def _one_line_errors(path: pathlib.Path) -> Iterator[None]:
  """Turns errors of the file system and of TensorFlow into `RunError`."""
  try:
    yield
  except OSError as error:
    reason = error.strerror or str(error)
    raise errors.RunError(f"{path} cannot be written: {reason}") from None
  except Exception as error:
    # What writes by TensorFlow has imported it; others need not wait for it.
    tensorflow = sys.modules.get("tensorflow")
    if not tensorflow or not isinstance(error, tensorflow.errors.OpError):
      raise
    reason = errors.first_line(error)
    raise errors.RunError(f"{path} cannot be written: {reason}") from None
