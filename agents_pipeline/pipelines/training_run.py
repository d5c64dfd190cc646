"""A whole run: train, record, evaluate, export, film; or go on with one."""

import numpy as np

from agents_pipeline import errors
from agents_pipeline.collection import episode_statistics
from agents_pipeline.evaluation import learning_curve
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
  while_training,
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
      person.say(continuing.what_is_finished(run, experiment))
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
  kept_until = env_steps if resumes else None
  episodes_csv = writers.CsvWriter(
    run.episodes, metrics.EPISODE_COLUMNS, kept_until
  )
  sinks: list[Sink] = [
    writers.CsvWriter(run.metrics, pipeline.columns, kept_until),
    writers.TensorBoardWriter(run.root),
    _progress(experiment, pipeline),
  ]
  curve = learning_curve.LearningCurve(
    experiment.environment.name,
    run.learning_curve,
    writers.read(run.metrics),
    writers.read(run.episodes),
  )
  evaluate = while_training.Evaluations(experiment, pipeline, seeds.evaluation)
  films = while_training.Films(
    experiment, run, pipeline, seeds.evaluation, person
  )
  checkpoint_due = while_training.Every(
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
      curve.add(untrained, [])
    for result in loop.run(
      pipeline.compiled,
      pipeline.loop_sizes,
      pipeline.statistics,
      pipeline.train_steps,
      pipeline.should_stop,
    ):
      env_steps = result.env_steps
      row = _row(result, pipeline, evaluate.if_due(result))
      episodes = _episode_rows(result.episodes)
      _write(sinks, row)
      episodes_csv.write(*episodes)
      curve.add(row, episodes)
      films.if_due()
      stopping = person.wants_to_stop()
      if checkpoint_due(env_steps) or stopping:
        _check_weights(pipeline, env_steps)
        keeper.save(env_steps)
      if stopping:
        complete = result.is_last
        break
  finally:
    for sink in (*sinks, episodes_csv):
      sink.close()
  curve.draw()
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


def _episode_rows(episodes: episode_statistics.Episodes) -> list[metrics.Row]:
  return [
    dict(zip(metrics.EPISODE_COLUMNS, values, strict=True))
    for values in zip(*(column.tolist() for column in episodes), strict=True)
  ]


def _progress(
  experiment: config.Experiment, pipeline: pipeline_lib.Pipeline
) -> progress.Progress:
  """Counts env steps, or train steps where they follow whole episodes."""
  per_iteration = experiment.agent.num_collect_episodes_per_iteration
  num_episodes = experiment.training.num_episodes
  if per_iteration and num_episodes:
    num_iterations = -(-num_episodes // per_iteration)
    return progress.Progress(
      "train_steps",
      num_iterations * experiment.agent.num_train_steps_per_iteration,
      int(pipeline.train_steps),
      {"episode": "episodes", "loss": "loss", "return": "episode_return"},
    )
  return progress.Progress(
    "env_steps",
    experiment.training.num_env_steps,
    int(pipeline.statistics.env_steps),
    {"return": "episode_return", "eval": "evaluation_return"},
  )


def _write(sinks: list[Sink], row: metrics.Row) -> None:
  for sink in sinks:
    sink.write(row)
