"""A whole run: train, record, evaluate, export, film; or go on with one."""

import numpy as np

from agents_pipeline import errors
from agents_pipeline.evaluation import evaluator
from agents_pipeline.experiment import (
  config,
  gin_files,
  run_directory,
  seeding,
)
from agents_pipeline.pipelines import (
  building,
  continuing,
  devices,
  finishing,
)
from agents_pipeline.pipelines import person as person_lib
from agents_pipeline.pipelines import pipeline as pipeline_lib
from agents_pipeline.records import (
  checkpoints,
  metrics,
  progress,
  run_record,
  writers,
)
from agents_pipeline.training import loop

Sink = writers.CsvWriter | writers.TensorBoardWriter | progress.Progress


def train(
  experiment: config.Experiment,
  run: run_directory.RunDirectory,
  seed: int,
  *,
  device: str,
  overwrite: bool,
  person: person_lib.Person,
) -> bool:
  """Runs an experiment into a run folder, or goes on where it stopped.

  Args:
    experiment: what to run.
    run: where.
    seed: of everything random.
    device: 'auto', 'cpu' or 'gpu'.
    overwrite: begin anew, removing what an earlier run wrote.
    person: to talk with.

  Returns:
    Whether it ran to the end; False if the person stopped it.

  Raises:
    UserError: something the person gave is wrong; nothing was changed.
    RunError: the run failed; what it had saved is kept.
  """
  text = gin_files.to_text(experiment)
  seeds = seeding.Seeds(seed)
  continuing.check_place(run)
  if not overwrite:
    continuing.check(run, text, seed)
    if continuing.is_finished(run, experiment):
      person.say(continuing.what_is_finished(run))
      return True
  device = devices.choose_device(device)
  pipeline = building.build(experiment, seeds, person.say)

  if overwrite:
    run.clear()
  run.root.mkdir(parents=True, exist_ok=True)
  keeper = checkpoints.Checkpoints(run.checkpoints, pipeline.tracked)
  resumes = keeper.restore()
  if resumes:
    pipeline.resume()
    person.say(f"goes on at {int(pipeline.statistics.env_steps):,} env steps")
  run_record.write_text(run.config, text)
  record = run_record.RunRecord(run.run_record, seed, device)
  try:
    results = _train(
      experiment, run, pipeline, seeds, keeper, resumes, person
    ) and finishing.finish(experiment, run, pipeline, seeds, person)
    if not results:
      record.end("stopped")
      return False
    early = _stopped_early(experiment, pipeline)
    record.end("finished", stopped_early=early, **results)
  except Exception:
    record.end("failed")
    raise
  finally:
    pipeline.close()
  return True


def _train(
  experiment: config.Experiment,
  run: run_directory.RunDirectory,
  pipeline: pipeline_lib.Pipeline,
  seeds: seeding.Seeds,
  keeper: checkpoints.Checkpoints,
  resumes: bool,
  person: person_lib.Person,
) -> bool:
  """The training itself; returns whether it reached its end."""
  env_steps = int(pipeline.statistics.env_steps)
  sinks: list[Sink] = [
    writers.CsvWriter(
      run.metrics, pipeline.columns, env_steps if resumes else None
    ),
    writers.TensorBoardWriter(run.root),
    progress.Progress(experiment.training.num_env_steps, env_steps),
  ]
  evaluate = _Evaluations(experiment, pipeline, seeds.evaluation)
  checkpoint_due = _Every(
    experiment.training.checkpoint_period_env_steps, env_steps
  )
  complete = True
  try:
    if not resumes:
      untrained = metrics.row(
        pipeline.columns,
        env_steps=0,
        train_steps=0,
        episodes=0,
        **evaluate.now(0),
      )
      _write(sinks, untrained)
    for result in loop.run(
      pipeline.compiled,
      pipeline.loop_sizes,
      pipeline.statistics,
      pipeline.train_steps,
      pipeline.should_stop,
    ):
      env_steps = result.env_steps
      _write(sinks, _row(result, pipeline, evaluate.if_due(result)))
      stopping = person.wants_to_stop()
      if checkpoint_due(env_steps) or stopping:
        _check_weights(pipeline, env_steps)
        keeper.save(env_steps)
      if stopping:
        complete = result.is_last
        break
  finally:
    for sink in sinks:
      sink.close()
  if _stopped_early(experiment, pipeline):
    person.say(f"stops early at {env_steps:,} env steps: it succeeded")
  _check_weights(pipeline, env_steps)
  keeper.save(env_steps)
  return complete


def _stopped_early(
  experiment: config.Experiment, pipeline: pipeline_lib.Pipeline
) -> bool:
  statistics, training = pipeline.statistics, experiment.training
  reached = continuing.is_reached(
    training, int(statistics.env_steps), int(statistics.num_episodes)
  )
  return not reached and bool(pipeline.should_stop())


def _check_weights(pipeline: pipeline_lib.Pipeline, env_steps: int) -> None:
  """Refuses to save what the last update of a call may have broken."""
  if not all(np.isfinite(v.numpy()).all() for v in pipeline.network.variables):
    raise errors.RunError(
      f"diverged: a weight is not finite at env step {env_steps:,}"
    )


class _Every:
  """Says when a multiple of a period has been reached since it was asked."""

  def __init__(self, period: int, start: int):
    self._period = period
    self._block = start // period

  def __call__(self, now: int) -> bool:
    block = now // self._period
    due = block > self._block
    self._block = block
    return due


class _Evaluations:
  """Evaluates the policy that learns, and keeps the best."""

  def __init__(self, experiment, pipeline: pipeline_lib.Pipeline, seed: int):
    self._experiment = experiment
    self._pipeline = pipeline
    self._policy = pipeline.serve(pipeline.network)
    self._seed = seed
    self._due = _Every(
      experiment.evaluation.period_env_steps,
      int(pipeline.statistics.env_steps),
    )

  def now(self, env_steps: int) -> dict[str, float]:
    """Evaluates, and returns what goes into the row."""
    found = evaluator.evaluate(
      self._policy.act,
      self._experiment.environment,
      self._experiment.evaluation.num_episodes_while_training,
      self._seed,
    )
    self._pipeline.best.offer(
      self._pipeline.network, found.mean_return, env_steps
    )
    return {
      "evaluation_return": found.mean_return,
      "evaluation_length": found.mean_length,
    }

  def if_due(self, result: loop.IterationResult) -> dict[str, float]:
    """Evaluates at the period, and at the end of the run."""
    due = self._due(result.env_steps) or result.is_last
    return self.now(result.env_steps) if due else {}


def _row(
  result: loop.IterationResult, pipeline: pipeline_lib.Pipeline, evaluated: dict
) -> metrics.Row:
  episodes = result.episodes
  ended = len(episodes.returns) > 0
  return metrics.row(
    pipeline.columns,
    env_steps=result.env_steps,
    train_steps=result.train_steps,
    episodes=int(pipeline.statistics.num_episodes),
    episode_return=float(np.mean(episodes.returns)) if ended else None,
    episode_length=float(np.mean(episodes.lengths)) if ended else None,
    env_steps_per_second=result.num_env_steps / result.seconds,
    train_steps_per_second=result.num_train_steps / result.seconds,
    **result.means,
    **{name: value() for name, value in pipeline.schedules.items()},
    **evaluated,
  )


def _write(sinks: list[Sink], row: metrics.Row) -> None:
  for sink in sinks:
    sink.write(row)
