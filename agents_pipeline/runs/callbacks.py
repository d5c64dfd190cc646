"""Periodic callbacks of training: evaluations and videos.

A new callback is one class, and one line in `make_callbacks`.
"""

import pathlib
from collections.abc import Callable
from typing import Protocol

from agents_pipeline import interfaces
from agents_pipeline.evaluation import evaluator
from agents_pipeline.runs import metrics, videos
from agents_pipeline.runs import run as run_lib
from agents_pipeline.training import loop


class Callback(Protocol):
  """Called between two results of the training loop.

  What it returns becomes part of the row of metrics.csv that is written next,
  or rows of evaluations.csv. If a run is stopped or killed before that row is
  part of a checkpoint, the resumed run makes the same call again.
  """

  def before_training(self) -> metrics.Measured:
    """Called once per run, before its first env step; not when resumed."""

  def after_result(self, result: loop.IntervalResult) -> metrics.Measured:
    """Called after every result of the training loop, before it is logged.

    Args:
      result: the result: what was done since the previous one.

    Raises:
      StopRequested: the user asked to stop; the call will be repeated.
      RunError: the call failed, which ends the run.
    """

  def close(self) -> None:
    """Called once, when nothing follows in this process."""


def make_callbacks(
  run: run_lib.Run, add_video: Callable[[pathlib.Path], None]
) -> list[Callback]:
  """All callbacks of a run, in the order in which they are called.

  Of several learners, only the first has any.

  Args:
    run: the run.
    add_video: the function that gets the path of every recorded video.
  """
  if not run.is_written:
    return []
  return [EvaluationCallback(run), VideoCallback(run, add_video)]


class Period:
  """Tells whether a counter has passed a multiple of a period.

  The counter may jump: it need not be a multiple when it is looked at.
  """

  def __init__(self, length: int, start: int):
    """Begins to count.

    Args:
      length: the length of the period, in any unit.
      start: the value of the counter now, in the same unit.
    """
    self._length = length
    self._index = start // length

  def has_passed(self, now: int) -> bool:
    """Whether a multiple was passed since the previous call.

    Args:
      now: the value of the counter.
    """
    index = now // self._length
    has_passed = index > self._index
    self._index = index
    return has_passed


class EvaluationCallback:
  """Evaluates the policy that is trained, and keeps a copy of the best."""

  def __init__(self, run: run_lib.Run):
    """Begins a period where the current interval began.

    Args:
      run: the run; its `experiment.evaluation` holds the period and the number
        of episodes.
    """
    self._run = run
    pipeline = run.pipeline
    self._act = run.console.interruptible(pipeline.serve(pipeline.network).act)
    self._copies: list[interfaces.Copy] = []  # that are kept
    self._period: Period | None = None
    if (length := run.experiment.evaluation.period_env_steps) is not None:
      self._period = Period(length, int(pipeline.interval.env_steps))

  def before_training(self) -> metrics.Measured:
    """Evaluates the untrained policy."""
    if self._period is None:
      return metrics.Measured()
    with self._run.stopwatch.part("evaluation"):
      return self._evaluate(0)

  def after_result(self, result: loop.IntervalResult) -> metrics.Measured:
    """Evaluates once per period, and at the end of the run.

    Without a period, the newest policy is exported, even where an earlier part
    of the run was evaluated.
    """
    if self._period is None:
      if result.is_last:
        pipeline = self._run.pipeline
        pipeline.best.take(pipeline.network, result.env_steps)
      return metrics.Measured()
    with self._run.stopwatch.part("evaluation"):
      if self._period.has_passed(result.env_steps) or result.is_last:
        return self._evaluate(result.env_steps)
      return metrics.Measured()

  def close(self) -> None:
    """Ends the copies that were kept."""
    for env in self._copies:
      env.close()
    self._copies = []

  def _evaluate(self, env_steps: int) -> metrics.Measured:
    experiment, pipeline = self._run.experiment, self._run.pipeline
    copies = self._copies_to_act_in()
    num_episodes = experiment.evaluation.num_episodes_while_training
    with self._run.console.print_if_slow(
      f"evaluating {num_episodes} episodes at env step {env_steps:,}"
    ):
      evaluation = evaluator.evaluate(
        self._act,
        experiment.environment,
        num_episodes,
        self._run.seeds.evaluation,
        max_envs=experiment.evaluation.num_envs,
        max_env_steps=experiment.evaluation.max_episode_env_steps,
        copies=copies,
      )
    if evaluation.num_cut:
      self._run.console.print(
        f"evaluation at env step {env_steps:,}: {evaluation.cut_message}"
      )
    # Not reached if it was interrupted: it will be repeated.
    if experiment.evaluation.keeps_environments == "training":
      pipeline.abandon_episodes()
    pipeline.best.offer(pipeline.network, evaluation.mean_return, env_steps)
    return metrics.Measured(
      {
        "evaluation_return": evaluation.mean_return,
        "evaluation_length": evaluation.mean_length,
      },
      _rows(env_steps, evaluation),
    )

  def _copies_to_act_in(self) -> list[interfaces.Copy]:
    """The copies of an evaluation; [] if the evaluation makes its own."""
    experiment, config = self._run.experiment, self._run.experiment.evaluation
    if config.keeps_environments == "training":
      return self._run.pipeline.training_copies()
    if config.keeps_environments and not self._copies:
      self._copies = evaluator.make_copies(
        experiment.environment,
        min(config.num_envs, config.num_episodes_while_training),
      )
    return self._copies


def _rows(
  env_steps: int, evaluation: evaluator.Evaluation
) -> list[metrics.Row]:
  """The rows of evaluations.csv."""
  columns = evaluation.returns, evaluation.lengths, evaluation.are_cut
  return [
    metrics.row(
      metrics.EVALUATION_COLUMNS,
      env_steps=env_steps,
      evaluation_return=episode_return,
      evaluation_length=length,
      is_cut=int(is_cut),
    )
    for episode_return, length, is_cut in zip(*columns, strict=True)
  ]


class VideoCallback:
  """Records the policy that is trained, greedily, once per period of episodes.

  All videos begin with the same reset of the environment.
  """

  def __init__(
    self, run: run_lib.Run, add_video: Callable[[pathlib.Path], None]
  ):
    """Begins a period at the episode where the current interval began.

    Args:
      run: the run; its `experiment.video` holds the period, or None for no
        videos.
      add_video: the function that gets the path of every recorded video.
    """
    self._run = run
    self._add_video = add_video
    pipeline, config = run.pipeline, run.experiment.video
    self._act = run.console.interruptible(pipeline.serve(pipeline.network).act)
    self._period: Period | None = None
    if config.period_episodes and pipeline.task.renders:
      self._period = Period(
        config.period_episodes, int(pipeline.interval.num_episodes)
      )

  def before_training(self) -> metrics.Measured:
    """Does nothing."""
    return metrics.Measured()

  def after_result(self, result: loop.IntervalResult) -> metrics.Measured:
    """Records a video if a period has passed."""
    with self._run.stopwatch.part("videos"):
      self._record_if_due(result.num_episodes)
    return metrics.Measured()

  def close(self) -> None:
    """Does nothing."""

  def _record_if_due(self, num_episodes: int) -> None:
    run = self._run
    if self._period is None or not self._period.has_passed(num_episodes):
      return
    path = run.folder.training_video(num_episodes, run.experiment.video.format)
    if videos.try_record(
      run.experiment, self._act, path, run.seeds.evaluation, run.console
    ):
      self._add_video(path)
