"""Reads the tables of a run folder."""

import contextlib
import csv
import pathlib

# Column -> value; None where there is no value.
Row = dict[str, float | int | None]


def read(path: pathlib.Path) -> list[Row]:
  """Reads the rows of a CSV file of a run.

  Args:
    path: the path of the file.

  Returns:
    The rows of the file, without those that lack a field or have one that is
    not a number; [] if there is no file.
  """
  if not path.exists():
    return []
  rows = []
  with path.open(newline="", encoding="utf-8", errors="replace") as file:
    for row in csv.DictReader(file):
      with contextlib.suppress(ValueError, AttributeError):
        rows.append({name: _parse(field) for name, field in row.items()})
  return rows


def columns(path: pathlib.Path) -> list[str]:
  """The names in the first line of a CSV file of a run."""
  with path.open(newline="", encoding="utf-8", errors="replace") as file:
    return next(csv.reader(file), [])


def _parse(field: str) -> float | int | None:
  if field == "":
    return None
  return int(field) if field.lstrip("-").isdigit() else float(field)
