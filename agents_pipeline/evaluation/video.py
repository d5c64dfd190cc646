"""Episodes as a film: MP4, GIF, or a page with controls."""

import io
import os
import pathlib

import gymnasium as gym
import imageio.v2 as imageio
import imageio_ffmpeg
import numpy as np

from agents_pipeline import errors
from agents_pipeline.environments import loading
from agents_pipeline.evaluation import animation, captions, evaluator
from agents_pipeline.experiment import config, observations, seeding
from agents_pipeline.records import atomic

# pygame draws films without a window, also where there is no display.
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

_FORMATS = (".mp4", ".gif", ".html")
_USUAL_FPS = 30


def record_video(
  act: evaluator.Act,
  environment: config.EnvironmentConfig,
  path: pathlib.Path,
  num_episodes: int,
  seed: int,
  with_captions: bool = False,
) -> evaluator.Evaluation:
  """Films episodes on gymnasium's own environment, at its own frame rate.

  The file appears whole or not at all.

  Args:
    act: the policy.
    environment: one that renders `rgb_array`.
    path: of the file; its ending chooses the format.
    num_episodes: one after the other.
    seed: parent of the episodes' seeds, as in `evaluate`.
    with_captions: the number of each frame in its episode and the return so
      far are drawn into it.

  Returns:
    The returns of what is seen.

  Raises:
    UserError: another ending, or an environment that does not render.
  """
  check_format(path)
  if "rgb_array" not in loading.render_modes(environment):
    raise errors.UserError(
      f"environment {environment.name!r} does not render 'rgb_array': no film "
      "of it"
    )
  env = loading.make_evaluation_environment(environment, "rgb_array")
  seeds = [seeding.child_seed(seed, "episode", i) for i in range(num_episodes)]
  returns, lengths = [], []
  fps = _frames_per_second(env, environment)
  try:
    with atomic.file(path) as aside:
      with _writer(aside, fps, environment.name) as film:
        for episode_seed in seeds:
          seen = _film_episode(act, env, episode_seed, film, with_captions)
          returns.append(seen[0])
          lengths.append(seen[1])
      _check_whole(aside, sum(lengths) + num_episodes)
  finally:
    env.close()
  return evaluator.Evaluation(environment, True, seeds, returns, lengths)


def _frames_per_second(
  env: gym.Env, environment: config.EnvironmentConfig
) -> float:
  """As many env steps as the environment makes of a second."""
  if isinstance(environment.observation, observations.AtariObservation):
    return (
      observations.ATARI_FRAMES_PER_SECOND / environment.observation.frame_skip
    )
  return env.metadata.get("render_fps") or _USUAL_FPS


def check_format(path: pathlib.Path) -> None:
  """Raises UserError where the ending of a path is no format we write."""
  if path.suffix.lower() not in _FORMATS:
    raise errors.UserError(
      f"--output={str(path)!r}: expected a file ending in "
      f"{', '.join(_FORMATS[:-1])} or {_FORMATS[-1]}"
    )


def _film_episode(act, env, seed, film, with_captions) -> tuple[float, int]:
  def shoot():
    frame = _even(env.render())
    if with_captions:
      frame = captions.draw(frame, f"frame {length + 1}  return {total:g}")
    film.append_data(frame)

  total, length, ended = 0.0, 0, False
  observation, _ = env.reset(seed=seed)
  shoot()
  while not ended:
    action = act(np.asarray(observation, env.observation_space.dtype)[None])[0]
    observation, reward, terminated, truncated, _ = env.step(action)
    total, length = total + float(reward), length + 1
    shoot()
    ended = terminated or truncated or length >= evaluator.MAX_ENV_STEPS
  return total, length


def _writer(path: pathlib.Path, fps: float, title: str):
  if path.suffix.lower() == ".html":
    return animation.HtmlWriter(path, fps, title)
  if path.suffix.lower() == ".gif":
    return _GifWriter(path, fps)
  return imageio.get_writer(
    path, fps=fps, codec="libx264", macro_block_size=2, ffmpeg_log_level="error"
  )


class _GifWriter:
  """Writes a GIF at its end.

  imageio's writer keeps every frame until then as well; but where it cannot
  write, it tries again when it is deleted, and tells of that on stderr.
  """

  def __init__(self, path: pathlib.Path, fps: float):
    self._path = path
    self._content = io.BytesIO()
    self._writer = imageio.get_writer(
      self._content, format="gif", duration=1000 / fps, loop=0
    )

  def append_data(self, frame: np.ndarray) -> None:
    self._writer.append_data(frame)

  def __enter__(self) -> "_GifWriter":
    return self

  def __exit__(self, *exception) -> None:
    self._writer.close()
    self._path.write_bytes(self._content.getvalue())


def _check_whole(path: pathlib.Path, num_frames: int) -> None:
  """Raises OSError where ffmpeg failed, of which imageio does not tell."""
  if path.suffix.lower() != ".mp4":
    return
  try:
    there, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
  except RuntimeError:
    there = 0
  if there != num_frames:
    raise OSError(f"ffmpeg wrote {there} of {num_frames} frames")


def _even(frame: np.ndarray) -> np.ndarray:
  """Pads a frame [H, W, 3] to even sides, which H.264 asks for."""
  if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
    kind = getattr(frame, "dtype", type(frame).__name__)
    raise errors.RunError(
      f"the environment's render() gave {kind}; expected pictures of uint8"
    )
  if frame.ndim == 2:  # grey
    frame = np.stack([frame] * 3, axis=-1)
  height, width = frame.shape[:2]
  return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
