"""A video as an HTML page with controls that works offline in any browser.

matplotlib's `to_jshtml` is no alternative: its page loads icons from a CDN.
"""

import base64
import hashlib
import html
import importlib.resources
import io
import json
import pathlib

import numpy as np
import PIL.Image


class HtmlWriter:
  """Writes each frame to the page at once; used like imageio's writers.

  ```
  with HtmlWriter(pathlib.Path("video.html"), fps=50) as video:
    video.append_data(frame)
  ```

  Frames are lossless WebP, a quarter of PNG's size for images of few colors; a
  repeated frame is written as the index of the first one equal to it.
  """

  def __init__(self, path: pathlib.Path, fps: float, title: str = ""):
    """Creates the file.

    Args:
      path: the path of the page.
      fps: the frames per second.
      title: the title, plain text.
    """
    head, self._tail = _page(fps, title)
    self._indices: dict[bytes, int] = {}  # of the first frame with a digest
    self._num_frames = 0
    self._file = path.open("w", encoding="utf-8", newline="\n")
    self._file.write(head)

  def append_data(self, frame: np.ndarray) -> None:
    """Adds a frame, uint8 [H, W, 3]."""
    encoded = io.BytesIO()
    PIL.Image.fromarray(frame).save(encoded, format="webp", lossless=True)
    webp = encoded.getvalue()
    index = self._indices.setdefault(
      hashlib.sha256(webp).digest(), self._num_frames
    )
    if self._num_frames:
      self._file.write(",\n")
    is_new = index == self._num_frames
    entry = base64.b64encode(webp).decode() if is_new else index
    self._file.write(json.dumps(entry))
    self._num_frames += 1

  def close(self) -> None:
    """Completes the page; may be called more than once."""
    if not self._file.closed:
      with self._file:
        self._file.write(self._tail)

  def __enter__(self) -> "HtmlWriter":
    return self

  def __exit__(self, *exception) -> None:
    self.close()


def _page(fps: float, title: str) -> tuple[str, str]:
  """Returns the parts of the page before and after the frames."""
  folder = importlib.resources.files("agents_pipeline.evaluation")
  page = (folder / "animation.html").read_text(encoding="utf-8")
  head, tail = page.split("{{frames}}")
  head = head.replace("{{fps}}", json.dumps(float(fps)))
  # The title last, so that placeholders in it are not replaced.
  return head.replace("{{title}}", html.escape(title)), tail
