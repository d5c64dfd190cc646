"""Learning curve sink: learning_curve.png, redrawn during training."""

import pathlib
import sys
import time
from collections.abc import Sequence
from typing import Any

import matplotlib
import matplotlib.figure
import matplotlib.ticker
import numpy as np

from agents_pipeline.files import atomic
from agents_pipeline.runs import metrics
from agents_pipeline.runs import run as run_lib
from agents_pipeline.runs.sinks import csv_files, sink

_SECONDS_BETWEEN_DRAWINGS = 10.0  # drawing takes a few tenths of a second
_EPISODES_IN_MEAN = 100
# Independent of the user's matplotlibrc. A notebook's backend stays.
_STYLE = {
  name: value
  for name, value in matplotlib.rcParamsDefault.items()
  if name != "backend"
}
_EPISODES, _MEAN, _GREEDY = "#b9c9d8", "#1f5f8b", "#c1440e"


def open_curve(run: run_lib.Run, resumed_at: int | None) -> sink.Sink:
  """Begins the curve, or continues it from the tables of an earlier start.

  See `logger.SinkFactory`. The CSV sinks must have been opened: they drop the
  rows that a resumed run repeats.
  """
  del resumed_at
  return LearningCurve(
    run.experiment.environment.name,
    run.folder.learning_curve,
    csv_files.read(run.folder.metrics),
    csv_files.read(run.folder.episodes),
  )


class LearningCurve:
  """Plots the return of every episode, their mean, and the evaluations.

  The picture is redrawn every few seconds, and shown if this is a notebook: one
  figure below the cell, which is updated in place.
  """

  def __init__(
    self,
    environment: str,
    path: pathlib.Path,
    rows: Sequence[metrics.Row] = (),
    episodes: Sequence[metrics.Row] = (),
  ):
    """Begins with what an earlier start of the run has logged.

    Args:
      environment: its id, for the title.
      path: the path of the PNG file.
      rows: the rows of metrics.csv.
      episodes: rows of episodes.csv.
    """
    self._environment = environment
    self._path = path
    self._evaluations: list[tuple[Any, Any]] = []  # env steps, return
    self._env_steps: list[Any] = []  # at the end of each episode
    self._returns: list[Any] = []
    self._displayed = None
    self._draw_time = time.monotonic()
    for row in rows:
      self._add_evaluation(row)
    self._add_episodes(episodes)

  def write(self, entry: sink.LogEntry) -> None:
    """See `Sink`; redraws if the last drawing is old."""
    self._add_evaluation(entry.metrics)
    self._add_episodes(entry.episodes)
    if time.monotonic() - self._draw_time >= _SECONDS_BETWEEN_DRAWINGS:
      self.draw()

  def flush(self) -> None:
    """Does nothing: a resumed run draws the whole curve again."""

  def close(self, *, failed: bool = False) -> None:
    """Draws the final curve, unless training failed."""
    if not failed:
      self.draw()

  def draw(self) -> None:
    """Writes the picture, and shows it if this is a notebook."""
    with matplotlib.rc_context(_STYLE), atomic.file(self._path) as temporary:
      self._figure().savefig(temporary, dpi=120)
    self._display()
    self._draw_time = time.monotonic()

  def _add_evaluation(self, row: metrics.Row) -> None:
    if row["evaluation_return"] is not None:
      self._evaluations.append((row["env_steps"], row["evaluation_return"]))

  def _add_episodes(self, episodes: Sequence[metrics.Row]) -> None:
    self._env_steps += [episode["env_steps"] for episode in episodes]
    self._returns += [episode["episode_return"] for episode in episodes]

  def _figure(self) -> matplotlib.figure.Figure:
    figure = matplotlib.figure.Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    if self._returns:
      axes.plot(
        self._env_steps,
        self._returns,
        ".",
        color=_EPISODES,
        markersize=3,
        label="each episode while training",
      )
    mean = running_mean(self._returns, _EPISODES_IN_MEAN)
    if len(mean):
      axes.plot(
        self._env_steps[-len(mean) :],
        mean,
        color=_MEAN,
        label=f"mean of {_EPISODES_IN_MEAN} episodes",
      )
    if self._evaluations:
      axes.plot(
        *zip(*self._evaluations, strict=True),
        color=_GREEDY,
        marker="o",
        markersize=4,
        label="greedy evaluation",
      )
    axes.set_title(self._environment)
    axes.set_xlabel("env steps")
    axes.set_ylabel("return")
    axes.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
      figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure

  def _display(self) -> None:
    if not _in_notebook():
      return
    from IPython import display

    picture = display.Image(data=self._path.read_bytes(), format="png")
    if self._displayed is None:
      self._displayed = display.display(picture, display_id=True)
    else:
      self._displayed.update(picture)


def running_mean(values: Sequence[float], count: int) -> np.ndarray:
  """The mean of each value and the count - 1 values before it.

  Args:
    values: [N].
    count: number of values in each mean.

  Returns:
    [N - count + 1] float64; [0] if N < count.
  """
  if len(values) < count:
    return np.zeros(0)
  sums = np.cumsum(np.concatenate([[0.0], values]))
  return (sums[count:] - sums[:-count]) / count


def _in_notebook() -> bool:
  ipython = sys.modules.get("IPython")
  shell = ipython.get_ipython() if ipython else None
  return shell is not None and "Terminal" not in type(shell).__name__
