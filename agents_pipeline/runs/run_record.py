"""run.json: how a run was started, with which software, and how it ended."""

import json
import os
import pathlib
import platform
import sys
from collections.abc import Sequence

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
  """The record of the current start of a run.

  It replaces the record of the previous start, but for the lists of starts and
  of changed settings.
  """

  def __init__(self, path: pathlib.Path, seed: int, device: str):
    """Writes the record with the outcome "running".

    Args:
      path: the path of run.json.
      seed: the seed of the run.
      device: the device, 'cpu' or 'gpu'.

    Raises:
      UserError: the previous record is not valid.
      RunError: the record cannot be written.
    """
    self._path = path
    previous = read(path) or {"starts": []}
    self._content: dict = {
      "seed": seed,
      "starts": list(previous["starts"]),
      "changes": list(previous.get("changes", [])),
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
    write_json(self._path, self._content)

  def add_changes(self, env_steps: int, changed: Sequence[str]) -> None:
    """Adds settings that differ from those that the run was saved with.

    Args:
      env_steps: the env steps done when the settings changed. Changes that are
        recorded at as many or more are dropped: the start that made them saved
        nothing.
      changed: the changes, "Class.field: old -> new" each.

    Raises:
      RunError: the record cannot be written.
    """
    changes = [
      entry
      for entry in self._content["changes"]
      if entry["env_steps"] < env_steps
    ]
    if changed:
      changes.append({"env_steps": env_steps, "settings": list(changed)})
    if changes != self._content["changes"]:
      self._content["changes"] = changes
      write_json(self._path, self._content)

  def end(self, outcome: str, **results) -> None:
    """Adds how the run ended.

    Args:
      outcome: the outcome, 'finished', 'stopped' or 'failed'.
      **results: further fields of run.json.

    Raises:
      RunError: the record cannot be written.
    """
    self._content |= {"outcome": outcome, "ended": provenance.now(), **results}
    write_json(self._path, self._content)


def reset(path: pathlib.Path) -> None:
  """Overwrites a record with the record of a run that has only begun.

  So the run no longer counts as finished if the process is killed while it
  removes the rest of the folder.
  """
  if path.exists():
    write_json(path, {"seed": None, "starts": [], "outcome": "running"})


def read(path: pathlib.Path) -> dict | None:
  """Reads a run.json; None if there is none.

  Raises:
    UserError: the file cannot be read, or is not a run record.
  """
  if not path.exists():
    return None
  try:
    content = json.loads(path.read_text("utf-8"))
  except (OSError, ValueError) as error:
    raise errors.UserError(f"{path} cannot be read: {error}") from None
  is_record = isinstance(content, dict) and (
    isinstance(content.get("starts"), list)
    and isinstance(content.get("changes", []), list)
    and isinstance(content.get("env_steps", 0), int)
    and isinstance(content.get("episodes", 0), int)
  )
  if not is_record:
    raise errors.UserError(f"{path} is not a run record")
  return content


def write_json(path: pathlib.Path, content: dict) -> None:
  """Writes an indented JSON file, atomically."""
  write_text(path, json.dumps(content, indent=2) + "\n")


def write_text(path: pathlib.Path, text: str) -> None:
  """Writes a text file, atomically."""
  with atomic.file(path) as temporary:
    temporary.write_text(text, "utf-8")


def versions() -> dict[str, str | None]:
  """The version of every package that a run's numbers depend on.

  Returns:
    Package -> version; None for a package that is not installed.
  """
  return provenance.versions(_PACKAGES)
