"""Writers of metric rows: a CSV file for people, TensorBoard's events."""

import contextlib
import csv
import io
import os
import pathlib
from collections.abc import Sequence

import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.files import atomic
from agents_pipeline.runs import metrics


class CsvWriter:
  """Appends rows to a CSV file; what is None is left empty."""

  def __init__(
    self,
    path: pathlib.Path,
    columns: Sequence[str],
    until_env_steps: int | None = None,
  ):
    """Opens the file.

    Args:
      path: the file; begun anew unless resuming.
      columns: of every row; the first is env_steps.
      until_env_steps: the last that a resumed run has written of before its
        checkpoint. Rows of later ones are dropped, others left to the byte.

    Raises:
      RunError: it cannot be written.
    """
    self._path = path
    self._columns = columns
    kept = (",".join(columns) + "\n").encode()
    if until_env_steps is not None:
      kept += b"".join(_lines(path, until_env_steps))
    with atomic.file(path) as aside:
      aside.write_bytes(kept)
    self._file = path.open("ab", buffering=0)

  def write(self, *rows: metrics.Row) -> None:
    """Appends rows, each whole unless the disk is full.

    Raises:
      RunError: they cannot be written.
    """
    waiting = memoryview(_text(rows, self._columns))
    try:
      while waiting:
        waiting = waiting[self._file.write(waiting) :]
    except OSError as error:
      raise errors.RunError(
        f"{self._path} cannot be written: {error.strerror}"
      ) from None

  def flush(self) -> None:
    """Waits until the disk holds the rows."""
    os.fsync(self._file.fileno())

  def close(self) -> None:
    """Closes the file."""
    self._file.close()


def _text(rows: Sequence[metrics.Row], columns: Sequence[str]) -> bytes:
  text = io.StringIO()
  csv.DictWriter(text, columns, lineterminator="\n").writerows(
    {name: _word(value) for name, value in row.items()} for row in rows
  )
  return text.getvalue().encode()


def _lines(path: pathlib.Path, until_env_steps: int) -> list[bytes]:
  """The whole lines of a CSV file that tell of no later env step."""
  if not path.exists():
    return []
  lines = path.read_bytes().splitlines(keepends=True)[1:]
  when = [line.split(b",")[0] for line in lines]
  return [
    line
    for line, env_steps in zip(lines, when, strict=True)
    if line.endswith(b"\n")
    and env_steps.isdigit()
    and int(env_steps) <= until_env_steps
  ]


class TensorBoardWriter:
  """Writes the same scalars as events, against env steps."""

  def __init__(self, directory: pathlib.Path):
    self._writer = tf.summary.create_file_writer(str(directory))

  def write(self, row: metrics.Row) -> None:
    """Writes every value that is there.

    Raises:
      RunError: they cannot be written.
    """
    try:
      with self._writer.as_default(step=row["env_steps"]):
        for name, value in row.items():
          if value is not None and name != "env_steps":
            tf.summary.scalar(name, value)
      self._writer.flush()
    except tf.errors.OpError as error:
      reason = str(error).strip().split("\n")[0]
      raise errors.RunError(
        f"TensorBoard's events cannot be written: {reason}"
      ) from None

  def close(self) -> None:
    """Closes the file."""
    self._writer.close()


def read(path: pathlib.Path) -> list[metrics.Row]:
  """Reads a CSV file that `CsvWriter` wrote; [] where there is none.

  Lines that it did not write are left out.
  """
  if not path.exists():
    return []
  rows = []
  with path.open(newline="", encoding="utf-8", errors="replace") as file:
    for row in csv.DictReader(file):
      with contextlib.suppress(ValueError, AttributeError):
        rows.append({name: _number(text) for name, text in row.items()})
  return rows


def _word(value: float | int | None) -> str:
  if value is None:
    return ""
  return f"{value:.6g}" if isinstance(value, float) else str(value)


def _number(text: str) -> float | int | None:
  if text == "":
    return None
  return int(text) if text.lstrip("-").isdigit() else float(text)
