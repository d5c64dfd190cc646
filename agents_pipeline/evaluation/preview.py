"""A video as a small GIF, for pages that show images but no videos."""

import io
import itertools
import pathlib
from typing import Any, NamedTuple

import imageio.v2 as imageio
import numpy as np
import PIL.Image

_FPS = 10.0
_MOST_FRAMES = 100
_MOST_PIXELS = (320, 320)  # width and height


class Preview(NamedTuple):
  """A GIF.

  Attributes:
    gif: the content of the file.
    width: the width in pixels.
    height: the height in pixels.
  """

  gif: bytes
  width: int
  height: int


def of_video(path: pathlib.Path) -> Preview | None:
  """Makes a GIF of the beginning of a video, at its own speed.

  Args:
    path: the path of an MP4 or a GIF.

  Returns:
    A GIF of at most 100 frames, about ten per second if the video has as many,
    and of at most 320x320 pixels; None for other files.

  Raises:
    OSError: the video cannot be read.
  """
  if path.suffix.lower() not in (".mp4", ".gif"):
    return None
  reader: Any = imageio.get_reader(path.absolute())
  with reader:
    fps = _frames_per_second(path, reader)
    step = max(1, round(fps / _FPS))
    chosen = itertools.islice(reader, 0, step * _MOST_FRAMES, step)
    images = [_shrunk(frame) for frame in chosen]
  content = io.BytesIO()
  images[0].save(
    content,
    "GIF",
    save_all=True,
    append_images=images[1:],
    duration=max(20, 10 * round(100 * step / fps)),  # milliseconds
    loop=0,
  )
  return Preview(content.getvalue(), *images[0].size)


def _frames_per_second(path: pathlib.Path, reader) -> float:
  if path.suffix.lower() == ".mp4":
    return reader.get_meta_data()["fps"]
  with PIL.Image.open(path) as image:
    return 1000 / max(1, image.info.get("duration", 1000 / _FPS))


def _shrunk(frame: np.ndarray) -> PIL.Image.Image:
  image = PIL.Image.fromarray(frame).convert("RGB")
  image.thumbnail(_MOST_PIXELS)
  return image
