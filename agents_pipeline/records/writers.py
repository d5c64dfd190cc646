"""Writers of metric rows: a CSV file for people, TensorBoard's events."""

import csv
import pathlib
from collections.abc import Sequence

import tensorflow as tf

from agents_pipeline.records import metrics


class CsvWriter:
  """Appends rows to a CSV file; what is None is left empty."""

  def __init__(
    self,
    path: pathlib.Path,
    columns: Sequence[str],
    after_env_steps: int | None = None,
  ):
    """Opens the file.

    Args:
      path: the file; begun anew unless resuming.
      columns: of every row.
      after_env_steps: the env step that a resumed run goes on from. Rows of
        later steps, written after its checkpoint, are dropped.
    """
    kept = []
    if after_env_steps is not None:
      kept = [r for r in read(path) if (r["env_steps"] or 0) <= after_env_steps]
    # The old rows stay until the new file is whole.
    aside = path.with_name(path.name + ".partial")
    self._file = aside.open("w", newline="", encoding="utf-8")
    self._writer = csv.DictWriter(self._file, columns)
    self._writer.writeheader()
    self.write(*kept)
    aside.replace(path)

  def write(self, *rows: metrics.Row) -> None:
    """Appends rows and flushes them."""
    self._writer.writerows(
      {name: _text(value) for name, value in row.items()} for row in rows
    )
    self._file.flush()

  def close(self) -> None:
    """Closes the file."""
    self._file.close()


class TensorBoardWriter:
  """Writes the same scalars as events, against env steps."""

  def __init__(self, directory: pathlib.Path):
    self._writer = tf.summary.create_file_writer(str(directory))

  def write(self, row: metrics.Row) -> None:
    """Writes every value that is there."""
    with self._writer.as_default(step=row["env_steps"]):
      for name, value in row.items():
        if value is not None and name != "env_steps":
          tf.summary.scalar(name, value)
    self._writer.flush()

  def close(self) -> None:
    """Closes the file."""
    self._writer.close()


def read(path: pathlib.Path) -> list[metrics.Row]:
  """Reads a CSV file that `CsvWriter` wrote; [] where there is none."""
  if not path.exists():
    return []
  with path.open(newline="", encoding="utf-8") as file:
    return [
      {name: _number(text) for name, text in row.items() if name}
      for row in csv.DictReader(file)
      if None not in row.values()  # a line cut short is left out
    ]


def _text(value: float | int | None) -> str:
  if value is None:
    return ""
  return str(value) if isinstance(value, int) else f"{value:.6g}"


def _number(text: str) -> float | int | None:
  if text == "":
    return None
  return int(text) if text.lstrip("-").isdigit() else float(text)
