"""Writes video files: MP4, GIF, or an HTML page with controls."""

import io
import math
import numbers
import os
import pathlib
import subprocess

import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np

from agents_pipeline import errors
from agents_pipeline.evaluation import animation

_FORMATS = (".mp4", ".gif", ".html")
DEFAULT_FPS = 30
_MAX_FPS = 1_000
_FFMPEG_VARIABLE = "IMAGEIO_FFMPEG_EXE"
# The shortest frame of a GIF, in 1/100 s: browsers play shorter ones at 10/100.
_MIN_HUNDREDTHS = 2


def check_format(path: pathlib.Path) -> None:
  """Raises UserError if the suffix of a path is not a supported format."""
  if path.suffix.lower() not in _FORMATS:
    raise errors.UserError(
      f"--output={str(path)!r}: expected a file ending in "
      f"{', '.join(_FORMATS[:-1])} or {_FORMATS[-1]}"
    )


def check_ffmpeg(path: pathlib.Path) -> None:
  """Raises UserError if the user's ffmpeg is needed and cannot be run."""
  program = os.environ.get(_FFMPEG_VARIABLE)
  if path.suffix.lower() != ".mp4" or not program:
    return
  try:
    output = subprocess.run(
      [program, "-version"],
      stdin=subprocess.DEVNULL,
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
      timeout=30,
      check=False,
    ).stdout
    reason = "" if output.startswith(b"ffmpeg") else "it is another program"
  except OSError as error:
    reason = error.strerror or str(error)
  except subprocess.TimeoutExpired:
    reason = "it does not answer"
  if reason:
    raise errors.UserError(
      f"{_FFMPEG_VARIABLE}={program!r}: cannot be run as ffmpeg ({reason}); "
      "expected the path of ffmpeg, or nothing to use the one that is installed"
    )


def is_playable_fps(value: object) -> bool:
  """Returns whether a video can be played at a number of frames per second."""
  return (
    isinstance(value, numbers.Real)
    and not isinstance(value, bool)
    and math.isfinite(value)
    and 1 / _MAX_FPS <= float(value) <= _MAX_FPS
  )


def open_writer(path: pathlib.Path, fps: float, title: str):
  """Opens a new file.

  Args:
    path: the path of the file; its suffix determines the format.
    fps: the frames per second, which `is_playable_fps` accepts. A GIF plays at
      most 50.
    title: the title of an HTML page.

  Returns:
    A context manager with `append_data(frame)`, where a frame is uint8
    [H, W, 3] of even height and width.
  """
  if path.suffix.lower() == ".html":
    return animation.HtmlWriter(path, fps, title)
  if path.suffix.lower() == ".gif":
    return _GifWriter(path, fps)
  # An absolute path: in "10:15.mp4", ffmpeg takes 10 for a protocol.
  return imageio.get_writer(
    path.absolute(),
    fps=fps,
    codec="libx264",
    macro_block_size=2,
    ffmpeg_log_level="error",
  )


class _GifWriter:
  """Writes a GIF when it is closed.

  imageio's writer buffers all frames as well; but if it cannot write them, it
  tries again when it is deleted, and prints that to stderr.
  """

  def __init__(self, path: pathlib.Path, fps: float):
    self._path = path
    self._content = io.BytesIO()
    self._writer = imageio.get_writer(
      self._content, format="gif", duration=gif_frame_milliseconds(fps), loop=0
    )

  def append_data(self, frame: np.ndarray) -> None:
    self._writer.append_data(frame)

  def __enter__(self) -> "_GifWriter":
    return self

  def __exit__(self, *exception) -> None:
    self._writer.close()
    if exception[0] is None:
      self._path.write_bytes(self._content.getvalue())


def gif_frame_milliseconds(fps: float) -> int:
  """Returns how long a GIF shows a frame: a multiple of 10, at least 20."""
  return 10 * max(_MIN_HUNDREDTHS, round(100 / fps))


def check_complete(path: pathlib.Path, num_frames: int) -> None:
  """Raises OSError if ffmpeg failed, which imageio does not report."""
  if path.suffix.lower() != ".mp4":
    return
  try:
    num_written, _ = imageio_ffmpeg.count_frames_and_secs(str(path.absolute()))
  except RuntimeError:
    num_written = 0
  if num_written != num_frames:
    raise OSError(f"ffmpeg wrote {num_written} of {num_frames} frames")
