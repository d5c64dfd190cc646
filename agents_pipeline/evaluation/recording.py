"""Records or shows episodes in a process of its own, which may crash.

This process imports no TensorFlow: a renderer may load libraries that conflict
with it. The policy stays in the parent process, which receives observations and
answers with actions.
"""

import contextlib
import dataclasses
import functools
import importlib
import math
import pathlib
from collections.abc import Callable
from multiprocessing import connection
from typing import Any

import cloudpickle
import gymnasium as gym
import numpy as np

from agents_pipeline import errors
from agents_pipeline.config import schema
from agents_pipeline.environments import (
  checked,
  checks,
  display,
  leaves,
  making,
)
from agents_pipeline.evaluation import captions, frames, video_files

MIN_SECONDS, MAX_SECONDS = 5, 60  # of a video that fills


@dataclasses.dataclass(frozen=True)
class Request:
  """Episodes to record, or to show.

  Attributes:
    spec: gymnasium's spec of the environment, as the parent process registered
      it.
    environment: the environment to play in, one copy.
    path: the path of the new file, absolute; None shows a window instead.
    seeds: the seed of each episode's reset.
    fills: whether the video ends with the episode that completes MIN_SECONDS,
      and at MAX_SECONDS in any case; else every episode is recorded.
    max_env_steps: the length at which an episode is cut off, in env steps.
    with_captions: whether each frame shows its number in the episode and the
      return so far.
  """

  spec: gym.envs.registration.EnvSpec
  environment: schema.EnvironmentConfig
  path: pathlib.Path | None
  seeds: list[int]
  fills: bool
  max_env_steps: int
  with_captions: bool


@dataclasses.dataclass
class Recording:
  """The recorded episodes.

  Attributes:
    returns: the return of each episode, undiscounted.
    lengths: the length of each episode, in env steps.
    is_cut: whether an episode was cut before its end.
    color: the color of every pixel of every frame, as RGB; None if they differ.
    unplayable_fps: the frames per second that the environment declares, if no
      video can be played at that rate; else None.
  """

  returns: list[float] = dataclasses.field(default_factory=list)
  lengths: list[int] = dataclasses.field(default_factory=list)
  is_cut: bool = False
  color: tuple[int, ...] | None = None
  unplayable_fps: str | None = None


def serve(parent: connection.Connection) -> None:
  """Records one video, or plays in a window.

  Args:
    parent: the connection to the parent, which sends a pickled `Request`, then
      an action for each observation that it receives. At last it receives the
      `Recording`, or an error.
  """
  checked.die_with_parent()
  answer: tuple[str, Any]
  with contextlib.ExitStack() as cleanup:
    try:
      request = _receive_request(parent)
      answer = "recorded", _record(request, parent, cleanup)
    except (errors.UserError, errors.RunError) as error:
      answer = "failed", error
    except (EOFError, ConnectionError):
      return  # the parent has ended
    except OSError as error:
      answer = "failed", OSError(error.errno, error.strerror or str(error))
    except Exception as error:
      answer = "failed", errors.RunError(checked.describe_exception(error))
    # Before the cleanup, as closing the environment may crash.
    parent.send(answer)


def _receive_request(parent: connection.Connection) -> Request:
  pickled = parent.recv_bytes()
  try:
    with display.with_renderer():  # the user's modules may be imported
      request = cloudpickle.loads(pickled)
      if module := request.environment.name.rpartition(":")[0]:
        importlib.import_module(module)
  except checked.USER_CODE_ERRORS as error:
    raise errors.RunError(
      "the environment cannot be made in a process of its own: "
      f"{checked.describe_exception(error)}"
    ) from None
  # Also if a notebook or a script has registered it.
  gym.registry[request.spec.id] = request.spec
  return request


