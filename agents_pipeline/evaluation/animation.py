"""A film as one HTML page with controls, which needs nothing but a browser.

Why not matplotlib's `to_jshtml`: its page loads its icons from a CDN.
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
  """Writes frames into a page as they come; used like imageio's writers.

  ```
  with HtmlWriter(pathlib.Path("film.html"), fps=50) as film:
    film.append_data(frame)
  ```

  Frames are lossless WebP, which for flat pictures is a quarter of PNG's size;
  a frame seen before is written as the number of the first like it.
  """

  def __init__(self, path: pathlib.Path, fps: float, title: str = ""):
    head, self._tail = _page(fps, title)
    self._numbers: dict[bytes, int] = {}  # of the first frame with a digest
    self._num_frames = 0
    self._file = path.open("w", encoding="utf-8", newline="\n")
    self._file.write(head)

  def append_data(self, frame: np.ndarray) -> None:
    """Adds a frame, uint8 [H, W, 3]."""
    encoded = io.BytesIO()
    PIL.Image.fromarray(frame).save(encoded, format="webp", lossless=True)
    webp = encoded.getvalue()
    number = self._numbers.setdefault(
      hashlib.sha256(webp).digest(), self._num_frames
    )
    if self._num_frames:
      self._file.write(",\n")
    is_new = number == self._num_frames
    entry = base64.b64encode(webp).decode() if is_new else number
    self._file.write(json.dumps(entry))
    self._num_frames += 1

  def close(self) -> None:
    """Completes the page."""
    if not self._file.closed:
      with self._file:
        self._file.write(self._tail)

  def __enter__(self) -> "HtmlWriter":
    return self

  def __exit__(self, *exception) -> None:
    self.close()


def _page(fps: float, title: str) -> tuple[str, str]:
  """Returns what comes before the frames and what comes after them."""
  folder = importlib.resources.files("agents_pipeline.evaluation")
  page = (folder / "animation.html").read_text(encoding="utf-8")
  head, tail = page.split("{{frames}}")
  head = head.replace("{{fps}}", json.dumps(float(fps)))
  # The title last: whatever stands in it stays as it is.
  return head.replace("{{title}}", html.escape(title)), tail
