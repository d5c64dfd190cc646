"""What sinks receive, and what a sink may do with it."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from agents_pipeline.runs import metrics as metrics_lib


@dataclasses.dataclass(frozen=True)
class LogEntry:
  """What one result adds to the logs.

  A row maps column names to numbers; a value that does not exist, such as the
  loss before the first train step, is None.

  Attributes:
    metrics: the row of metrics.csv, with all columns of the run in order.
    timing: the row of timing.csv, with `TIMING_COLUMNS`; None for the
      entry that is logged before training.
    episodes: rows of episodes.csv, with `EPISODE_COLUMNS`, one for each
      training episode that ended since the previous entry, in that order.
    evaluated: rows of evaluations.csv, with `EVALUATION_COLUMNS`, one for each
      episode of an evaluation since the previous entry.
    videos: paths of the videos recorded since the previous entry.
  """

  metrics: metrics_lib.Row
  timing: metrics_lib.Row | None = None
  episodes: Sequence[metrics_lib.Row] = ()
  evaluated: Sequence[metrics_lib.Row] = ()
  videos: Sequence[pathlib.Path] = ()

  @property
  def scalars(self) -> dict[str, float | int]:
    """Every value that exists but `env_steps`, by its tag."""
    return {
      metrics_lib.tag(name): value
      for name, value in (self.metrics | (self.timing or {})).items()
      if value is not None and name != "env_steps"
    }


class Sink:
  """Base of the sinks, which get every result from one start of a run.

  Entries arrive in the order of their env steps. A run that was killed repeats
  the entries after its last checkpoint when it is resumed. A sink overrides the
  methods that it needs; a RunError from one of them ends the run.
  """

  def write(self, entry: LogEntry) -> None:
    """Called once per result, before a checkpoint may include it.

    Args:
      entry: the entry, which must not be changed.
    """

  def flush(self) -> None:
    """Called before each checkpoint: entries written so far become durable."""

  def saved(self) -> None:
    """Called after each checkpoint: no entry so far will be repeated."""

  def end_training(self) -> None:
    """Called when training has ended or was stopped, unless it failed."""

  def finish(self, results: Mapping[str, Any]) -> None:
    """Called when the run has finished, with its final evaluation and videos.

    If the run is killed right afterwards, its next start calls this again.

    Args:
      results: the results, as run.json has them.
    """

  def close(self, *, failed: bool) -> None:
    """Called once, at the end of this start.

    Args:
      failed: whether this start ended with an error.
    """
