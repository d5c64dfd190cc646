"""A whole run: build or resume, train, finalize, and record the outcome."""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.agents import task as task_lib
from agents_pipeline.cluster import connection
from agents_pipeline.config import gin_files, schema, seeding
from agents_pipeline.files import atomic, lock, run_folder
from agents_pipeline.reports import page
from agents_pipeline.runs import (
  checkpoints,
  finalize,
  initial_policy,
  learner,
  logger,
  resume,
  run_record,
  training_session,
)
from agents_pipeline.runs import console as console_lib
from agents_pipeline.runs import run as run_lib
from agents_pipeline.runs.sinks import tracked_run
from agents_pipeline.training import device as device_lib
from agents_pipeline.training import learners


def train(
  experiment: schema.Experiment,
  folder: run_folder.RunFolder,
  *,
  device: str,
  deterministic: bool = True,
  overwrite: bool,
  allow_changes: bool = False,
  address: str = "",
  place: learner.Place | None = None,
  console: console_lib.Console,
  finish: Callable[[run_lib.Run], dict] = finalize.finalize,
  extra_sinks: Sequence[logger.SinkFactory] = (),
) -> bool:
  """Runs an experiment, or resumes it where it stopped.

  Args:
    experiment: the configuration.
    folder: the run folder.
    device: the device to train on: 'auto', 'cpu' or 'gpu'.
    deterministic: whether two runs of one seed are the same on a GPU, too.
    overwrite: whether to start over and remove what an earlier run wrote.
    allow_changes: whether the run in the folder may go on to learn with other
      settings.
    address: the address of the Ray cluster with the environments of
      vectorization 'ray'; '' is this machine.
    place: the place of this process among several learners, where `folder` is
      its own; None where it is the only one.
    console: the console that prints to the user, who may request a stop.
    finish: a function that is called when training has ended, and returns
      results for run.json.
    extra_sinks: the factories of further sinks of the results.

  Returns:
    Whether the run has finished; False if the user asked it to stop.

  Raises:
    UserError: the user's input is wrong; nothing was changed.
    RunError: the run failed; its checkpoints are kept.
  """
  _check_place(experiment, place)
  resume.check_folder(folder)
  is_written = place is None or place.rank == 0
  with lock.exclusive(folder.root), contextlib.ExitStack() as at_the_end:
    with _traceback_in_file(folder):
      experiment, task = building.complete(experiment)
    changed: list[str] = []
    if not overwrite:
      config = gin_files.to_text(experiment)
      changed = resume.changes(folder, config, allow_changes=allow_changes)
      if resume.is_finished(folder, experiment):
        _report_finished(folder, experiment, changed, console)
        return True
    if experiment.environment.vectorization == "ray":
      connection.connect(address)
    services = experiment.tracking.sinks if is_written else ()
    connecting = tracked_run.connected(services)
    trackers = at_the_end.enter_context(connecting)
    device = _choose_device(experiment, device, deterministic, console)
    all_learners = _connect_learners(experiment, task, place)
    weights = None
    saved_paths = checkpoints.newest_first(folder.checkpoints)
    # With several learners it shows only later whether all have a checkpoint.
    if overwrite or place is not None or not saved_paths:
      weights = initial_policy.load(experiment, console.print)
    seeds = seeding.Seeds(
      experiment.seed, all_learners.rank, all_learners.num_learners
    )
    with _explained_memory_errors(), _traceback_in_file(folder):
      pipeline = building.build(
        experiment, seeds, console.print, task=task, all_learners=all_learners
      )
    with contextlib.closing(pipeline), _explained_memory_errors():
      if all_learners.any(console.stop_requested()):
        return False
      _clean_up(folder, overwrite, is_alone=place is None)
      if weights is not None:
        pipeline.begin_with(weights)
      saved = checkpoints.Checkpoints(
        folder.checkpoints,
        pipeline.tracked,
        experiment.checkpoints,
        all_learners,
      )
      run = run_lib.Run(experiment, folder, pipeline, seeds, saved, console)
      return _execute(run, device, changed, finish, (*extra_sinks, *trackers))


def _report_finished(
  folder: run_folder.RunFolder,
  experiment: schema.Experiment,
  changed: Sequence[str],
  console: console_lib.Console,
) -> None:
  """Says that a run is finished; writes its report where that is missing."""
  if not folder.report.exists():  # killed before, or an earlier version's
    _write_report(folder, console)
  console.print(resume.finished_message(folder, experiment, changed))


def _check_place(
  experiment: schema.Experiment, place: learner.Place | None
) -> None:
  """Refuses to be one of several learners where nothing starts the others."""
  number = experiment.training.num_learners
  if place is None and number > 1:
    raise errors.UserError(
      f"TrainingConfig.num_learners = {number}: expected the command "
      "`agents-pipeline train`, which starts them, or 1"
    )


def _connect_learners(
  experiment: schema.Experiment,
  task: task_lib.Task,
  place: learner.Place | None,
) -> learners.Learners:
  """The learners of the run, of which this process is one."""
  if place is None:
    return learners.ALONE
  building.choose_threads(experiment, task)
  return learners.connect(place.addresses, place.rank)


