"""The process that plays and draws a video, so that drawing may crash.

It imports no TensorFlow: what draws may bring libraries that do not get along
with it. The policy stays in the process that started this one, which gets
observations and sends actions.
"""

import contextlib
import dataclasses
import importlib
import pathlib
from multiprocessing import connection
from typing import Any

import cloudpickle
import gymnasium as gym
import numpy as np

from agents_pipeline import errors
from agents_pipeline.config import observations, schema
from agents_pipeline.environments import checked, checks, display, making
from agents_pipeline.evaluation import captions, pictures, video_files


@dataclasses.dataclass(frozen=True)
class Request:
  """A video that is to be made.

  Attributes:
    spec: gymnasium's, as it is registered where the policy is.
    environment: its `name` and `observation` count.
    path: of the new file, absolute.
    seeds: of each episode's reset.
    max_env_steps: an episode that goes on is cut here.
    with_captions: each frame's number in its episode and the return so far are
      drawn into it.
  """

  spec: gym.envs.registration.EnvSpec
  environment: schema.EnvironmentConfig
  path: pathlib.Path
  seeds: list[int]
  max_env_steps: int
  with_captions: bool


@dataclasses.dataclass
class Recorded:
  """What was seen.

  Attributes:
    returns: of each episode, undiscounted.
    lengths: of each episode, env steps.
    color: of every pixel of every frame, as RGB; None where they differ.
    wrong_fps: frames per second that the environment declares and that cannot
      be played; None otherwise.
  """

  returns: list[float] = dataclasses.field(default_factory=list)
  lengths: list[int] = dataclasses.field(default_factory=list)
  color: tuple[int, ...] | None = None
  wrong_fps: str | None = None


def serve(to_policy: connection.Connection) -> None:
  """Makes one video.

  Args:
    to_policy: gives a `Request`, pickled; is sent observations, each answered
      by an action, then what was recorded, or an error.
  """
  checked.die_with_parent()
  answer: tuple[str, Any]
  with contextlib.ExitStack() as closing:
    try:
      request = _receive_request(to_policy)
      answer = "recorded", _record(request, to_policy, closing)
    except (errors.UserError, errors.RunError) as error:
      answer = "failed", error
    except (EOFError, ConnectionError):
      return  # nobody waits for it
    except OSError as error:
      answer = "failed", OSError(error.errno, error.strerror or str(error))
    except Exception as error:
      answer = "failed", errors.RunError(checked.describe_exception(error))
    # Before the environment is closed, which may crash.
    to_policy.send(answer)


def _receive_request(to_policy: connection.Connection) -> Request:
  pickled = to_policy.recv_bytes()
  try:
    with display.with_renderer():  # modules of the user may be imported
      request = cloudpickle.loads(pickled)
      if module := request.environment.name.rpartition(":")[0]:
        importlib.import_module(module)
  except (Exception, SystemExit) as error:  # whatever their code raises
    raise errors.RunError(
      "the environment cannot be made in a process of its own: "
      f"{checked.describe_exception(error)}"
    ) from None
  # Also where it was registered in a notebook or a script.
  gym.registry[request.spec.id] = request.spec
  return request


def _record(
  request: Request,
  to_policy: connection.Connection,
  closing: contextlib.ExitStack,
) -> Recorded:
  env = making.make_evaluation_environment(request.environment, "rgb_array")
  closing.callback(env.close)
  env.label = "in a video"
  recorded, frames = Recorded(), pictures.Frames()
  fps = _frames_per_second(env, request.environment, recorded)
  with video_files.open_writer(
    request.path, fps, request.environment.name
  ) as video:
    for seed in request.seeds:
      _play(env, seed, request, to_policy, recorded, frames, video)
    num_frames = sum(recorded.lengths) + len(request.seeds)
    to_policy.send(("writing", num_frames))  # which may take a while
  recorded.color = frames.color
  video_files.check_whole(request.path, num_frames)
  return recorded


def _play(
  env: checked.CheckedEnv,
  seed: int,
  request: Request,
  to_policy: connection.Connection,
  recorded: Recorded,
  frames: pictures.Frames,
  video: Any,
) -> None:
  """Plays one episode and writes its frames."""
  total, length, ended = 0.0, 0, False
  observation, _ = env.reset(seed=seed)
  while True:
    if not ended:  # the policy chooses while this draws
      observed = np.asarray(observation, env.observation_space.dtype)
      if not checks.is_finite_float32(observed).all():
        env.fail(checks.not_finite("observation", observed))
      to_policy.send(("observation", observed))
    try:
      frame = frames.add(env.render())
    except pictures.NotAPictureError as error:
      env.fail(str(error))
    if request.with_captions:
      frame = captions.draw(frame, f"frame {length + 1}  return {total:g}")
    video.append_data(frame)
    if ended:
      break
    observation, reward, terminated, truncated, _ = env.step(to_policy.recv())
    total, length = total + float(reward), length + 1
    ended = terminated or truncated or length >= request.max_env_steps
  recorded.returns.append(total)
  recorded.lengths.append(length)


def _frames_per_second(
  env: gym.Env, environment: schema.EnvironmentConfig, recorded: Recorded
) -> float:
  """As many env steps as the environment makes of a second."""
  if isinstance(environment.observation, observations.AtariObservation):
    return (
      observations.ATARI_FRAMES_PER_SECOND / environment.observation.frame_skip
    )
  declared = env.metadata.get("render_fps")
  if video_files.is_rate(declared):
    return float(declared)
  if declared is not None:
    recorded.wrong_fps = f"{declared!r:.40}"
  return video_files.USUAL_FPS
