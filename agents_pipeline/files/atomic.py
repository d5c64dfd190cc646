"""Files and folders that appear whole or not at all, also when power fails.

What is written lies aside, under a name that begins with `.partial-`, until it
is flushed to the disk; then it is renamed.
"""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator

import tensorflow as tf

from agents_pipeline import errors

_PARTIAL = ".partial-"
_BEFORE = f"{_PARTIAL}before-"


@contextlib.contextmanager
def file(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Gives a path to write to, and puts it in place when it is whole.

  Its folder is made if need be.

  Raises:
    RunError: it cannot be written; what was there before still is.
  """
  with _told(path), _aside(path) as aside:
    yield aside
    flush(aside)
    aside.replace(path)
    flush(path.parent)


@contextlib.contextmanager
def folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Gives an empty folder to write into; otherwise like `file`."""
  with _told(path), _aside(path) as aside:
    aside.mkdir()
    yield aside
    for written in (*aside.rglob("*"), aside):
      flush(written)
    with _replaced(path):
      aside.replace(path)
    flush(path.parent)


@contextlib.contextmanager
def _replaced(path: pathlib.Path) -> Iterator[None]:
  """Makes room for a folder, and removes the one that was there after that.

  Killed in between, `recover` puts it back.
  """
  before = path.with_name(f"{_BEFORE}{path.name}")
  if path.exists():
    _clear(before)
    path.replace(before)
  yield
  _clear(before)


def remove(path: pathlib.Path) -> None:
  """Removes a folder at one moment."""
  leaving = path.with_name(f"{_PARTIAL}{path.name}")
  _clear(leaving)
  path.replace(leaving)
  _clear(leaving)


def recover(folder: pathlib.Path) -> None:
  """Puts right what a killed process left in a folder.

  What it had not finished is removed, and what it was about to replace is put
  back.
  """
  for before in folder.glob(f"{_BEFORE}*"):
    path = before.with_name(before.name.removeprefix(_BEFORE))
    if not path.exists():
      before.replace(path)
  for path in folder.glob(f"{_PARTIAL}*"):
    _clear(path)


def clear(paths: Iterable[pathlib.Path]) -> None:
  """Removes files and folders in order, each at one moment."""
  for path in paths:
    if path.is_dir() and not path.is_symlink():
      remove(path)
    else:
      path.unlink()


def flush(path: pathlib.Path) -> None:
  """Waits until the disk holds a file, or the names in a folder."""
  descriptor = os.open(path, os.O_RDONLY)
  try:
    os.fsync(descriptor)
  finally:
    os.close(descriptor)


@contextlib.contextmanager
def _aside(path: pathlib.Path) -> Iterator[pathlib.Path]:
  path.parent.mkdir(parents=True, exist_ok=True)
  aside = path.with_name(f"{_PARTIAL}{path.name}")
  _clear(aside)
  try:
    yield aside
  finally:
    _clear(aside)


def _clear(path: pathlib.Path) -> None:
  if path.is_dir() and not path.is_symlink():
    shutil.rmtree(path, ignore_errors=True)
  else:
    path.unlink(missing_ok=True)


@contextlib.contextmanager
def _told(path: pathlib.Path) -> Iterator[None]:
  """What the system or TensorFlow says of a full disk, in one line."""
  try:
    yield
  except OSError as error:
    reason = error.strerror or str(error)
    raise errors.RunError(f"{path} cannot be written: {reason}") from None
  except tf.errors.OpError as error:
    reason = str(error).strip().split("\n")[0]
    raise errors.RunError(f"{path} cannot be written: {reason}") from None
