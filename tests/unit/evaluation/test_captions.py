"""Captions: legible in the corner, and nothing else of the frame changes."""

import numpy as np
import pytest

from agents_pipeline.evaluation import captions

SHAPES = [(400, 600, 3), (210, 160, 3), (84, 84, 3)]
TEXT = "frame 37  return 37.0"


def plain(shape, grey):
  return np.full(shape, grey, np.uint8)


@pytest.mark.parametrize("shape", SHAPES)
def test_only_the_corner_of_a_copy_changes(shape):
  frame = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
  frame.setflags(write=False)
  before = frame.copy()
  drawn = captions.draw(frame, TEXT)
  assert (drawn.shape, drawn.dtype) == (frame.shape, np.uint8)
  np.testing.assert_array_equal(frame, before)
  assert drawn.flags.writeable  # the caller's own
  half = shape[0] // 2
  assert np.any(drawn[:6, :20] != frame[:6, :20])
  np.testing.assert_array_equal(drawn[half:], frame[half:])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_it_is_legible_on_black_and_on_white(shape, grey):
  frame = plain(shape, grey)
  drawn, other = (captions.draw(frame, t) for t in (TEXT, "frame 38  return 0"))
  rows, columns = np.nonzero((drawn != frame).any(axis=-1))
  strip = drawn[: rows.max() + 1, : columns.max() + 1]
  letters = np.mean(strip.min(axis=-1) > 200)
  assert np.median(strip) <= 90 and letters > 0.02  # light letters on dark
  assert np.any(drawn != other)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
  "text", [TEXT, "episode 10  frame 499  return -1234.5"]
)
def test_all_of_it_fits_the_width(shape, text):
  drawn, other = (
    captions.draw(plain(shape, 0), text + end) for end in ("1", "8")
  )
  assert np.any(drawn != other)  # the last letter is there
  bright = np.nonzero(drawn.max(axis=(0, 2)) > 60)[0]
  assert bright.max() < shape[1] - 1  # and whole


def test_letters_grow_with_the_picture():
  lit = [np.sum(captions.draw(plain(s, 0), "37") > 128) for s in SHAPES]
  assert lit[0] > 2 * lit[1] and lit[1] >= lit[2] > 10
