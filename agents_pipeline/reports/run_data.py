"""What a run folder holds, read for a report."""

import csv
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from agents_pipeline import errors
from agents_pipeline.config import gin_files
from agents_pipeline.files import run_folder

# Column -> [N] float64, NaN where a field is empty; {} if there is no file.
Table = Mapping[str, np.ndarray]

_NAME = "EnvironmentConfig.name"


@dataclasses.dataclass(frozen=True)
class RunData:
  """A run: finished, stopped, failed, or not ended.

  Attributes:
    name: the name that tells the run apart from the others of a report.
    folder: the paths of the run.
    record: the content of run.json.
    config_text: the text of config.gin.
    config: the values that config.gin binds, name -> value.
    evaluation: the content of evaluation.json; None if there is no such file.
    metrics: the table metrics.csv.
    episodes: the table episodes.csv.
    timing: the table timing.csv.
  """

  name: str
  folder: run_folder.RunFolder
  record: dict
  config_text: str
  config: dict[str, Any]
  evaluation: dict | None
  metrics: Table
  episodes: Table
  timing: Table

  @property
  def environment(self) -> str:
    """The gymnasium id."""
    return str(self.config[_NAME])

  @property
  def seed(self) -> int | None:
    """The seed; None if the run was killed as it began."""
    return self.record.get("seed")

  @property
  def is_finished(self) -> bool:
    """Whether the run has ended, with a policy that was evaluated."""
    return self.record.get("outcome") == "finished" and (
      self.evaluation is not None
    )

  @property
  def env_steps(self) -> int:
    """Env steps of the last row of metrics.csv; 0 without rows."""
    steps = self.metrics.get("env_steps", np.zeros(0))
    known = steps[np.isfinite(steps)]
    return int(known[-1]) if len(known) else 0

  @property
  def wanted_env_steps(self) -> int | None:
    """The configured length of the run."""
    return self.config.get("TrainingConfig.num_env_steps")

  @property
  def final_return(self) -> float | None:
    """Mean return of the exported policy; None unless the run is finished."""
    if not self.is_finished or self.evaluation is None:
      return None
    return float(self.evaluation["mean_return"])

  @property
  def newest_evaluation(self) -> float | None:
    """The newest `evaluation_return` of metrics.csv."""
    returns = self.metrics.get("evaluation_return", np.zeros(0))
    known = returns[np.isfinite(returns)]
    return float(known[-1]) if len(known) else None

  def status(self) -> str:
    """How the run ended, in words."""
    outcome = self.record.get("outcome")
    if self.is_finished:
      return "stopped early" if self.record.get("stopped_early") else "finished"
    if outcome == "running":
      return "running, or was killed"
    return str(outcome)


def read(folder: run_folder.RunFolder, name: str) -> RunData:
  """Reads a run folder.

  Args:
    folder: the folder of a run, finished or not.
    name: the name of the run; see `RunData`.

  Raises:
    UserError: a file of the folder cannot be read, or is not what a run writes
      there.
  """
  record = _read_json(folder.run_record)
  if not (record and isinstance(record.get("starts"), list)):
    raise errors.UserError(f"{folder.run_record} is not a run record")
  text = _read_text(folder.config)
  config = gin_files.values(text)
  if not isinstance(config.get(_NAME), str):
    raise errors.UserError(f"{folder.config} does not bind {_NAME}")
  evaluation = _read_json(folder.evaluation)
  if evaluation is not None:
    _check_evaluation(folder.evaluation, evaluation)
  return RunData(
    name,
    folder,
    record,
    text,
    config,
    evaluation,
    read_table(folder.metrics),
    read_table(folder.episodes),
    read_table(folder.timing),
  )


def read_table(path: Path) -> Table:
  """Reads a CSV file of numbers.

  Its last line is left out where it is not complete: a run that goes on is
  writing it.

  Raises:
    UserError: the file cannot be read, or a line of it is not a row of numbers.
  """
  if not path.exists():
    return {}
  lines = _read_text(path).splitlines(keepends=True)
  if lines and not lines[-1].endswith("\n"):
    del lines[-1]
  if len(lines) < 2:
    return {}
  header = lines[0].strip().split(",")
  try:
    # Fast: a run may have a million episodes.
    values = np.loadtxt(lines[1:], delimiter=",", ndmin=2, comments=None)
  except ValueError:
    values = None  # an empty field, or what is no number
  if values is None or values.shape[1] != len(header):
    values = _numbers(path, lines[1:], len(header))
  return dict(zip(header, values.T, strict=True))


def _numbers(path: Path, lines: list[str], num_columns: int) -> np.ndarray:
  """The numbers in lines of a CSV file: [N, columns] float64."""
  values = []
  for i, row in enumerate(csv.reader(lines)):
    try:
      values.append([float(field) if field else np.nan for field in row])
    except ValueError:
      row = []
    if len(row) != num_columns:
      raise errors.UserError(
        f"{path}: line {i + 2} is not a row of {num_columns} numbers"
      )
  return np.array(values).reshape(-1, num_columns)


def _read_text(path: Path) -> str:
  try:
    return path.read_text("utf-8")
  except (OSError, ValueError) as error:
    reason = getattr(error, "strerror", None) or str(error)
    raise errors.UserError(f"{path} cannot be read: {reason}") from None


def _read_json(path: Path) -> dict | None:
  """The object in a JSON file; None if there is no file."""
  if not path.exists():
    return None
  try:
    content = json.loads(_read_text(path))
  except ValueError as error:
    if isinstance(error, errors.UserError):
      raise
    raise errors.UserError(f"{path} cannot be read: {error}") from None
  if not isinstance(content, dict):
    raise errors.UserError(f"{path} is not a JSON object")
  return content


def _check_evaluation(path: Path, content: dict) -> None:
  numbers: list = [None]
  match content:
    case {
      "mean_return": mean,
      "interval_95": [low, high],
      "returns": [_, *_] as returns,
    }:
      numbers = [mean, low, high, *returns]
  if not all(isinstance(number, int | float) for number in numbers):
    raise errors.UserError(f"{path} is not an evaluation")
