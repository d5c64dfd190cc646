"""A run folder as Python objects."""

import base64
import html
import json
import os
import pathlib
from typing import TYPE_CHECKING

from agents_pipeline import errors
from agents_pipeline.api import policy as policy_lib
from agents_pipeline.config import gin_files, schema
from agents_pipeline.files import paths, run_folder, tables
from agents_pipeline.runs import run_record

if TYPE_CHECKING:
  import pandas as pd


class Run:
  """What a run has written so far; every access reads it anew.

  Attributes:
    folder: the paths of all that the run writes.
  """

  def __init__(self, root_dir: str | os.PathLike):
    """Opens a run, which may still be training.

    Args:
      root_dir: the run folder.

    Raises:
      UserError: there is no run in the folder.
    """
    self.folder = run_folder.RunFolder(paths.from_text("root_dir", root_dir))
    if not self.folder.has_run:
      raise errors.UserError(
        f"root_dir={str(root_dir)!r}: expected a run folder, with run.json"
      )

  @property
  def record(self) -> dict:
    """run.json: seed, versions, device, and the outcome.

    The outcome is "running", "finished", "stopped" or "failed".
    """
    return run_record.read(self.folder.run_record) or {}

  @property
  def experiment(self) -> schema.Experiment:
    """The configuration in force."""
    return gin_files.load_experiment([self._existing(self.folder.config)])

  @property
  def metrics(self) -> "pd.DataFrame":
    """metrics.csv: a row per log period, by `env_steps`."""
    return self._frame(self.folder.metrics)

  @property
  def episodes(self) -> "pd.DataFrame":
    """episodes.csv: a row per training episode."""
    return self._frame(self.folder.episodes)

  @property
  def evaluations(self) -> "pd.DataFrame":
    """evaluations.csv: a row per episode of the evaluations while training."""
    return self._frame(self.folder.evaluations)

  @property
  def evaluation(self) -> dict:
    """evaluation.json: the exported policy's returns, with a 95 % interval."""
    path = self._existing(self.folder.evaluation)
    try:
      return json.loads(path.read_text("utf-8"))
    except ValueError as error:
      raise errors.UserError(f"{path} cannot be read: {error}") from None

  @property
  def report(self) -> pathlib.Path:
    """report.html: all of the run on one page."""
    return self._existing(self.folder.report)

  @property
  def video(self) -> pathlib.Path:
    """The video of the exported policy."""
    return self._existing(self.folder.trained_video)

  @property
  def policy(self) -> policy_lib.Policy:
    """The exported policy: the best one that was evaluated."""
    return policy_lib.Policy(self._existing(self.folder.policy))

  def __repr__(self) -> str:
    return f"Run({str(self.folder.root)!r})"

  def _repr_html_(self) -> str:
    """What a notebook shows: the result, and the learning curve."""
    lines = [f"<b>{html.escape(str(self.folder.root))}</b>: {self._summary()}"]
    if self.folder.learning_curve.exists():
      picture = base64.b64encode(self.folder.learning_curve.read_bytes())
      lines.append(
        '<img alt="learning curve" style="max-width: 100%; width: 48rem" '
        f'src="data:image/png;base64,{picture.decode()}">'
      )
    return "<br>\n".join(lines)

  def _summary(self) -> str:
    summary = str(self.record.get("outcome"))
    if self.folder.evaluation.exists():
      found = self.evaluation
      low, high = found["interval_95"]
      summary += (
        f", mean return {found['mean_return']:.2f} over "
        f"{len(found['returns'])} episodes "
        f"(95 % interval {low:.2f} to {high:.2f})"
      )
    return summary

  def _frame(self, path: pathlib.Path) -> "pd.DataFrame":
    import pandas as pd

    names = tables.columns(self._existing(path))
    frame = pd.DataFrame(tables.read(path), columns=names)
    # A column without any number yet is one of numbers, too.
    return frame.astype({n: float for n in names if frame[n].dtype == object})

  def _existing(self, path: pathlib.Path) -> pathlib.Path:
    """Returns the path of something that the run has written.

    Raises:
      UserError: the run has not written it.
    """
    if not path.exists():
      outcome = self.record.get("outcome")
      raise errors.UserError(
        f"{str(path)!r} does not exist; the outcome of the run is {outcome!r}"
      )
    return path
