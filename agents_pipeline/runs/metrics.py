"""The names of what is logged. docs/metrics.md says what each one means."""

from collections.abc import Sequence

_FIRST = (
  "env_steps",
  "train_steps",
  "episodes",
  "episode_return",
  "episode_length",
)
_LAST = ("evaluation_return", "evaluation_length")

# Of timing.csv. The clock tells another time in every run; all that is in
# metrics.csv is the same, to the byte, for one seed.
TIMING_COLUMNS = (
  "env_steps",
  "env_steps_per_second",
  "train_steps_per_second",
)

# Of episodes.csv: a row for every episode, in the order of their ends.
EPISODE_COLUMNS = ("env_steps", "episode_return", "episode_length")

Row = dict[str, float | int | None]


def columns(measures: Sequence[str]) -> tuple[str, ...]:
  """The columns of a run.

  Args:
    measures: what its agent and its schedules tell.
  """
  return *_FIRST, *measures, *_LAST


def row(names: Sequence[str], **values: float | int | None) -> Row:
  """Makes a row of every column; what is not given is None.

  Args:
    names: the columns.
    **values: of some of them.

  Raises:
    KeyError: a name is not a column.
  """
  unknown = values.keys() - set(names)
  if unknown:
    raise KeyError(f"not a column: {sorted(unknown)}")
  return {name: values.get(name) for name in names}
