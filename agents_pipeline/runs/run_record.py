"""run.json: what was run, with what, on what, and how it ended."""

import json
import os
import pathlib
import platform
import sys

from agents_pipeline import errors
from agents_pipeline.files import atomic
from agents_pipeline.runs import provenance

_PACKAGES = (
  "agents_pipeline",
  "gymnasium",
  "numpy",
  "tensorflow",
  "tf-agents",
  "tf-keras",
)


class RunRecord:
  """The record of a run; every start after the first adds to it."""

  def __init__(self, path: pathlib.Path, seed: int, device: str):
    """Reads the record of an earlier start, or begins one.

    Args:
      path: of run.json.
      seed: of the run.
      device: 'cpu' or 'gpu'.
    """
    self._path = path
    before = read(path) or {"starts": []}
    self._content: dict = {
      "seed": seed,
      "starts": list(before["starts"]),
      "command": [sys.executable, *sys.argv],
      "git_commit": provenance.git_commit(),
      "python": platform.python_version(),
      "packages": versions(),
      "device": device,
      "machine": {"system": platform.platform(), "cores": os.cpu_count()},
      "outcome": "running",
      "ended": None,
    }
    self._content["starts"].append(provenance.now())
    self.write()

  def end(self, outcome: str, **results) -> None:
    """Writes how it ended: 'finished', 'stopped' or 'failed', and results."""
    self._content |= {"outcome": outcome, "ended": provenance.now(), **results}
    self.write()

  def write(self) -> None:
    """Writes the record, whole or not at all."""
    write_json(self._path, self._content)


def forget(path: pathlib.Path) -> None:
  """Makes a record one of a run that has just begun.

  A run that is removed is no finished one, however far that gets.
  """
  if path.exists():
    write_json(path, {"seed": None, "starts": [], "outcome": "running"})


def read(path: pathlib.Path) -> dict | None:
  """Reads a run.json; None where there is none.

  Raises:
    UserError: it is none.
  """
  if not path.exists():
    return None
  try:
    content = json.loads(path.read_text("utf-8"))
  except (OSError, ValueError) as error:
    raise errors.UserError(f"{path} cannot be read: {error}") from None
  is_ours = isinstance(content, dict) and (
    isinstance(content.get("starts"), list)
    and isinstance(content.get("env_steps", 0), int)
    and isinstance(content.get("episodes", 0), int)
  )
  if not is_ours:
    raise errors.UserError(f"{path} is no record of a run")
  return content


def write_json(path: pathlib.Path, content: dict) -> None:
  """Writes a JSON file for people, whole or not at all."""
  write_text(path, json.dumps(content, indent=2) + "\n")


def write_text(path: pathlib.Path, text: str) -> None:
  """Writes a text file whole or not at all, and its folder if need be."""
  with atomic.file(path) as aside:
    aside.write_text(text, "utf-8")


def versions() -> dict[str, str | None]:
  """The version of every package that a run's numbers depend on."""
  return provenance.versions(_PACKAGES)
