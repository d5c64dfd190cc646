"""Draws a board of cells."""

import numpy as np


def board(
  colors: np.ndarray, pixels_per_cell: int, grid_color: tuple[int, int, int]
) -> np.ndarray:
  """Draws each cell as a square, in a frame of one pixel.

  Args:
    colors: the color of each cell, [rows, columns, 3] uint8.
    pixels_per_cell: the side of a square, in pixels.
    grid_color: red, green and blue of the frames, 0 to 255.

  Returns:
    The image, [rows * pixels_per_cell, columns * pixels_per_cell, 3] uint8.
  """
  image = colors.repeat(pixels_per_cell, axis=0)
  image = image.repeat(pixels_per_cell, axis=1)
  for edge in (0, pixels_per_cell - 1):  # of every cell
    image[edge::pixels_per_cell] = grid_color
    image[:, edge::pixels_per_cell] = grid_color
  return image
