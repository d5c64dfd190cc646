"""TensorBoard sink: event files in the run folder."""

import contextlib
import os
import pathlib
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams import summary as hparams_summary
from tensorboard.plugins.hparams import summary_v2 as hparams
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar import summary_v2 as scalars
from tensorboard.plugins.text import summary_v2 as texts

from agents_pipeline import errors
from agents_pipeline.config import gin_files
from agents_pipeline.evaluation import preview
from agents_pipeline.files import atomic, run_folder
from agents_pipeline.runs import metrics
from agents_pipeline.runs import run as run_lib
from agents_pipeline.runs.sinks import sink


def open_events(run: run_lib.Run, resumed_at: int | None) -> sink.Sink:
  """Begins a new event file; see `logger.SinkFactory`.

  Events of an earlier start stay, up to its checkpoint: TensorBoard merges the
  files of a folder.
  """
  opened = TensorBoardSink(run.folder, resumed_at)
  config = gin_files.to_text(run.experiment)
  saved = run.checkpoints.newest() if resumed_at is not None else None
  opened.write_hparams(gin_files.parameters(run.experiment))
  if saved is None or saved[1].config != config:
    opened.write_config(config, resumed_at or 0)
  return opened


class TensorBoardSink(sink.Sink):
  """Writes metrics and timing as scalars over env steps, videos as images."""

  def __init__(
    self, folder: run_folder.RunFolder, resumed_at: int | None = None
  ):
    """Creates the event file.

    Args:
      folder: the run folder; the event file is in its root.
      resumed_at: the env steps after which events of earlier files are dropped;
        None for a new run.

    Raises:
      RunError: the event file cannot be written.
    """
    self._folder = folder
    if resumed_at is not None:
      for path in sorted(folder.root.glob("events.out.tfevents.*")):
        _cut(path, resumed_at)
    # TensorBoard reads the files of a folder in the order of their names.
    name = f"{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
    path = folder.root / f"events.out.tfevents.{name}"
    with _one_line_errors():
      self._file = tf.io.TFRecordWriter(str(path))
    # Makes a TensorBoard that is open drop the later steps that it has read.
    start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
    next_step = 0 if resumed_at is None else resumed_at + 1
    self._add(0, file_version="brain.Event:2")
    self._add(next_step, session_log=start)
    self._flush()

  def write_config(self, config: str, env_steps: int) -> None:
    """Writes the configuration as text.

    Args:
      config: the configuration, as gin text.
      env_steps: the env steps from which on it holds.
    """
    code = "".join(f"    {line}\n" for line in config.splitlines())
    self._add_summary(env_steps, texts.text_pb("config.gin", code))
    self._flush()

  def write_hparams(self, parameters: Mapping[str, Any]) -> None:
    """Writes the configuration for the page that compares runs.

    Args:
      parameters: "Class.field" -> its value, bool, int, float or str.
    """
    self._add_summary(0, hparams.hparams_pb(dict(parameters)))
    self._flush()

  def write(self, entry: sink.LogEntry) -> None:
    """See `Sink`; the event file is flushed."""
    env_steps = int(entry.metrics["env_steps"] or 0)
    for tag, value in entry.scalars.items():
      self._add_summary(env_steps, scalars.scalar_pb(tag, value))
    for path in entry.videos:
      self._add_video("evaluation/video", path, env_steps)
    self._flush()

  def finish(self, results: Mapping[str, Any]) -> None:
    """Writes the final evaluation and the video of the exported policy."""
    for tag, value in metrics.final(results).items():
      self._add_summary(results["env_steps"], scalars.scalar_pb(tag, value))
    video = self._folder.trained_video
    if video.exists():
      self._add_video("evaluation/final_video", video, results["env_steps"])
    self._add_summary(
      results["env_steps"],
      hparams_summary.session_end_pb(api_pb2.STATUS_SUCCESS),
    )
    self._flush()

  def close(self, *, failed: bool = False) -> None:
    """See `Sink`."""
    del failed
    self._file.close()

  def _add_video(self, tag: str, path: pathlib.Path, env_steps: int) -> None:
    """Adds a video as a GIF, which TensorBoard's page of images plays."""
    made = preview.of_video(path)
    if made is None:
      return
    size = str(made.width).encode(), str(made.height).encode()
    summary = tf.compat.v1.Summary()
    summary.value.add(
      tag=tag,
      tensor=tf.make_tensor_proto([*size, made.gif], tf.string),
      metadata=tf.compat.v1.SummaryMetadata.FromString(
        image_metadata.create_summary_metadata(None, None).SerializeToString()
      ),
    )
    self._add_summary(env_steps, summary)

  def _add_summary(self, env_steps: int, summary) -> None:
    # TensorBoard has classes of its own for the same messages.
    content = summary.SerializeToString()
    self._add(env_steps, summary=tf.compat.v1.Summary.FromString(content))

  def _add(self, env_steps: int, **content) -> None:
    event = tf.compat.v1.Event(wall_time=time.time(), step=env_steps, **content)
    with _one_line_errors():
      self._file.write(event.SerializeToString())

  def _flush(self) -> None:
    with _one_line_errors():
      self._file.flush()


def _cut(path: pathlib.Path, env_steps: int) -> None:
  """Drops what a resumed run writes again from the events of an earlier start.

  These are later events, one that a kill cut short, and the hyperparameters:
  TensorBoard shows the first ones that it finds.

  Args:
    path: the event file.
    env_steps: the env steps of the checkpoint that the run was resumed from.
  """
  kept, is_whole = [], True
  try:
    for content in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
      event = tf.compat.v1.Event.FromString(content)
      tags = {value.tag for value in event.summary.value}
      is_setting = hparams_metadata.SESSION_START_INFO_TAG in tags
      if event.step <= env_steps and not is_setting:
        kept.append(content)
      else:
        is_whole = False
  except tf.errors.DataLossError:
    is_whole = False
  if is_whole:
    return
  with (
    atomic.file(path) as temporary,
    _one_line_errors(),
    tf.io.TFRecordWriter(str(temporary)) as file,
  ):
    for content in kept:
      file.write(content)


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
  try:
    yield
  except tf.errors.OpError as error:
    raise errors.RunError(
      f"TensorBoard's events cannot be written: {errors.first_line(error)}"
    ) from None
