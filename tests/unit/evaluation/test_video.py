"""Videos: their frames, their timing, and what is rejected."""

import endless_video
import gymnasium as gym
import imageio.v2 as imageio
import numpy as np
import PIL.Image
import pytest

from agents_pipeline import errors
from agents_pipeline.config import schema
from agents_pipeline.evaluation import video

CARTPOLE = schema.EnvironmentConfig("CartPole-v1")
ALWAYS_RIGHT = lambda observations: np.ones(len(observations), np.int64)


def test_an_mp4_has_a_frame_for_every_observation(tmp_path):
  path = tmp_path / "new" / "video.mp4"
  recorded = video.record_video(ALWAYS_RIGHT, CARTPOLE, path, 2, seed=1)
  frames = imageio.mimread(path, memtest=False)
  assert len(frames) == sum(recorded.lengths) + 2  # and each episode's first
  assert frames[0].shape[:2] == (400, 600)
  assert np.abs(frames[0][..., :3].astype(int) - frames[8][..., :3]).max() > 50
  assert imageio.get_reader(path).get_meta_data()["fps"] == 50  # CartPole's
  assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_gif_shows_every_observation_for_one_env_step(tmp_path):
  path = tmp_path / "video.gif"
  recorded = video.record_video(ALWAYS_RIGHT, CARTPOLE, path, 1, seed=1)
  with PIL.Image.open(path) as gif:
    assert gif.size == (600, 400)
    milliseconds = 0
    for i in range(gif.n_frames):  # equal frames in a row become one
      gif.seek(i)
      milliseconds += gif.info["duration"]
    assert gif.info["loop"] == 0
  assert milliseconds == 20 * (recorded.lengths[0] + 1)


def test_other_suffixes_are_rejected(tmp_path):
  with pytest.raises(errors.UserError, match="ending in .mp4, .gif or .html"):
    video.record_video(
      ALWAYS_RIGHT, CARTPOLE, tmp_path / "video.avi", 1, seed=1
    )


class NoRendering(gym.Env):
  """Has no render mode."""

  observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
  action_space = gym.spaces.Discrete(2)


gym.register("NoRendering-v0", NoRendering)


def test_an_environment_that_does_not_render_is_rejected(tmp_path):
  with pytest.raises(errors.UserError, match="does not render 'rgb_array'"):
    video.record_video(
      ALWAYS_RIGHT,
      schema.EnvironmentConfig("NoRendering-v0"),
      tmp_path / "video.mp4",
      1,
      seed=1,
    )
  assert list(tmp_path.iterdir()) == []


def test_short_episodes_fill_five_seconds_and_long_ones_a_minute(tmp_path):
  path = tmp_path / "video.mp4"
  short = schema.EnvironmentConfig(endless_video.NAME, arguments={"length": 3})
  recorded = video.record_video(ALWAYS_RIGHT, short, path, None, seed=1)
  # An episode has 4 frames: after 3 of them, 10 frames are full.
  assert (recorded.lengths, recorded.is_cut) == ([3, 3, 3], False)
  assert len(imageio.mimread(path)) == 12
  path = tmp_path / "long.mp4"
  endless = schema.EnvironmentConfig(endless_video.NAME)
  recorded = video.record_video(ALWAYS_RIGHT, endless, path, None, seed=1)
  assert (recorded.lengths, recorded.is_cut) == ([119], True)
  frames = imageio.mimread(path)
  assert len(frames) == 120  # a minute
  assert frames[0].shape[:2] == (160, 160)  # large enough to look at


def test_a_window_shows_episodes(monkeypatch):
  monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # as if there were a display
  played = video.show(ALWAYS_RIGHT, CARTPOLE, 2, seed=1)
  assert len(played.returns) == 2 and not played.is_cut
  with pytest.raises(errors.UserError, match="'human': it has no window"):
    video.show(ALWAYS_RIGHT, schema.EnvironmentConfig(endless_video.NAME), 1, 1)
