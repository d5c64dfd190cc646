"""Videos of a run. Environments do the rendering, which may fail."""

import pathlib

from agents_pipeline import errors
from agents_pipeline.config import schema
from agents_pipeline.evaluation import evaluator, video
from agents_pipeline.runs import console as console_lib


def try_record(
  experiment: schema.Experiment,
  act: evaluator.Act,
  path: pathlib.Path,
  seed: int,
  console: console_lib.Console,
) -> bool:
  """Records a video of episodes, or prints why there is none.

  Args:
    experiment: the experiment: its environment, and whether to draw captions.
    act: the policy.
    path: the path of the video.
    seed: the parent of the episodes' seeds.
    console: the console that prints the reason; a stop request aborts the
      recording.

  Returns:
    Whether the video was recorded.

  Raises:
    StopRequested: the user asked to stop; there is no video.
  """
  try:
    video.record_video(
      act,
      experiment.environment,
      path,
      None,
      seed,
      experiment.video.captions,
      console.print,
      console.check_stop,
    )
    return True
  except Exception as error:
    if console.stop_requested():
      raise console_lib.StopRequested from None
    console.print(f"no video {path.name}: {errors.described(error)}")
    return False
