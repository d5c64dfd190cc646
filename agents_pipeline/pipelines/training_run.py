"""A whole run: train, record, evaluate, export, film; or go on with one."""

import dataclasses
import time
from collections.abc import Callable

from agents_pipeline import errors
from agents_pipeline.environments import loading
from agents_pipeline.evaluation import (
  evaluator,
  learning_curve,
  served_policy,
  video,
)
from agents_pipeline.experiment import (
  config,
  gin_files,
  run_directory,
  seeding,
)
from agents_pipeline.pipelines import devices, dqn_pipeline, export
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

# May differ when a run goes on: it only says how far.
_EXTENDABLE = "TrainingConfig.num_env_steps"


@dataclasses.dataclass(frozen=True)
class Person:
  """The person who started the run.

  Attributes:
    say: tells them a line.
    wants_to_stop: whether they asked for it.
  """

  say: Callable[[str], None]
  wants_to_stop: Callable[[], bool]


def train(
  experiment: config.Experiment,
  run: run_directory.RunDirectory,
  seed: int,
  *,
  device: str,
  overwrite: bool,
  person: Person,
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
  if not overwrite:
    _check_continues(run, text, seed)
  if not overwrite and _is_finished(run, experiment):
    person.say(
      f"{run.root} is finished: {experiment.training.num_env_steps:,} env "
      "steps; --overwrite begins anew, a larger TrainingConfig.num_env_steps "
      "goes on"
    )
    return True
  device = devices.choose_device(device)
  pipeline = dqn_pipeline.build(experiment, seeds)
  for note in pipeline.notes:
    person.say(note)

  if overwrite:
    run.clear()
  run.root.mkdir(parents=True, exist_ok=True)
  keeper = checkpoints.Checkpoints(run.checkpoints, pipeline.tracked)
  resumes = keeper.restore()
  if resumes:
    pipeline.resume()
    person.say(f"goes on at {int(pipeline.statistics.env_steps):,} env steps")
  run.config.write_text(text, "utf-8")
  record = run_record.RunRecord(run.run_record, seed, device)
  try:
    complete = _train(experiment, run, pipeline, seeds, keeper, resumes, person)
    if not complete:
      record.end("stopped")
      return False
    results = _finish(experiment, run, pipeline, seeds, person)
    if results is None:
      record.end("stopped")
      return False
    record.end("finished", **results)
  except Exception:
    record.end("failed")
    raise
  return True


def _check_continues(
  run: run_directory.RunDirectory, text: str, seed: int
) -> None:
  if run.root.exists() and not run.root.is_dir():
    raise errors.UserError(f"--root_dir={str(run.root)!r} is a file")
  if not run.is_begun:
    return
  changed = [
    line
    for line in gin_files.differences(run.config.read_text("utf-8"), text)
    if not line.startswith(_EXTENDABLE)
  ]
  if changed:
    raise errors.UserError(
      f"{run.root} was begun with another configuration ({changed[0]}"
      f"{f' and {len(changed) - 1} more' if len(changed) > 1 else ''}); "
      "expected the same, another --root_dir, or --overwrite"
    )
  begun = (run_record.read(run.run_record) or {}).get("seed")
  if begun != seed:
    raise errors.UserError(
      f"--seed={seed}: {run.root} was begun with seed {begun}; expected the "
      "same, another --root_dir, or --overwrite"
    )


def _is_finished(run: run_directory.RunDirectory, experiment) -> bool:
  record = run_record.read(run.run_record) or {}
  return (
    record.get("outcome") == "finished"
    and record.get("env_steps", 0) >= experiment.training.num_env_steps
  )


def _train(
  experiment: config.Experiment,
  run: run_directory.RunDirectory,
  pipeline: pipeline_lib.Pipeline,
  seeds: seeding.Seeds,
  keeper: checkpoints.Checkpoints,
  resumes: bool,
  person: Person,
) -> bool:
  """The training itself; returns whether it reached its end."""
  env_steps = int(pipeline.statistics.env_steps)
  sinks: list[Sink] = [
    writers.CsvWriter(run.metrics, env_steps if resumes else None),
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
        env_steps=0, train_steps=0, episodes=0, **evaluate.now(0)
      )
      _write(sinks, untrained)
    for result in loop.run(
      pipeline.compiled,
      pipeline.loop_sizes,
      pipeline.statistics,
      pipeline.train_steps,
    ):
      env_steps = result.env_steps
      _write(sinks, _row(result, pipeline, evaluate.if_due(env_steps)))
      stopping = person.wants_to_stop()
      if checkpoint_due(env_steps) or stopping:
        keeper.save(env_steps)
      if stopping:
        complete = env_steps >= experiment.training.num_env_steps
        break
  finally:
    for sink in sinks:
      sink.close()
  keeper.save(env_steps)
  return complete


class _Every:
  """Says when at least a period has passed since it last said so."""

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
      self._experiment.environment.name,
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

  def if_due(self, env_steps: int) -> dict[str, float]:
    """Evaluates at the period, and at the end of the run."""
    at_end = env_steps >= self._experiment.training.num_env_steps
    return self.now(env_steps) if self._due(env_steps) or at_end else {}


def _row(
  result: loop.IterationResult, pipeline: pipeline_lib.Pipeline, evaluated: dict
) -> metrics.Row:
  episodes = result.episodes
  num = episodes.num_episodes
  return metrics.row(
    env_steps=result.env_steps,
    train_steps=result.train_steps,
    episodes=int(pipeline.statistics.num_episodes),
    episode_return=episodes.return_sum / num if num else None,
    episode_length=episodes.length_sum / num if num else None,
    loss=result.loss,
    mean_q=result.q_value,
    env_steps_per_second=result.num_env_steps / result.seconds,
    train_steps_per_second=result.num_train_steps / result.seconds,
    **{name: value() for name, value in pipeline.schedules.items()},
    **evaluated,
  )


def _write(sinks: list[Sink], row: metrics.Row) -> None:
  for sink in sinks:
    sink.write(row)


def _finish(
  experiment: config.Experiment,
  run: run_directory.RunDirectory,
  pipeline: pipeline_lib.Pipeline,
  seeds: seeding.Seeds,
  person: Person,
) -> dict | None:
  """Exports the best policy, judges what was exported, films and draws it.

  Returns:
    What run.json tells of it; None if the person stopped it.
  """
  name = experiment.environment.name
  start = time.monotonic()
  export.export_best(pipeline, experiment, run)
  exported = served_policy.LoadedPolicy(run.policy)
  found = evaluator.evaluate(
    exported.act, name, experiment.evaluation.num_episodes, seeds.evaluation
  )
  run_record.write_json(run.evaluation, found.to_json())
  low, high = evaluator.bootstrap_interval(found.returns)
  person.say(
    f"{name}: mean return {found.mean_return:.1f} (95 %: {low:.1f} to "
    f"{high:.1f}), {len(found.returns)} greedy episodes"
  )
  learning_curve.plot(writers.read(run.metrics), name, run.learning_curve)
  if "rgb_array" in loading.render_modes(name):
    for path, act in (
      (run.trained_video, exported.act),
      (run.random_video, evaluator.random_act(name, seeds.evaluation)),
    ):
      if person.wants_to_stop():
        return None
      video.record_video(act, name, path, 1, seeds.evaluation)
  else:
    person.say(f"no video: {name} does not render 'rgb_array'")
  seconds = time.monotonic() - start
  person.say(f"evaluated, exported and filmed in {seconds:.0f} s")
  for path, what in (
    (run.learning_curve, "to look at"),
    (run.trained_video, "to watch, beside random.mp4"),
    (run.policy, "to serve, with TensorFlow alone"),
  ):
    if path.exists():
      person.say(f"  {path}  {what}")
  return {
    "env_steps": int(pipeline.statistics.env_steps),
    "train_steps": int(pipeline.train_steps),
    "mean_return": found.mean_return,
    "interval_95": [low, high],
  }
