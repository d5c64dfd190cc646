"""Logs every result of a run to all sinks. A new sink is added to `_SINKS`."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from agents_pipeline.files import tables
from agents_pipeline.runs import console, metrics
from agents_pipeline.runs import run as run_lib
from agents_pipeline.runs.sinks import (
  csv_files,
  learning_curve,
  progress_bar,
  sink,
  tensorboard,
)
from agents_pipeline.training import episode_statistics, loop

# (run, resumed_at) -> an open sink. `resumed_at` is the env steps of the last
# entry that a resumed run keeps, as later entries are written again; it is None
# for a new run. Raises RunError if the sink cannot be opened.
SinkFactory = Callable[[run_lib.Run, int | None], sink.Sink]

_SINKS: tuple[SinkFactory, ...] = (
  csv_files.open_metrics,
  csv_files.open_timing,
  csv_files.open_episodes,
  csv_files.open_evaluations,
  tensorboard.open_events,
  progress_bar.open_progress,
  learning_curve.open_curve,
)


class Logger:
  """Turns results into log entries and writes them to all sinks.

  A context manager that closes the sinks. The sinks do not take a requested
  stop for a failure.

  Attributes:
    last_row: the last row of metrics.csv; {} if there is none.
  """

  def __init__(
    self,
    run: run_lib.Run,
    *,
    resumed: bool,
    extra_sinks: Sequence[SinkFactory] = (),
  ):
    """Opens all sinks.

    Args:
      run: the run; its counters say what was logged before its checkpoint.
      resumed: whether the run was restored from a checkpoint.
      extra_sinks: the factories of sinks to open after those of every run.

    Raises:
      RunError: a sink cannot be opened.
    """
    self._run = run
    self._videos: list[pathlib.Path] = []
    resumed_at = int(run.pipeline.interval.env_steps) if resumed else None
    factories = (*_SINKS, *extra_sinks) if run.is_written else ()
    self._sinks = [open_sink(run, resumed_at) for open_sink in factories]
    rows = tables.read(run.folder.metrics)
    self.last_row = rows[-1] if rows else {}

  def __enter__(self) -> "Logger":
    return self

  def __exit__(self, error_type: type | None, *_) -> None:
    failed = error_type not in (None, console.StopRequested)
    for opened in self._sinks:
      opened.close(failed=failed)

  def write_untrained(self, measured: Sequence[metrics.Measured]) -> None:
    """Logs the entry of env step 0.

    Args:
      measured: what each callback measured before training.
    """
    counters = {"env_steps": 0, "train_steps": 0, "episodes": 0}
    row = metrics.row(self._run.columns, **counters, **_values(measured))
    self._write(sink.LogEntry(row, evaluated=_evaluated(measured)))

  def write(
    self, result: loop.IntervalResult, measured: Sequence[metrics.Measured]
  ) -> None:
    """Logs a result of the training loop.

    Args:
      result: the result: what was done since the previous one.
      measured: what each callback measured after the result.

    Raises:
      RunError: the entry cannot be written.
    """
    episodes = result.episodes
    row = metrics.row(
      self._run.columns,
      env_steps=result.env_steps,
      train_steps=result.train_steps,
      episodes=result.num_episodes,
      episode_return=_mean(episodes.returns),
      episode_length=_mean(episodes.lengths),
      **result.means,
      **{name: value() for name, value in self._run.pipeline.schedules.items()},
      **_values(measured),
    )
    timing = metrics.row(
      metrics.TIMING_COLUMNS,
      env_steps=result.env_steps,
      env_steps_per_second=result.num_env_steps / result.seconds,
      train_steps_per_second=result.num_train_steps / result.seconds,
    )
    self._write(
      sink.LogEntry(row, timing, _episode_rows(episodes), _evaluated(measured))
    )

  def add_video(self, path: pathlib.Path) -> None:
    """Adds a video to the entry that is written next."""
    self._videos.append(path)

  def flush(self) -> None:
    """Makes all entries durable, so that a checkpoint may count them."""
    for opened in self._sinks:
      opened.flush()

  def saved(self) -> None:
    """Tells the sinks that a checkpoint counts all entries."""
    for opened in self._sinks:
      opened.saved()

  def end_training(self) -> None:
    """Tells the sinks that no entry follows."""
    for opened in self._sinks:
      opened.end_training()

  def finish(self, results: Mapping[str, Any]) -> None:
    """Tells the sinks that the run has finished.

    Args:
      results: the results, as run.json has them.
    """
    for opened in self._sinks:
      opened.finish(results)

  def _write(self, entry: sink.LogEntry) -> None:
    entry = dataclasses.replace(entry, videos=tuple(self._videos))
    self._videos.clear()
    for opened in self._sinks:
      opened.write(entry)
    self.last_row = entry.metrics


def _values(measured: Sequence[metrics.Measured]) -> metrics.Row:
  return dict(pair for one in measured for pair in one.values.items())


def _evaluated(measured: Sequence[metrics.Measured]) -> list[metrics.Row]:
  return [row for one in measured for row in one.evaluated]


def _mean(values: np.ndarray) -> float | None:
  return float(np.mean(values)) if len(values) else None


def _episode_rows(episodes: episode_statistics.Episodes) -> list[metrics.Row]:
  return [
    dict(zip(metrics.EPISODE_COLUMNS, values, strict=True))
    for values in zip(*(column.tolist() for column in episodes), strict=True)
  ]
