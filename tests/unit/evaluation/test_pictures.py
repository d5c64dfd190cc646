"""What environments render, as frames, and the files that they go into."""

import imageio.v2 as imageio
import numpy as np
import PIL.Image
import pytest

from agents_pipeline import errors
from agents_pipeline.evaluation import captions, pictures, video_files


def frame(picture):
  return pictures.Frames().add(picture)


def test_frames_are_padded_to_even_sides():
  picture = np.arange(3 * 5 * 3, dtype=np.uint8).reshape(3, 5, 3)
  even = frame(picture)
  assert even.shape == (4, 6, 3)
  np.testing.assert_array_equal(even[:3, :5], picture)
  np.testing.assert_array_equal(even[3, :5], picture[2])


GRAY = np.array([[0, 51], [102, 255]], np.uint8)  # 0, 0.2, 0.4, 1 of 255
RGB = np.repeat(GRAY[..., None], 3, axis=-1)


@pytest.mark.parametrize(
  "picture",
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
def test_every_kind_of_picture_becomes_the_same_frame(picture):
  found = frame(picture)
  assert found.dtype == np.uint8
  np.testing.assert_array_equal(found, RGB)
  assert captions.draw(found, "frame 1").shape == (2, 2, 3)


def test_bools_become_black_and_white():
  found = frame(np.array([[False, True], [True, False]]))
  assert found[..., 0].tolist() == [[0, 255], [255, 0]]


@pytest.mark.parametrize(
  ("picture", "given"),
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
def test_what_is_no_picture_is_told_in_one_line(picture, given):
  with pytest.raises(pictures.NotAPictureError) as caught:
    frame(picture)
  assert str(caught.value) == (
    f"its render() gave {given}; expected a picture of uint8, or of floats or "
    "bools in [0, 1], of shape [H, W], [H, W, 1], [H, W, 3] or [H, W, 4]"
  )


def test_pictures_of_another_size_than_the_first_are_refused():
  frames = pictures.Frames()
  frames.add(np.zeros((10, 20, 3), np.uint8))
  frames.add(np.zeros((10, 20), np.uint8))  # gray, of the same size
  with pytest.raises(pictures.NotAPictureError, match="21 x 10 .* 20 x 10"):
    frames.add(np.zeros((10, 21, 3), np.uint8))


def test_one_color_is_noticed_only_where_there_is_no_other():
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
    frames = pictures.Frames()
    for picture in shown:
      frames.add(picture)
    assert frames.color == color


def test_a_gif_never_shows_a_frame_for_less_than_browsers_take():
  found = [video_files.milliseconds(fps) for fps in (4, 30, 50, 60, 125, 1000)]
  assert found == [250, 30, 20, 20, 20, 20]


def test_the_gif_itself_says_so(tmp_path):
  with video_files.open_writer(tmp_path / "a.gif", 125.0, "") as video:
    for shade in (0, 90, 250):
      video.append_data(np.full((4, 4, 3), shade, np.uint8))
  with PIL.Image.open(tmp_path / "a.gif") as gif:
    assert (gif.n_frames, gif.info["duration"]) == (3, 20)


@pytest.mark.parametrize(
  ("declared", "is_rate"),
  [
    (30, True), (29.97, True), (np.int64(60), True), (np.float32(0.5), True),
    (0, False), (-30, False), (None, False), ("30", False), (True, False),
    (float("nan"), False), (float("inf"), False), (1e9, False), ([30], False),
  ],
)  # fmt: skip
def test_frames_per_second_that_can_be_played(declared, is_rate):
  assert video_files.is_rate(declared) is is_rate


def test_a_colon_in_a_relative_path_is_no_protocol(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "10:15").mkdir()
  path = (tmp_path / "10:15" / "a:b.mp4").relative_to(tmp_path)
  with video_files.open_writer(path, 30.0, "") as video:
    for shade in (0, 90, 250):
      video.append_data(np.full((16, 16, 3), shade, np.uint8))
  video_files.check_whole(path, 3)
  assert len(imageio.mimread(tmp_path / path, memtest=False)) == 3


@pytest.mark.parametrize(
  ("program", "reason"),
  [
    ("/nowhere/ffmpeg", "No such file or directory"),
    ("/etc", "Permission denied"),
    ("/bin/true", "it is another program"),
  ],
)
def test_what_is_no_ffmpeg_is_named(tmp_path, monkeypatch, program, reason):
  monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", program)
  with pytest.raises(errors.UserError) as caught:
    video_files.check_writer(tmp_path / "a.mp4")
  assert f"IMAGEIO_FFMPEG_EXE={program!r}" in str(caught.value)
  assert f"({reason})" in str(caught.value)
  video_files.check_writer(tmp_path / "a.gif")  # needs none
