"""The training of a run: from where it stands to its end, or to a stop."""

import contextlib

import numpy as np

from agents_pipeline import errors
from agents_pipeline.agents import pipeline as pipeline_lib
from agents_pipeline.config import gin_files, schema, seeding
from agents_pipeline.files import run_folder
from agents_pipeline.runs import (
  callbacks,
  checkpoints,
  resume,
  run_record,
  sinks,
  stopwatch,
)
from agents_pipeline.runs import console as person_lib


class TrainingSession:
  """One start of a run."""

  def __init__(
    self,
    experiment: schema.Experiment,
    run: run_folder.RunFolder,
    pipeline: pipeline_lib.Pipeline,
    seeds: seeding.Seeds,
    keeper: checkpoints.Checkpoints,
    person: person_lib.Person,
    watch: stopwatch.Stopwatch,
    *,
    resumes: bool,
  ):
    """Wires it; nothing is written.

    Args:
      experiment: what is run.
      run: where.
      pipeline: restored, if it was saved.
      seeds: of the run.
      keeper: of its checkpoints.
      person: to talk with.
      watch: is told where the time goes.
      resumes: whether it was restored.
    """
    self._experiment = experiment
    self._run = run
    self._pipeline = pipeline
    self._keeper = keeper
    self._person = person
    self._watch = watch
    self._resumes = resumes
    self._saved = self._stand if resumes else None
    self._evaluations = callbacks.Evaluations(
      experiment, pipeline, seeds.evaluation, person
    )
    self._films = callbacks.Films(
      experiment, run, pipeline, seeds.evaluation, person
    )

  def train(self) -> bool:
    """Trains and saves; returns whether the run has reached its end.

    Raises:
      RunError: it diverged, an environment failed, or the disk is full. What
        was saved is kept.
    """
    if self._resumes and not self._run.metrics.exists():
      self._person.say(f"{self._run.metrics} is gone, and its rows with it")
    with contextlib.closing(
      sinks.RunTables(
        self._experiment, self._run, self._pipeline, self._resumes
      )
    ) as tables:
      try:
        self._iterate(tables)
      except person_lib.Stopped:
        pass  # in an evaluation or a video, which is due again
      except errors.DivergedError as error:
        raise errors.RunError(f"{error}; {self._last_good()}") from None
      except (errors.EnvironmentFailure, errors.UserError) as error:
        self._save(tables)
        told = f"{error}; {self._last_good()}"
        if error.trace:
          run_record.write_text(self._run.traceback, error.trace)
          told += f"; see {self._run.traceback}"
        raise errors.RunError(told) from None
      self._save(tables)
      tables.draw()
    if self.stopped_early:
      self._person.say(
        f"stops early at {self._env_steps:,} env steps: it succeeded"
      )
    if self._is_over and not int(self._pipeline.train_steps):
      self._person.say(self._nothing_learned())
    return self._is_over

  def _iterate(self, tables: sinks.RunTables) -> None:
    pipeline = self._pipeline
    checkpoint_due = callbacks.Every(
      self._experiment.training.checkpoint_period_env_steps,
      int(pipeline.interval.env_steps),
    )
    if not self._resumes:
      with self._watch.part("evaluation"):
        untrained = self._evaluations.now(0)
      tables.write_untrained(untrained)
    results = pipeline.run(self._person.wants_to_stop)
    for result in self._watch.each("training", results):
      self._check_weights()
      with self._watch.part("evaluation"):
        evaluated = self._evaluations.if_due(result)
      with self._watch.part("videos"):
        self._films.if_due()
      with self._watch.part("tables"):
        tables.write(result, evaluated)
      # From here on a checkpoint says that this result is written.
      pipeline.interval.end(pipeline.statistics)
      if checkpoint_due(result.env_steps):
        self._save(tables)

  @property
  def _env_steps(self) -> int:
    return int(self._pipeline.statistics.env_steps)

  @property
  def _stand(self) -> tuple[int, int]:
    """Env steps now, and where the interval under way began."""
    return self._env_steps, int(self._pipeline.interval.env_steps)

  @property
  def _is_over(self) -> bool:
    """Whether the run has reached its end and every result is written."""
    is_over = self._is_reached or bool(self._pipeline.should_stop())
    return is_over and self._stand[0] == self._stand[1]

  @property
  def _is_reached(self) -> bool:
    return resume.is_reached(
      self._experiment.training,
      self._env_steps,
      int(self._pipeline.statistics.num_episodes),
    )

  @property
  def stopped_early(self) -> bool:
    """Whether it has done what it was for, before its last env step."""
    return self._is_over and not self._is_reached

  def _nothing_learned(self) -> str:
    """One line for a run that ended before its first train step."""
    collected = self._experiment.agent.num_env_steps_before_training
    told = (
      f"nothing was learned: the run ended after {self._env_steps:,} env "
      "steps, before its first train step"
    )
    if not collected:
      return told
    return f"{told} (DqnConfig.num_env_steps_before_training = {collected})"

  def _save(self, tables: sinks.RunTables) -> None:
    """Saves, unless it is saved already or has not begun."""
    if not self._env_steps or self._stand == self._saved:
      return
    self._check_weights()
    with self._watch.part("saving"):
      tables.flush()
      self._keeper.save(
        checkpoints.About(
          self._env_steps,
          gin_files.to_text(self._experiment),
          tables.last_row,
        )
      )
    self._saved = self._stand

  def _check_weights(self) -> None:
    """Refuses to judge or save what an update may have broken."""
    for variable in self._pipeline.network.variables:
      if not np.isfinite(variable.numpy()).all():
        raise errors.DivergedError(
          f"diverged: a weight of {variable.name} is not finite at env step "
          f"{self._env_steps:,}"
        )

  def _last_good(self) -> str:
    """Where one can go on from, and how good it was."""
    saved = self._keeper.newest()
    if saved is None:
      return "nothing was saved"
    path, about = saved
    measured = ", ".join(
      f"{name} {value:.4g}"
      for name, value in about.metrics.items()
      if value is not None and name not in ("env_steps", "train_steps")
    )
    return f"saved: {path} ({measured})"
