"""Finds run folders, by themselves and in folders of them, and names them."""

import os
import pathlib
from collections.abc import Iterator, Sequence

from agents_pipeline import errors
from agents_pipeline.files import paths, run_folder


def find(texts: Sequence[str]) -> list[run_folder.RunFolder]:
  """The run folders that a user names.

  Args:
    texts: the paths, each of a run folder, or of a folder that holds run
      folders, at any depth.

  Returns:
    Every run once, in the given order; runs of one folder by their names.

  Raises:
    UserError: a path does not exist, or holds no run.
  """
  found: dict[pathlib.Path, run_folder.RunFolder] = {}
  for text in texts:
    path = paths.from_text("RUN", text)
    if not path.is_dir():
      kind = "is not a folder" if path.exists() else "does not exist"
      raise errors.UserError(
        f"{text!r} {kind}; expected a run folder{_nearest_folder(path)}"
      )
    folders = [run_folder.RunFolder(each) for each in _runs_in(path)]
    if not folders:
      raise errors.UserError(
        f"{text!r} has no run.json, nor has a folder in it; expected a run "
        "folder, or a folder of run folders"
      )
    for folder in folders:
      found.setdefault(folder.root.resolve(), folder)
  return list(found.values())


def names(folders: Sequence[run_folder.RunFolder]) -> list[str]:
  """The shortest paths that tell run folders apart.

  Args:
    folders: the run folders, one or more, none of them twice.

  Returns:
    The path of each folder from the one that holds all; for one alone, its own
    name.
  """
  absolute = [folder.root.resolve() for folder in folders]
  common = os.path.commonpath([path.parent for path in absolute])
  return [path.relative_to(common).as_posix() for path in absolute]


def _runs_in(folder: pathlib.Path) -> Iterator[pathlib.Path]:
  """The folder itself where it is a run's, otherwise the runs in it."""
  for root, inner, _ in os.walk(folder):
    if run_folder.RunFolder(root).has_run:
      inner.clear()  # a run holds no other
      yield pathlib.Path(root)
    inner[:] = sorted(
      (name for name in inner if not name.startswith(".")), key=_by_number
    )


def _by_number(name: str) -> tuple[str, int, str]:
  """Orders seed_2 before seed_10."""
  start = name.rstrip("0123456789")
  number = name[len(start) :]
  return start, int(number or -1), number


def _nearest_folder(path: pathlib.Path) -> str:
  parent = path.parent
  if path.exists() or not parent.is_dir():
    return ""
  beside = [each.name for each in parent.iterdir() if each.is_dir()]
  return errors.nearest(path.name, beside)
