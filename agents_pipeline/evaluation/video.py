"""Episodes as a video (MP4, GIF, or an HTML page), or in a window."""

import dataclasses
import pathlib
from collections.abc import Callable

from agents_pipeline import errors
from agents_pipeline.config import schema, seeding
from agents_pipeline.environments import leaves, making
from agents_pipeline.evaluation import (
  evaluator,
  recording,
  renderer,
  video_files,
)
from agents_pipeline.files import atomic

_MOST_EPISODES = 100  # that fill a video


def record_video(
  act: evaluator.Act,
  environment: schema.EnvironmentConfig,
  path: pathlib.Path,
  num_episodes: int | None,
  seed: int,
  with_captions: bool = False,
  warn: Callable[[str], None] = lambda line: None,
  check: Callable[[], None] = lambda: None,
) -> recording.Recording:
  """Records episodes of a gymnasium environment at its own frame rate.

  The environment runs in a process of its own; if that crashes, only the video
  is lost. The file is written completely or not at all.

  Args:
    act: the policy.
    environment: an environment that renders `rgb_array`.
    path: the path of the file; its suffix determines the format.
    num_episodes: the number of episodes, recorded one after the other; None for
      as many as fill five seconds, and a minute at most.
    seed: the parent of the episodes' seeds, as in `evaluate`.
    with_captions: whether each frame shows its number in the episode and the
      return so far.
    warn: a function that is called with a line about what looks wrong with a
      recorded video.
    check: a function that is called periodically while waiting; it may raise to
      stop.

  Returns:
    The returns and lengths of the episodes.

  Raises:
    UserError: the suffix or the user's ffmpeg cannot be used, or the
      environment does not render.
    RunError: the environment or its renderer failed, or the file cannot be
      written.
  """
  video_files.check_format(path)
  video_files.check_ffmpeg(path)
  _check_renders(environment, "rgb_array", "no video of it")
  with atomic.file(path) as temporary:
    request = _request(environment, temporary.absolute(), num_episodes, seed)
    request = dataclasses.replace(request, with_captions=with_captions)
    recorded = _answer(act, request, check)
  _warn_if_suspicious(recorded, path, environment, warn)
  return recorded


def show(
  act: evaluator.Act,
  environment: schema.EnvironmentConfig,
  num_episodes: int,
  seed: int,
) -> recording.Recording:
  """Shows episodes in a window, in the environment's own way.

  Args:
    act: the policy.
    environment: an environment that renders `human`.
    num_episodes: the number of episodes, played one after the other.
    seed: the parent of the episodes' seeds, as in `evaluate`.

  Returns:
    The returns and lengths of the episodes.

  Raises:
    UserError: the environment has no window.
    RunError: the environment failed; there may be no display.
  """
  _check_renders(environment, "human", "it has no window")
  return _answer(act, _request(environment, None, num_episodes, seed))


def _check_renders(
  environment: schema.EnvironmentConfig, mode: str, so: str
) -> None:
  if mode not in making.render_modes(environment):
    raise errors.UserError(
      f"environment {environment.name!r} does not render {mode!r}: {so}"
    )


def _request(
  environment: schema.EnvironmentConfig,
  path: pathlib.Path | None,
  num_episodes: int | None,
  seed: int,
) -> recording.Request:
  return recording.Request(
    making.environment_spec(environment.name),
    environment,
    path,
    [
      seeding.child_seed(seed, "episode", i)
      for i in range(num_episodes or _MOST_EPISODES)
    ],
    fills=num_episodes is None,
    max_env_steps=schema.EvaluationConfig.max_episode_env_steps,
    with_captions=False,
  )


def _answer(
  act: evaluator.Act,
  request: recording.Request,
  check: Callable[[], None] = lambda: None,
) -> recording.Recording:
  """Answers observations with actions until the episodes have been played."""
  with renderer.Renderer(request, check) as process:
    while True:
      received = process.receive()
      if isinstance(received, recording.Recording):
        return received
      batch = leaves.map_leaves(lambda one: one[None], received)
      process.act(act(batch)[0])


def _warn_if_suspicious(
  recorded: recording.Recording,
  path: pathlib.Path,
  environment: schema.EnvironmentConfig,
  warn: Callable[[str], None],
) -> None:
  if recorded.unplayable_fps:
    warn(
      f"{path.name}: environment {environment.name!r} declares render_fps = "
      f"{recorded.unplayable_fps}; played at {video_files.DEFAULT_FPS}"
    )
  if recorded.color is not None:
    color = "#{:02x}{:02x}{:02x}".format(*recorded.color)
    warn(
      f"{path.name} shows one color throughout ({color}): the renderer of "
      f"{environment.name!r} draws nothing here"
    )
