"""One session of training: until the run ends, fails or is stopped."""

import operator
from collections.abc import Callable

import numpy as np

from agents_pipeline import errors
from agents_pipeline.config import gin_files
from agents_pipeline.runs import callbacks as callbacks_lib
from agents_pipeline.runs import (
  checkpoints,
  logger,
  metrics,
  resume,
  run_record,
)
from agents_pipeline.runs import console as console_lib
from agents_pipeline.runs import run as run_lib


class TrainingSession:
  """Trains a run from its current position, logging and saving on the way.

  A position is a pair of numbers of env steps: how many are done, and how many
  were done when the last result was logged. They are equal when nothing is left
  to be logged.
  """

  def __init__(
    self,
    run: run_lib.Run,
    log: logger.Logger,
    *,
    resumed: bool,
  ):
    """Creates the callbacks; nothing is written.

    Args:
      run: the run, whose pipeline holds the position.
      log: the logger that gets every result.
      resumed: whether the pipeline was restored from a checkpoint.
    """
    self._run = run
    self._log = log
    self._resumed = resumed
    self._saved_position = self._position if resumed else None
    self._callbacks = callbacks_lib.make_callbacks(run, log.add_video)

  def train(self) -> bool:
    """Trains, logs and saves until the run ends or the user asks to stop.

    Returns:
      Whether the run has ended.

    Raises:
      RunError: training diverged, an environment failed, or the disk is full.
        Checkpoints are kept.
    """
    run = self._run
    try:
      self._iterate()
    except console_lib.StopRequested:
      pass  # during a callback, which is repeated when resumed
    except errors.DivergedError as error:
      raise errors.RunError(f"{error}; {self._last_checkpoint()}") from None
    except (errors.EnvironmentFailure, errors.UserError) as error:
      if run.pipeline.all_learners.num_learners == 1:  # others are not so far
        self._save()
      raise errors.RunError(self._explain(error)) from None
    finally:
      for callback in self._callbacks:
        callback.close()
    self._save()
    self._log.end_training()
    self._print_outcome()
    return self._has_ended

  @property
  def stopped_early(self) -> bool:
    """Whether the stopping criterion was met before the last env step."""
    return self._has_ended and not self._is_end_reached

  def _iterate(self) -> None:
    run, pipeline = self._run, self._run.pipeline
    checkpoint_period = callbacks_lib.Period(
      run.experiment.training.checkpoint_period_env_steps,
      int(pipeline.interval.env_steps),
    )
    if not self._resumed:
      untrained = self._measured(operator.methodcaller("before_training"))
      self._log.write_untrained(untrained)
    results = pipeline.run(run.console.stop_requested)
    for result in run.stopwatch.each("training", results):
      self._check_weights()
      measured = self._measured(operator.methodcaller("after_result", result))
      with run.stopwatch.part("tables"):
        self._log.write(result, measured)
      # From here on, checkpoints say that this result has been logged.
      pipeline.interval.end(pipeline.statistics, result.num_episodes)
      if checkpoint_period.has_passed(result.env_steps):
        self._save()

  def _measured(
    self, call: Callable[[callbacks_lib.Callback], metrics.Measured]
  ) -> list[metrics.Measured]:
    """What a call of every callback returns.

    Raises:
      StopRequested: the user asked to stop, in any learner.
    """
    measured, is_stopped = [], False
    try:
      measured = [call(callback) for callback in self._callbacks]
    except console_lib.StopRequested:
      is_stopped = True
    if self._run.pipeline.all_learners.any(is_stopped):
      raise console_lib.StopRequested
    return measured

  def _save(self) -> None:
    """Saves a checkpoint, unless this position has one or is the beginning."""
    run = self._run
    if not run.env_steps or self._position == self._saved_position:
      return
    self._check_weights()
    with run.stopwatch.part("saving"):
      self._log.flush()
      config = gin_files.to_text(run.experiment)
      run.checkpoints.save(
        checkpoints.About(run.env_steps, config, self._log.last_row)
      )
      self._log.saved()
    self._saved_position = self._position

  def _check_weights(self) -> None:
    """Raises DivergedError if a weight is not finite."""
    for variable in self._run.pipeline.network.variables:
      if not np.isfinite(variable.numpy()).all():
        raise errors.DivergedError(
          f"diverged: a weight of {variable.name} is not finite at env step "
          f"{self._run.env_steps:,}"
        )

  @property
  def _position(self) -> tuple[int, int]:
    return self._run.env_steps, int(self._run.pipeline.interval.env_steps)

  @property
  def _has_ended(self) -> bool:
    """Whether the run has reached its end and logged every result."""
    env_steps, interval_start = self._position
    is_over = self._is_end_reached or bool(self._run.pipeline.should_stop())
    return is_over and env_steps == interval_start

  @property
  def _is_end_reached(self) -> bool:
    run = self._run
    return resume.is_end_reached(
      run.experiment.training, run.env_steps, run.num_episodes
    )

  def _print_outcome(self) -> None:
    run = self._run
    if self.stopped_early:
      run.console.print(
        f"stopped early at {run.env_steps:,} env steps: it succeeded"
      )
    if self._has_ended and not run.train_steps:
      message = (
        f"nothing was learned: the run ended after {run.env_steps:,} env "
        "steps, before its first train step"
      )
      num_collected = run.experiment.agent.num_env_steps_before_training
      if num_collected:
        name = type(run.experiment.agent).__name__
        message += f" ({name}.num_env_steps_before_training = {num_collected})"
      run.console.print(message)

  def _explain(
    self, error: errors.EnvironmentFailure | errors.UserError
  ) -> str:
    """One line about a failed environment; its traceback goes to a file."""
    message = f"{error}; {self._last_checkpoint()}"
    if error.trace:
      traceback = self._run.folder.traceback
      run_record.write_text(traceback, error.trace)
      message += f"; see {traceback}"
    return message

  def _last_checkpoint(self) -> str:
    """Where the run can be resumed from, and the metrics it had there."""
    saved = self._run.checkpoints.newest()
    if saved is None:
      return "nothing was saved"
    path, about = saved
    values = ", ".join(
      f"{name} {value:.4g}"
      for name, value in about.metrics.items()
      if value is not None and name not in ("env_steps", "train_steps")
    )
    return f"saved: {path} ({values})"
