"""Boards of cells, as squares."""

import numpy as np

from agents_pipeline.environments.tasks import drawing


def test_each_cell_is_a_square_in_a_frame():
  colors = np.uint8([[[200, 0, 0], [0, 200, 0]]])  # one row, two columns
  image = drawing.board(colors, 4, (9, 9, 9))
  assert (image.shape, image.dtype) == ((4, 8, 3), np.uint8)
  frame = (image == 9).all(axis=-1)
  assert frame.tolist() == [
    [True] * 8,
    [True, False, False, True] * 2,
    [True, False, False, True] * 2,
    [True] * 8,
  ]
  assert (image[1:3, 1:3] == [200, 0, 0]).all()
  assert (image[1:3, 5:7] == [0, 200, 0]).all()
