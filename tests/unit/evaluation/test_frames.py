"""Rendered images as the frames of a video."""

import numpy as np
import pytest

from agents_pipeline.evaluation import captions, frames


def convert(image):
  return frames.FrameConverter().convert(image)


def test_frames_are_padded_to_even_sides():
  image = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)
  even = convert(image)
  assert even.shape == (4, 6, 3)
  np.testing.assert_array_equal(even[:3, :5], image)
  np.testing.assert_array_equal(even[3, :5], image[2])


GRAY = np.array([[0, 51], [102, 255]], np.uint8)  # 0, 0.2, 0.4, 1 of 255
RGB = np.repeat(GRAY[..., None], 3, axis=-1)


@pytest.mark.parametrize(
  "image",
  [
    GRAY,
    GRAY[..., None],
    RGB,
    np.concatenate([RGB, np.zeros((2, 2, 1), np.uint8)], axis=-1),
    np.array([[0, 0.2], [0.4, 1]]),
    np.array([[0, 0.2], [0.4, 1]], np.float16)[..., None],
    RGB[::-1][::-1],  # strides that are negative twice
  ],
)
def test_every_type_and_shape_becomes_the_same_frame(image):
  found = convert(image)
  assert found.dtype == np.uint8
  np.testing.assert_array_equal(found, RGB)
  assert captions.draw(found, "frame 1").shape == (2, 2, 3)


def test_small_frames_are_enlarged_by_a_whole_number():
  large = frames.enlarge(RGB)
  assert large.shape == (160, 160, 3)
  np.testing.assert_array_equal(large[::80, ::80], RGB)
  assert (large[:80, :80] == RGB[0, 0]).all()
  wide = np.zeros((50, 100, 3), np.uint8)
  assert frames.enlarge(wide).shape == (100, 200, 3)
  already = np.zeros((10, 160, 3), np.uint8)
  assert frames.enlarge(already).shape == (10, 160, 3)


def test_bools_become_black_and_white():
  found = convert(np.array([[False, True], [True, False]]))
  assert found[..., 0].tolist() == [[0, 255], [255, 0]]


@pytest.mark.parametrize(
  ("image", "description"),
  [
    (None, "None"),
    ([RGB, RGB], "a list of 2"),
    ("█", "an object of type str"),
    (np.zeros((2, 2), np.int64), "int64"),
    (np.zeros((2, 2, 2), np.uint8), "uint8 of shape (2, 2, 2)"),
    (np.zeros((2, 2, 3, 1), np.uint8), "uint8 of shape (2, 2, 3, 1)"),
    (np.zeros((0, 2, 3), np.uint8), "uint8 of shape (0, 2, 3)"),
    (np.full((2, 2), 255.0), "float64 from 255 to 255"),
    (np.full((2, 2), -0.5), "float64 from -0.5 to -0.5"),
    (np.full((2, 2), np.nan), "float64 from nan to nan"),
    (np.array([["a", "b"]]), "<U1"),
  ],
)
def test_other_values_are_rejected_in_one_line(image, description):
  with pytest.raises(frames.InvalidFrameError) as caught:
    convert(image)
  assert str(caught.value) == (
    f"its render() gave {description}; expected an image of uint8, or of "
    "floats or bools in [0, 1], of shape [H, W], [H, W, 1], [H, W, 3] or "
    "[H, W, 4]"
  )


def test_images_of_another_size_than_the_first_are_rejected():
  converter = frames.FrameConverter()
  converter.convert(np.zeros((10, 20, 3), np.uint8))
  converter.convert(np.zeros((10, 20), np.uint8))  # gray, of the same size
  with pytest.raises(frames.InvalidFrameError, match="21 x 10 .* 20 x 10"):
    converter.convert(np.zeros((10, 21, 3), np.uint8))


def test_the_color_is_that_of_every_pixel_of_every_frame():
  plain = np.full((4, 4, 3), (1, 2, 3), np.uint8)
  dotted = plain.copy()
  dotted[3, 1, 2] += 1
  for shown, color in (
    ([], None),
    ([plain], (1, 2, 3)),
    ([plain, plain], (1, 2, 3)),
    ([plain, plain + 1], None),
    ([dotted, plain], None),
    ([plain, dotted, plain], None),
  ):
    converter = frames.FrameConverter()
    for image in shown:
      converter.convert(image)
    assert converter.color == color
