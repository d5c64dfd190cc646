"""Video files: their frame rates, their paths, and ffmpeg."""

import imageio.v2 as imageio
import numpy as np
import PIL.Image
import pytest

from agents_pipeline import errors
from agents_pipeline.evaluation import video_files


def test_a_gif_frame_lasts_at_least_what_browsers_support():
  milliseconds = [
    video_files.gif_frame_milliseconds(fps)
    for fps in (4, 30, 50, 60, 125, 1000)
  ]
  assert milliseconds == [250, 30, 20, 20, 20, 20]


def test_a_gif_has_the_duration_of_its_frames(tmp_path):
  with video_files.open_writer(tmp_path / "a.gif", 125.0, "") as video:
    for shade in (0, 90, 250):
      video.append_data(np.full((4, 4, 3), shade, np.uint8))
  with PIL.Image.open(tmp_path / "a.gif") as gif:
    assert (gif.n_frames, gif.info["duration"]) == (3, 20)


@pytest.mark.parametrize(
  ("declared", "is_playable"),
  [
    (30, True), (29.97, True), (np.int64(60), True), (np.float32(0.5), True),
    (0, False), (-30, False), (None, False), ("30", False), (True, False),
    (float("nan"), False), (float("inf"), False), (1e9, False), ([30], False),
  ],
)  # fmt: skip
def test_playable_frames_per_second(declared, is_playable):
  assert video_files.is_playable_fps(declared) is is_playable


def test_a_colon_in_a_relative_path_is_not_a_protocol(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "10:15").mkdir()
  path = (tmp_path / "10:15" / "a:b.mp4").relative_to(tmp_path)
  with video_files.open_writer(path, 30.0, "") as video:
    for shade in (0, 90, 250):
      video.append_data(np.full((16, 16, 3), shade, np.uint8))
  video_files.check_complete(path, 3)
  assert len(imageio.mimread(tmp_path / path, memtest=False)) == 3


@pytest.mark.parametrize(
  ("program", "reason"),
  [
    ("/nowhere/ffmpeg", "No such file or directory"),
    ("/etc", "Permission denied"),
    ("/bin/true", "it is another program"),
  ],
)
def test_an_ffmpeg_that_cannot_be_run_is_named(
  tmp_path, monkeypatch, program, reason
):
  monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", program)
  with pytest.raises(errors.UserError) as caught:
    video_files.check_ffmpeg(tmp_path / "a.mp4")
  assert f"IMAGEIO_FFMPEG_EXE={program!r}" in str(caught.value)
  assert f"({reason})" in str(caught.value)
  video_files.check_ffmpeg(tmp_path / "a.gif")  # needs none
