"""Videos as small GIFs."""

import io

import numpy as np
import PIL.Image
import pytest

from agents_pipeline.evaluation import preview, video_files


def record(path, num_frames, fps, size):
  with video_files.open_writer(path, fps, "") as video:
    for i in range(num_frames):
      frame = np.zeros((*size, 3), np.uint8)
      frame[:, : 2 * (i % 100) + 2] = 255  # no frame is like the one before
      video.append_data(frame)
  return path


@pytest.mark.parametrize("suffix", ["mp4", "gif"])
def test_a_preview_plays_as_fast_as_its_video(tmp_path, suffix):
  path = record(tmp_path / f"a.{suffix}", 100, 50.0, (100, 400))
  made = preview.of_video(path)
  with PIL.Image.open(io.BytesIO(made.gif)) as gif:
    # Two seconds: every fifth frame for a tenth of a second.
    assert (gif.n_frames, gif.info["duration"]) == (20, 100)
    assert gif.size == (made.width, made.height) == (320, 80)


def test_a_preview_is_the_first_ten_seconds(tmp_path):
  path = record(tmp_path / "a.mp4", 330, 30.0, (16, 240))
  with PIL.Image.open(io.BytesIO(preview.of_video(path).gif)) as gif:
    assert gif.n_frames == 100 and gif.size == (240, 16)


def test_a_page_has_no_preview(tmp_path):
  assert preview.of_video(tmp_path / "a.html") is None
