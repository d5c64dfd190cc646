"""Draws a line of text into the corner of a frame."""

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

# Pixels. A frame of 400 rows gets letters of 18, a small one letters of 11, or
# smaller ones where the text would not fit the width.
_ROWS_PER_LETTER = 22
_MIN_LETTER = 11
_BACKGROUND = (0, 0, 0, 170)  # RGBA: white text stays legible on white


def draw(frame: np.ndarray, text: str) -> np.ndarray:
  """Returns a copy of a frame with a line of text in its top left corner.

  Args:
    frame: the frame, uint8 [H, W, 3].
    text: the line, drawn in white on a translucent dark strip; its size is
      reduced until it fits the width.

  Returns:
    The copy, uint8 [H, W, 3].
  """
  height, width = frame.shape[:2]
  margin = max(2, height // 80)
  font = _font(text, max(_MIN_LETTER, height / _ROWS_PER_LETTER), width, margin)
  ascent, descent = font.getmetrics()
  right = font.getlength(text) + 2 * margin
  bottom = ascent + descent + margin

  image = PIL.Image.fromarray(frame)
  canvas = PIL.ImageDraw.Draw(image, "RGBA")
  canvas.rectangle((0, 0, right - 1, bottom - 1), fill=_BACKGROUND)
  canvas.text((margin, margin / 2), text, font=font, fill="white")
  return np.array(image)


def _font(text, size, width, margin):
  """Returns Pillow's font, of at most `size`, in which the text fits."""
  font = PIL.ImageFont.load_default(size)
  while (length := font.getlength(text)) > width - 2 * margin and size > 1:
    size = max(1, min(size - 0.5, size * (width - 2 * margin) / length))
    font = PIL.ImageFont.load_default(size)
  return font
