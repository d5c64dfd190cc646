"""Files of videos: MP4, GIF, or a page with controls."""

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
USUAL_FPS = 30
_MAX_FPS = 1_000
_FFMPEG = "IMAGEIO_FFMPEG_EXE"
# Of a GIF's frame, in hundredths of a second: browsers show less as ten.
_MIN_HUNDREDTHS = 2


def check_format(path: pathlib.Path) -> None:
  """Raises UserError where the ending of a path is no format we write."""
  if path.suffix.lower() not in _FORMATS:
    raise errors.UserError(
      f"--output={str(path)!r}: expected a file ending in "
      f"{', '.join(_FORMATS[:-1])} or {_FORMATS[-1]}"
    )


def check_writer(path: pathlib.Path) -> None:
  """Raises UserError where the program that writes a format is missing."""
  program = os.environ.get(_FFMPEG)
  if path.suffix.lower() != ".mp4" or not program:
    return
  try:
    told = subprocess.run(
      [program, "-version"],
      stdin=subprocess.DEVNULL,
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
      timeout=30,
      check=False,
    ).stdout
    reason = "" if told.startswith(b"ffmpeg") else "it is another program"
  except OSError as error:
    reason = error.strerror or str(error)
  except subprocess.TimeoutExpired:
    reason = "it does not answer"
  if reason:
    raise errors.UserError(
      f"{_FFMPEG}={program!r}: cannot be run as ffmpeg ({reason}); expected "
      "the path of ffmpeg, or nothing to use the one that is installed"
    )


def is_rate(value: object) -> bool:
  """Whether a number of frames per second can be played."""
  return (
    isinstance(value, numbers.Real)
    and not isinstance(value, bool)
    and math.isfinite(value)
    and 1 / _MAX_FPS <= float(value) <= _MAX_FPS
  )


def open_writer(path: pathlib.Path, fps: float, title: str):
  """Opens a new file.

  Args:
    path: its ending chooses the format.
    fps: frames per second, for which `is_rate` holds. A GIF plays 50 at most.
    title: of a page.

  Returns:
    A context with `append_data(frame)`, a frame being uint8 [H, W, 3] with even
    sides.
  """
  if path.suffix.lower() == ".html":
    return animation.HtmlWriter(path, fps, title)
  if path.suffix.lower() == ".gif":
    return _GifWriter(path, fps)
  # An absolute path: of "10:15.mp4", ffmpeg takes 10 for a protocol.
  return imageio.get_writer(
    path.absolute(),
    fps=fps,
    codec="libx264",
    macro_block_size=2,
    ffmpeg_log_level="error",
  )


class _GifWriter:
  """Writes a GIF at its end.

  imageio's writer keeps every frame until then as well; but where it cannot
  write, it tries again when it is deleted, and tells of that on stderr.
  """

  def __init__(self, path: pathlib.Path, fps: float):
    self._path = path
    self._content = io.BytesIO()
    self._writer = imageio.get_writer(
      self._content, format="gif", duration=milliseconds(fps), loop=0
    )

  def append_data(self, frame: np.ndarray) -> None:
    self._writer.append_data(frame)

  def __enter__(self) -> "_GifWriter":
    return self

  def __exit__(self, *exception) -> None:
    self._writer.close()
    if exception[0] is None:
      self._path.write_bytes(self._content.getvalue())


def milliseconds(fps: float) -> int:
  """How long a GIF shows a frame: whole hundredths, and no less than two."""
  return 10 * max(_MIN_HUNDREDTHS, round(100 / fps))


def check_whole(path: pathlib.Path, num_frames: int) -> None:
  """Raises OSError where ffmpeg failed, of which imageio does not tell."""
  if path.suffix.lower() != ".mp4":
    return
  try:
    there, _ = imageio_ffmpeg.count_frames_and_secs(str(path.absolute()))
  except RuntimeError:
    there = 0
  if there != num_frames:
    raise OSError(f"ffmpeg wrote {there} of {num_frames} frames")
