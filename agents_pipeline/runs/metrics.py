"""What is logged, by column; docs/metrics.md explains each."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agents_pipeline.files.tables import Row

_FIRST = (
  "env_steps",
  "train_steps",
  "episodes",
  "episode_return",
  "episode_length",
)
_LAST = ("evaluation_return", "evaluation_length")

# Of timing.csv. Throughput is kept apart, since it differs between runs; one
# seed gives one metrics.csv, to the byte.
TIMING_COLUMNS = (
  "env_steps",
  "env_steps_per_second",
  "train_steps_per_second",
)

# Of episodes.csv, which has one row per training episode, in order of their
# ends.
EPISODE_COLUMNS = ("env_steps", "episode_return", "episode_length")

# Of evaluations.csv, which has one row per episode of every evaluation while
# training.
EVALUATION_COLUMNS = (
  "env_steps",
  "evaluation_return",
  "evaluation_length",
  "is_cut",
)


class Measured(NamedTuple):
  """What a callback measured between two results.

  Attributes:
    values: the values of columns of metrics.csv.
    evaluated: the rows of evaluations.csv.
  """

  values: Row = {}  # noqa: RUF012, never changed
  evaluated: Sequence[Row] = ()


def columns(measures: Sequence[str]) -> tuple[str, ...]:
  """The columns of metrics.csv.

  Args:
    measures: the names of what the agent measures, and of its schedules.
  """
  return *_FIRST, *measures, *_LAST


def row(names: Sequence[str], **values: float | int | None) -> Row:
  """Makes a row of all columns; values that are not given are None.

  Args:
    names: the columns.
    **values: column -> value.

  Raises:
    KeyError: a name is not a column.
  """
  unknown = values.keys() - set(names)
  if unknown:
    raise KeyError(f"not a column: {sorted(unknown)}")
  return {name: values.get(name) for name in names}


def tag(column: str) -> str:
  """The name of a column in TensorBoard and tracking services, "group/name".

  Args:
    column: a column of metrics.csv or timing.csv.

  Returns:
    The name, such as "evaluation/return", "episodes/length", "time/train_steps"
    or "train/loss".
  """
  for prefix, group in (
    ("evaluation_", "evaluation"),
    ("episode_", "episodes"),
  ):
    if column.startswith(prefix):
      return f"{group}/{column.removeprefix(prefix)}"
  is_time = column in ("train_steps", "episodes", *TIMING_COLUMNS)
  return f"{'time' if is_time else 'train'}/{column}"


def final(results: Mapping) -> dict[str, float]:
  """What the end of a run measured, by tag.

  Args:
    results: the results, as run.json has them; what is missing is left out.
  """
  low, high = results.get("interval_95", (None, None))
  found = {
    "evaluation/final_return": results.get("mean_return"),
    "evaluation/final_return_low_95": low,
    "evaluation/final_return_high_95": high,
  }
  return {name: value for name, value in found.items() if value is not None}
