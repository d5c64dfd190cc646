"""The names of what is logged. docs/metrics.md says what each one means."""

COLUMNS = (
  "env_steps",
  "train_steps",
  "episodes",
  "episode_return",
  "episode_length",
  "loss",
  "mean_q",
  "epsilon",
  "env_steps_per_second",
  "train_steps_per_second",
  "evaluation_return",
  "evaluation_length",
)

Row = dict[str, float | int | None]


def row(**values: float | int | None) -> Row:
  """Makes a row of every column; what is not given is None.

  Raises:
    KeyError: a name is not a column.
  """
  unknown = values.keys() - set(COLUMNS)
  if unknown:
    raise KeyError(f"not in COLUMNS: {sorted(unknown)}")
  return {name: values.get(name) for name in COLUMNS}
