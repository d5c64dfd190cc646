"""Paths within the folder of a sweep, and what the sweep is."""

import json
import pathlib
from typing import Any

from agents_pipeline import errors
from agents_pipeline.files import atomic, run_folder
from agents_pipeline.runs import run_record


class SweepFolder:
  """Every file and folder that a sweep writes.

  Attributes:
    root: the folder itself, `--root_dir`.
    about: sweep.json, what is varied.
    study: the storage of Optuna, for a search.
    trials: the folder of trials, each with a run folder per seed.
    table: trials.csv, one row per run.
    best: best.gin, the configuration of the best trial.
    report: report.html, all runs on one page.
  """

  def __init__(self, root: pathlib.Path):
    """Names the paths; nothing is read or written."""
    self.root = root
    self.about = root / "sweep.json"
    self.study = root / "study.db"
    self.trials = root / "trials"
    self.table = root / "trials.csv"
    self.best = root / "best.gin"
    self.report = root / "report.html"

  def run(self, trial: int, seed: int) -> run_folder.RunFolder:
    """The run folder of a trial and a seed."""
    return run_folder.RunFolder(self.trials / f"{trial:03d}" / f"seed_{seed}")

  def begin(self, about: dict[str, Any], may_grow: set[str]) -> None:
    """Writes sweep.json, after comparing it with an earlier start's.

    Args:
      about: the description of the sweep, as JSON.
      may_grow: the keys whose numbers may be larger than before.

    Raises:
      UserError: the folder holds something else, or another sweep.
    """
    if not self.about.exists():
      others = [p for p in self.root.glob("*") if p.name != ".lock"]
      if others:
        raise errors.UserError(
          f"--root_dir={str(self.root)!r} is not the folder of a sweep, and "
          f"holds {others[0].name!r}; expected one, or a new folder"
        )
    before = self._read()
    for key, value in before.items():
      now = about.get(key)
      grows = key in may_grow and now is not None and now >= value
      if now != value and not grows:
        raise errors.UserError(
          f"{self.root} was started with {_difference(key, value, now)}; "
          "expected the same, or another --root_dir"
        )
    atomic.recover(self.root)
    run_record.write_json(self.about, about)

  def _read(self) -> dict[str, Any]:
    if not self.about.exists():
      return {}
    try:
      content = json.loads(self.about.read_text("utf-8"))
    except (OSError, ValueError) as error:
      raise errors.UserError(f"{self.about} cannot be read: {error}") from None
    if not isinstance(content, dict):
      raise errors.UserError(f"{self.about} does not say what a sweep is")
    return content


def _difference(key: str, before: Any, now: Any) -> str:
  """The first lines that differ, for texts; else both values."""
  if isinstance(before, str) and isinstance(now, str) and "\n" in before:
    pairs = zip(before.splitlines(), now.splitlines(), strict=False)
    for old, new in pairs:
      if old != new:
        return f"{old!r}, not {new!r}"
  return f"{key} = {before!r}, not {now!r}"
