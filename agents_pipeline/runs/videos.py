"""Videos of a run, whose renderer is the environment's and may fail."""

import pathlib

from agents_pipeline import errors
from agents_pipeline.config import schema
from agents_pipeline.evaluation import evaluator, video
from agents_pipeline.runs import console as person_lib


def film(
  experiment: schema.Experiment,
  act: evaluator.Act,
  path: pathlib.Path,
  seed: int,
  person: person_lib.Person,
) -> None:
  """Records one episode, or tells why there is no video: the run goes on.

  Args:
    experiment: says what to record, and how.
    act: the policy.
    path: of the video.
    seed: parent of the episode's.
    person: is told.
  """
  try:
    video.record_video(
      act,
      experiment.environment,
      path,
      1,
      seed,
      experiment.video.captions,
      person.say,
      person.check,
    )
  except Exception as error:
    if person.wants_to_stop():
      raise person_lib.Stopped from None
    reason = str(error).strip().split("\n")[0]
    # Ours say what they are.
    if not isinstance(error, (errors.UserError, errors.RunError)):
      reason = f"{type(error).__name__}: {reason}"
    person.say(f"no video {path.name}: {reason}")
