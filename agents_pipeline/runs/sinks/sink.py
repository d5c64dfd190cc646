"""The interface of sinks, and the entries that they receive."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

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
      episode of an evaluation since then.
  """

  metrics: metrics_lib.Row
  timing: metrics_lib.Row | None = None
  episodes: Sequence[metrics_lib.Row] = ()
  evaluated: Sequence[metrics_lib.Row] = ()


class Sink(Protocol):
  """Receives every result of a run, from one start of the run.

  Entries arrive in the order of their env steps. A run that was killed repeats
  the entries after its last checkpoint when it is resumed.
  """

  def write(self, entry: LogEntry) -> None:
    """Called once per result, before a checkpoint may include it.

    Args:
      entry: not to be changed.

    Raises:
      RunError: it cannot be written; this ends the run.
    """

  def flush(self) -> None:
    """Called before each checkpoint: entries written so far become durable."""

  def close(self, *, failed: bool) -> None:
    """Called once, when training ends, is stopped or fails.

    Args:
      failed: whether training ended with an exception.
    """