def _record(
  request: Request,
  parent: connection.Connection,
  cleanup: contextlib.ExitStack,
) -> Recording:
  mode = "rgb_array" if request.path else "human"
  env = making.make_evaluation_environment(request.environment, mode)
  cleanup.callback(env.close)
  env.label = "in a video" if request.path else "in a window"
  recording, converter = Recording(), frames.FrameConverter()
  fps = _frames_per_second(env, request.environment, recording)
  if request.path is None:
    player = _EpisodePlayer(env, parent, request, lambda caption: None)
    _play(player, request, fps, recording)
    return recording
  with video_files.open_writer(
    request.path, fps, request.environment.name
  ) as video:
    write = functools.partial(_write_frame, env, request, converter, video)
    player = _EpisodePlayer(env, parent, request, write)
    num_frames = _play(player, request, fps, recording)
    parent.send(("writing", num_frames))  # leaving the context may take long
  recording.color = converter.color
  video_files.check_complete(request.path, num_frames)
  return recording


def _play(
  player: "_EpisodePlayer", request: Request, fps: float, recording: Recording
) -> int:
  """Plays the requested episodes; returns the number of frames."""
  num_frames, most = 0, math.inf
  if request.fills:
    most = MAX_SECONDS * fps
  for seed in request.seeds:
    episode_return, length, ended = player.play(seed, most - num_frames)
    recording.returns.append(episode_return)
    recording.lengths.append(length)
    recording.is_cut |= not ended
    num_frames += length + 1
    if request.fills and num_frames >= MIN_SECONDS * fps:
      break
  return num_frames


@dataclasses.dataclass(frozen=True)
class _EpisodePlayer:
  """Plays episodes with the policy of the parent.

  Attributes:
    env: the environment to play in.
    parent: the connection to the parent, which gives an action for each
      observation.
    request: the request of the parent.
    show: the function that is called with a caption for each frame.
  """

  env: checked.CheckedEnv
  parent: connection.Connection
  request: Request
  show: Callable[[str], None]

  def play(self, seed: int, max_frames: float) -> tuple[float, int, bool]:
    """Plays one episode.

    Args:
      seed: the seed of the episode's reset.
      max_frames: the number of frames at which the episode is cut off.

    Returns:
      The return of the episode, its length in env steps, and whether it came to
      its end.
    """
    total, length, ended = 0.0, 0, False
    observation, _ = self.env.reset(seed=seed)
    while True:
      is_last = ended or (
        length >= self.request.max_env_steps or length + 1 >= max_frames
      )
      if not is_last:  # the policy computes while this process renders
        self._send(observation)
      self.show(f"frame {length + 1}  return {total:g}")
      if is_last:
        return total, length, ended
      observation, reward, terminated, truncated, _ = self.env.step(
        self.parent.recv()
      )
      total, length = total + float(reward), length + 1
      ended = terminated or truncated

  def _send(self, observation: Any) -> None:
    space = self.env.observation_space
    if isinstance(space, gym.spaces.Dict):
      sent: Any = {
        name: np.asarray(observation[name], leaf.dtype)
        for name, leaf in space.spaces.items()
      }
    else:
      sent = np.asarray(observation, space.dtype)
    for name, array in leaves.arrays(sent):
      if not checks.is_finite_float32(array).all():
        self.env.fail(checks.not_finite(name, array))
    self.parent.send(("observation", sent))


def _write_frame(
  env: checked.CheckedEnv,
  request: Request,
  converter: frames.FrameConverter,
  video: Any,
  caption: str,
) -> None:
  """Renders a frame into a file that `open_writer` opened."""
  try:
    frame = converter.convert(env.render())
  except frames.InvalidFrameError as error:
    env.fail(str(error))
  frame = frames.enlarge(frame)
  if request.with_captions:
    frame = captions.draw(frame, caption)
  video.append_data(frame)


def _frames_per_second(
  env: gym.Env, environment: schema.EnvironmentConfig, recording: Recording
) -> float:
  """Returns the rate at which env steps take as long as in the environment."""
  known = environment.observation.frames_per_second()
  if known is not None:
    return known
  declared = env.metadata.get("render_fps")
  if video_files.is_playable_fps(declared):
    return float(declared)
  if declared is not None:
    recording.unplayable_fps = f"{declared!r:.40}"
  return video_files.DEFAULT_FPS
