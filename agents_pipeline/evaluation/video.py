"""Episodes as a video: MP4, GIF, or a page with controls."""

import pathlib
from collections.abc import Callable

from agents_pipeline import errors
from agents_pipeline.config import schema, seeding
from agents_pipeline.environments import making
from agents_pipeline.evaluation import (
  evaluator,
  recording,
  renderer,
  video_files,
)
from agents_pipeline.files import atomic


def record_video(
  act: evaluator.Act,
  environment: schema.EnvironmentConfig,
  path: pathlib.Path,
  num_episodes: int,
  seed: int,
  with_captions: bool = False,
  say: Callable[[str], None] = lambda line: None,
  check: Callable[[], None] = lambda: None,
) -> evaluator.Evaluation:
  """Records episodes on gymnasium's own environment, at its own frame rate.

  The environment runs in a process of its own, whose end costs the video and
  nothing else. The file appears whole or not at all.

  Args:
    act: the policy.
    environment: one that renders `rgb_array`.
    path: of the file; its ending chooses the format.
    num_episodes: one after the other.
    seed: parent of the episodes' seeds, as in `evaluate`.
    with_captions: the number of each frame in its episode and the return so
      far are drawn into it.
    say: is told what looks wrong with a video that was made.
    check: called again and again while waiting; it may raise to stop.

  Returns:
    The returns of what is seen.

  Raises:
    UserError: another ending, or an environment that does not render.
    RunError: the environment or its renderer failed, or the file cannot be
      written.
  """
  video_files.check_format(path)
  video_files.check_writer(path)
  if "rgb_array" not in making.render_modes(environment):
    raise errors.UserError(
      f"environment {environment.name!r} does not render 'rgb_array': no video "
      "of it"
    )
  seeds = [seeding.child_seed(seed, "episode", i) for i in range(num_episodes)]
  with atomic.file(path) as aside:
    recorded = _record(
      act,
      recording.Request(
        making.environment_spec(environment.name),
        environment,
        aside.absolute(),
        seeds,
        evaluator.MAX_ENV_STEPS,
        with_captions,
      ),
      check,
    )
  _tell_oddities(recorded, path, environment, say)
  return evaluator.Evaluation(
    environment, True, seeds, recorded.returns, recorded.lengths
  )


def _record(
  act: evaluator.Act, request: recording.Request, check: Callable[[], None]
) -> recording.Recorded:
  """Acts until the episodes are recorded."""
  with renderer.Renderer(request, check) as drawing:
    while True:
      received = drawing.receive()
      if isinstance(received, recording.Recorded):
        return received
      drawing.act(act(received[None])[0])


def _tell_oddities(
  recorded: recording.Recorded,
  path: pathlib.Path,
  environment: schema.EnvironmentConfig,
  say: Callable[[str], None],
) -> None:
  if recorded.wrong_fps:
    say(
      f"{path.name}: environment {environment.name!r} declares render_fps = "
      f"{recorded.wrong_fps}; played at {video_files.USUAL_FPS}"
    )
  if recorded.color is not None:
    color = "#{:02x}{:02x}{:02x}".format(*recorded.color)
    say(
      f"{path.name} shows one color throughout ({color}): the renderer of "
      f"{environment.name!r} draws nothing here"
    )
