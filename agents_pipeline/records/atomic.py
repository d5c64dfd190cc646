"""Files and folders that appear whole or not at all, also when power fails.

What is written lies aside, under a name that begins with `.partial-`, until it
is flushed to the disk; then it is renamed.
"""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator

import tensorflow as tf

from agents_pipeline import errors


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
    remove(path)
    aside.replace(path)
    flush(path.parent)


def remove(path: pathlib.Path) -> None:
  """Removes a folder, if there is one, at one moment."""
  if path.exists():
    leaving = path.with_name(f".partial-old-{path.name}")
    shutil.rmtree(leaving, ignore_errors=True)
    path.replace(leaving)
    shutil.rmtree(leaving, ignore_errors=True)


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
  aside = path.with_name(f".partial-{path.name}")
  _clear(aside)
  try:
    yield aside
  finally:
    _clear(aside)


def _clear(path: pathlib.Path) -> None:
  if path.is_dir():
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
