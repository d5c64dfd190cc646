"""TensorBoard sink: event files in the run folder."""

import pathlib

import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.runs import run as run_lib
from agents_pipeline.runs.sinks import sink


def open_events(run: run_lib.Run, resumed_at: int | None) -> sink.Sink:
  """Begins a new event file; see `logger.SinkFactory`.

  Events of an earlier start stay: TensorBoard merges the files of a folder.
  """
  del resumed_at
  return TensorBoardSink(run.folder.root)


class TensorBoardSink:
  """Writes metrics and timing as scalars over env steps."""

  def __init__(self, folder: pathlib.Path):
    """Creates the event file.

    Args:
      folder: the folder of the event file.
    """
    self._writer = tf.summary.create_file_writer(str(folder))

  def write(self, entry: sink.LogEntry) -> None:
    """See `Sink`; None is left out."""
    scalars = entry.metrics | (entry.timing or {})
    try:
      with self._writer.as_default(step=scalars.pop("env_steps")):
        for name, value in scalars.items():
          if value is not None:
            tf.summary.scalar(name, value)
      self._writer.flush()
    except tf.errors.OpError as error:
      reason = str(error).strip().split("\n")[0]
      raise errors.RunError(
        f"TensorBoard's events cannot be written: {reason}"
      ) from None

  def flush(self) -> None:
    """Does nothing: every write is flushed."""

  def close(self, *, failed: bool = False) -> None:
    """See `Sink`."""
    del failed
    self._writer.close()
