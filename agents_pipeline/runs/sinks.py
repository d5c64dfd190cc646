"""The tables of a run, and what else shows its results as they come."""

import numpy as np

from agents_pipeline.agents import pipeline as pipeline_lib
from agents_pipeline.config import schema
from agents_pipeline.files import run_folder
from agents_pipeline.runs import learning_curve, metrics, progress, writers
from agents_pipeline.training import episode_statistics, loop


class RunTables:
  """metrics.csv, timing.csv, episodes.csv, TensorBoard, progress, the curve."""

  def __init__(
    self,
    experiment: schema.Experiment,
    run: run_folder.RunFolder,
    pipeline: pipeline_lib.Pipeline,
    resumes: bool,
  ):
    """Opens them.

    Args:
      experiment: what is run.
      run: where.
      pipeline: its counters say how far it is.
      resumes: keep the rows that were written before its checkpoint.

    Raises:
      RunError: they cannot be written.
    """
    self._pipeline = pipeline
    until = int(pipeline.interval.env_steps) if resumes else None
    self._metrics = writers.CsvWriter(run.metrics, _columns(pipeline), until)
    self._timing = writers.CsvWriter(run.timing, metrics.TIMING_COLUMNS, until)
    self._episodes = writers.CsvWriter(
      run.episodes, metrics.EPISODE_COLUMNS, until
    )
    self._events = writers.TensorBoardWriter(run.root)
    self._progress = _progress(experiment, pipeline)
    rows = writers.read(run.metrics)
    self.last_row = rows[-1] if rows else {}
    self._curve = learning_curve.LearningCurve(
      experiment.environment.name,
      run.learning_curve,
      rows,
      writers.read(run.episodes),
    )

  def write_untrained(self, evaluated: dict[str, float]) -> None:
    """Writes the row of before training.

    Args:
      evaluated: columns of its evaluation.
    """
    self._write(
      metrics.row(
        _columns(self._pipeline),
        env_steps=0,
        train_steps=0,
        episodes=0,
        **evaluated,
      )
    )

  def write(
    self, result: loop.IterationResult, evaluated: dict[str, float]
  ) -> None:
    """Writes the rows of a result.

    Args:
      result: of the loop.
      evaluated: columns of its evaluation; {} without one.

    Raises:
      RunError: they cannot be written.
    """
    pipeline, ended = self._pipeline, result.episodes
    row = metrics.row(
      _columns(pipeline),
      env_steps=result.env_steps,
      train_steps=result.train_steps,
      episodes=int(pipeline.statistics.num_episodes),
      episode_return=_mean(ended.returns),
      episode_length=_mean(ended.lengths),
      **result.means,
      **{name: value() for name, value in pipeline.schedules.items()},
      **evaluated,
    )
    timing = metrics.row(
      metrics.TIMING_COLUMNS,
      env_steps=result.env_steps,
      env_steps_per_second=result.num_env_steps / result.seconds,
      train_steps_per_second=result.num_train_steps / result.seconds,
    )
    self._timing.write(timing)
    self._write(row, timing, _episode_rows(ended))

  def _write(
    self,
    row: metrics.Row,
    timing: metrics.Row | None = None,
    episodes: list[metrics.Row] | None = None,
  ) -> None:
    self._metrics.write(row)
    self._episodes.write(*(episodes or []))
    self._events.write(row | (timing or {}))
    self._progress.write(row)
    self._curve.add(row, episodes or [])
    self.last_row = row

  def flush(self) -> None:
    """Waits until the disk holds every row."""
    for table in (self._metrics, self._timing, self._episodes):
      table.flush()

  def draw(self) -> None:
    """Draws the curve, whenever it was drawn last."""
    self._curve.draw()

  def close(self) -> None:
    """Closes them all."""
    for table in (
      self._metrics,
      self._timing,
      self._episodes,
      self._events,
      self._progress,
    ):
      table.close()


def _columns(pipeline: pipeline_lib.Pipeline) -> tuple[str, ...]:
  """Of metrics.csv."""
  return metrics.columns((*pipeline.measure_names, *pipeline.schedules))


def _mean(values: np.ndarray) -> float | None:
  return float(np.mean(values)) if len(values) else None


def _episode_rows(episodes: episode_statistics.Episodes) -> list[metrics.Row]:
  return [
    dict(zip(metrics.EPISODE_COLUMNS, values, strict=True))
    for values in zip(*(column.tolist() for column in episodes), strict=True)
  ]


def _progress(
  experiment: schema.Experiment, pipeline: pipeline_lib.Pipeline
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