def _choose_device(
  experiment: schema.Experiment,
  device: str,
  deterministic: bool,
  console: console_lib.Console,
) -> str:
  """Chooses 'cpu' or 'gpu', and says what that changes."""
  device = device_lib.choose(
    device,
    gpu_reason=building.gpu_reason(experiment),
    deterministic=deterministic,
    report=console.print,
  )
  prefetches = not experiment.agent.is_reproducible
  if device == "gpu" and deterministic and prefetches:
    console.print(
      "num_prefetched_batches: on a GPU, nothing is sampled ahead without "
      "--nodeterministic"
    )
  return device


def _clean_up(
  folder: run_folder.RunFolder, overwrite: bool, is_alone: bool
) -> None:
  """Removes what a killed process left unfinished, or the whole run."""
  for path in (folder.root, folder.checkpoints, folder.videos):
    atomic.recover(path)
  if overwrite:
    run_record.reset(folder.run_record)
    atomic.clear(folder.existing_paths)
    if is_alone and folder.learners.exists():  # each has its own to clear
      atomic.remove(folder.learners)
  folder.traceback.unlink(missing_ok=True)


def _execute(
  run: run_lib.Run,
  device: str,
  changed: Sequence[str],
  finish: Callable[[run_lib.Run], dict],
  extra_sinks: Sequence[logger.SinkFactory],
) -> bool:
  """Trains, finishes, and records the outcome; returns whether it finished."""
  saved, config = _restore(run), gin_files.to_text(run.experiment)
  resumed = saved is not None
  if saved is not None:  # an older one than the newest, if that is damaged
    changed = resume.differences(saved.config, config)
  # The record is written first: it marks the folder as a run folder.
  record = run_record.RunRecord(run.folder.run_record, run.seeds.run, device)
  for line in changed:
    run.console.print(f"changed: {line}")
  record.add_changes(run.env_steps, changed)
  run_record.write_text(run.folder.config, config)
  if resumed and not run.folder.metrics.exists():
    run.console.print(f"{run.folder.metrics} is missing, with all its rows")
  try:
    with logger.Logger(run, resumed=resumed, extra_sinks=extra_sinks) as log:
      session = training_session.TrainingSession(run, log, resumed=resumed)
      if not session.train():
        raise console_lib.StopRequested
      results = finish(run) if run.is_written else run.counters()
      log.finish(results)
  except console_lib.StopRequested:
    record.end("stopped", **run.counters())
    _write_report_of(run)
    run.console.print(
      f"saved at {run.env_steps:,} env steps; the same command resumes"
      if run.env_steps
      else "stopped before the first env step; the same command starts over"
    )
    # A learner that ends before the others seems to have died.
    run.pipeline.all_learners.barrier()
    return False
  except KeyboardInterrupt:  # the second one, in a notebook
    record.end("stopped")
    raise
  except errors.LearnerLost:
    raise  # the run goes on
  except Exception:
    with contextlib.suppress(errors.RunError):  # the disk may be full
      record.end("failed")
      _write_report_of(run)
    raise
  run.console.print(f"time: {run.stopwatch}")
  record.end(
    "finished",
    stopped_early=session.stopped_early,
    **results,
    seconds=run.stopwatch.to_json(),
  )
  if _write_report_of(run):
    run.console.print(f"  {run.folder.report}  all of it on one page")
  run.pipeline.all_learners.barrier()
  return True


def _write_report_of(run: run_lib.Run) -> bool:
  """Writes report.html where this process writes the run."""
  return run.is_written and _write_report(run.folder, run.console)


def _write_report(
  folder: run_folder.RunFolder, console: console_lib.Console
) -> bool:
  """Writes report.html, or prints why there is none; returns whether it did."""
  return page.try_write([folder], folder.report, console.print)


def _restore(run: run_lib.Run) -> checkpoints.About | None:
  """Restores the newest checkpoint, if any; returns its description."""
  saved = run.checkpoints.restore(run.console.print)
  if saved is None:
    return None
  run.console.print(f"resuming at {saved.env_steps:,} env steps")
  resume.report_version_changes(saved, run.console.print)
  run.pipeline.resume()
  return saved


@contextlib.contextmanager
def _explained_memory_errors() -> Iterator[None]:
  """Turns failed allocations of TensorFlow and Python into `RunError`."""
  try:
    yield
  except (tf.errors.ResourceExhaustedError, MemoryError) as error:
    raise errors.RunError(
      "not enough memory for this experiment: narrower layers, smaller batches "
      "or fewer steps per iteration need less"
    ) from error


@contextlib.contextmanager
def _traceback_in_file(folder: run_folder.RunFolder) -> Iterator[None]:
  """Saves the traceback of an environment that cannot be made."""
  try:
    yield
  except errors.UserError as error:
    if not error.trace:
      raise
    run_record.write_text(folder.traceback, error.trace)
    raise errors.UserError(f"{error}; see {folder.traceback}") from None
