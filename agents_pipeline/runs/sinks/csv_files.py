"""CSV sinks: a file each of metrics, timing, episodes and evaluations."""

import csv
import io
import os
import pathlib
from collections.abc import Callable, Sequence

from agents_pipeline import errors
from agents_pipeline.files import atomic
from agents_pipeline.runs import metrics
from agents_pipeline.runs import run as run_lib
from agents_pipeline.runs.sinks import sink


def open_metrics(run: run_lib.Run, resumed_at: int | None) -> sink.Sink:
  """Opens metrics.csv; see `logger.SinkFactory`."""
  return CsvSink(
    run.folder.metrics, run.columns, lambda entry: [entry.metrics], resumed_at
  )


def open_timing(run: run_lib.Run, resumed_at: int | None) -> sink.Sink:
  """Opens timing.csv; see `logger.SinkFactory`."""
  return CsvSink(
    run.folder.timing,
    metrics.TIMING_COLUMNS,
    lambda entry: [entry.timing] if entry.timing else [],
    resumed_at,
  )


def open_episodes(run: run_lib.Run, resumed_at: int | None) -> sink.Sink:
  """Opens episodes.csv; see `logger.SinkFactory`."""
  return CsvSink(
    run.folder.episodes,
    metrics.EPISODE_COLUMNS,
    lambda entry: entry.episodes,
    resumed_at,
  )


def open_evaluations(run: run_lib.Run, resumed_at: int | None) -> sink.Sink:
  """Opens evaluations.csv; see `logger.SinkFactory`."""
  return CsvSink(
    run.folder.evaluations,
    metrics.EVALUATION_COLUMNS,
    lambda entry: entry.evaluated,
    resumed_at,
  )


class CsvSink(sink.Sink):
  """Appends rows to a CSV file; None becomes an empty field."""

  def __init__(
    self,
    path: pathlib.Path,
    columns: Sequence[str],
    rows_of: Callable[[sink.LogEntry], Sequence[metrics.Row]],
    resumed_at: int | None = None,
  ):
    """Opens the file.

    Args:
      path: the path of the file.
      columns: the columns of every row; the first is env_steps.
      rows_of: a function that selects the rows to write from an entry.
      resumed_at: the env steps up to which, inclusive, rows are kept to the
        byte; later rows are dropped. None begins the file with its header
        alone.

    Raises:
      RunError: the file cannot be written.
    """
    self._path = path
    self._columns = columns
    self._rows_of = rows_of
    content = (",".join(columns) + "\n").encode()
    if resumed_at is not None:
      content += b"".join(_lines_until(path, resumed_at))
    with atomic.file(path) as temporary:
      temporary.write_bytes(content)
    # Unbuffered: others read the file during the run.
    self._file = path.open("ab", buffering=0)

  def write(self, entry: sink.LogEntry) -> None:
    """See `Sink`; rows are written whole unless the disk is full."""
    remaining = memoryview(_to_csv(self._rows_of(entry), self._columns))
    try:
      while remaining:
        remaining = remaining[self._file.write(remaining) :]
    except OSError as error:
      raise errors.RunError(
        f"{self._path} cannot be written: {error.strerror}"
      ) from None

  def flush(self) -> None:
    """See `Sink`."""
    os.fsync(self._file.fileno())

  def close(self, *, failed: bool = False) -> None:
    """See `Sink`."""
    del failed
    self._file.close()


def _to_csv(rows: Sequence[metrics.Row], columns: Sequence[str]) -> bytes:
  text = io.StringIO()
  csv.DictWriter(text, columns, lineterminator="\n").writerows(
    {name: _format(value) for name, value in row.items()} for row in rows
  )
  return text.getvalue().encode()


def _lines_until(path: pathlib.Path, env_steps: int) -> list[bytes]:
  """The complete lines of a CSV file, without its header, up to an env step."""
  if not path.exists():
    return []
  lines = path.read_bytes().splitlines(keepends=True)[1:]
  first_fields = [line.split(b",")[0] for line in lines]
  return [
    line
    for line, field in zip(lines, first_fields, strict=True)
    if line.endswith(b"\n") and field.isdigit() and int(field) <= env_steps
  ]


def _format(value: float | int | None) -> str:
  if value is None:
    return ""
  return f"{value:.6g}" if isinstance(value, float) else str(value)
