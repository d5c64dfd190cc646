"""A whole run: train, evaluate, export, record videos; or resume one."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.agents import pipeline as pipeline_lib
from agents_pipeline.config import gin_files, schema, seeding
from agents_pipeline.files import atomic, lock, run_folder
from agents_pipeline.runs import (
  checkpoints,
  finalize,
  resume,
  run_record,
  stopwatch,
  training_session,
)
from agents_pipeline.runs import console as person_lib
from agents_pipeline.training import compilation


def train(
  experiment: schema.Experiment,
  run: run_folder.RunFolder,
  *,
  device: str,
  overwrite: bool,
  person: person_lib.Person,
) -> bool:
  """Runs an experiment into a run folder, or goes on where it stopped.

  Args:
    experiment: what to run.
    run: where.
    device: 'auto', 'cpu' or 'gpu'.
    overwrite: begin anew, removing what an earlier run wrote.
    person: to talk with.

  Returns:
    Whether it ran to the end; False if the person stopped it.

  Raises:
    UserError: something the person gave is wrong; nothing was changed.
    RunError: the run failed; what it had saved is kept.
  """
  resume.check_place(run)
  with lock.exclusive(run.root):
    if not overwrite:
      resume.check(run, gin_files.to_text(experiment))
      if resume.is_finished(run, experiment):
        person.say(resume.what_is_finished(run, experiment))
        return True
    device = compilation.choose_device(
      device, gpu_pays=building.gpu_pays(experiment), say=person.say
    )
    seeds = seeding.Seeds(experiment.seed)
    with _memory_told(), _trace_kept(run):
      pipeline = building.build(experiment, seeds, person.say)
    with contextlib.closing(pipeline), _memory_told():
      if person.wants_to_stop():
        return False
      for folder in (run.root, run.checkpoints, run.videos):
        atomic.recover(folder)
      if overwrite:
        # Killed while it removes, it leaves nothing to go on from.
        run_record.forget(run.run_record)
        atomic.clear(run.existing_paths)
      run.traceback.unlink(missing_ok=True)
      return _run(experiment, run, pipeline, seeds, device, person)


@contextlib.contextmanager
def _memory_told() -> Iterator[None]:
  """One line for memory that TensorFlow or Python could not get."""
  try:
    yield
  except (tf.errors.ResourceExhaustedError, MemoryError) as error:
    raise errors.RunError(
      "not enough memory for this experiment: narrower layers, smaller batches "
      "or fewer steps per iteration need less"
    ) from error


@contextlib.contextmanager
def _trace_kept(run: run_folder.RunFolder) -> Iterator[None]:
  """Writes the traceback of an environment that raises when it is made."""
  try:
    yield
  except errors.UserError as error:
    if not error.trace:
      raise
    run_record.write_text(run.traceback, error.trace)
    raise errors.UserError(f"{error}; see {run.traceback}") from None


def _run(
  experiment: schema.Experiment,
  run: run_folder.RunFolder,
  pipeline: pipeline_lib.Pipeline,
  seeds: seeding.Seeds,
  device: str,
  person: person_lib.Person,
) -> bool:
  """What is written into the folder; returns whether it ran to the end."""
  text = gin_files.to_text(experiment)
  keeper = checkpoints.Checkpoints(run.checkpoints, pipeline.tracked)
  saved = keeper.restore(person.say)
  if saved:
    person.say(f"goes on at {saved.env_steps:,} env steps")
    resume.tell_versions(saved, person.say)
    pipeline.resume()
  # First the record: what it lies in is a run folder from then on.
  record = run_record.RunRecord(run.run_record, seeds.run, device)
  run_record.write_text(run.config, text)
  watch = stopwatch.Stopwatch()
  session = training_session.TrainingSession(
    experiment, run, pipeline, seeds, keeper, person, watch, resumes=bool(saved)
  )
  try:
    if not session.train():
      raise person_lib.Stopped
    results = finalize.finish(experiment, run, pipeline, seeds, person, watch)
  except person_lib.Stopped:
    env_steps = int(pipeline.statistics.env_steps)
    record.end(
      "stopped",
      env_steps=env_steps,
      train_steps=int(pipeline.train_steps),
      episodes=int(pipeline.statistics.num_episodes),
    )
    person.say(
      f"saved at {env_steps:,} env steps; the same command resumes"
      if env_steps
      else "stopped before the first env step; the same command begins"
    )
    return False
  except KeyboardInterrupt:  # a second one, in a notebook
    record.end("stopped")
    raise
  except Exception:
    with contextlib.suppress(errors.RunError):  # the disk may be full
      record.end("failed")
    raise
  person.say(f"time: {watch}")
  record.end(
    "finished",
    stopped_early=session.stopped_early,
    **results,
    seconds=watch.to_json(),
  )
  return True
