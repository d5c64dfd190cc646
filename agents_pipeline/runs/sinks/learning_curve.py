"""Learning curve sink: learning_curve.png, redrawn during training."""

import pathlib
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib
import matplotlib.axes
import matplotlib.figure
import matplotlib.ticker
import numpy as np

from agents_pipeline.environments import making
from agents_pipeline.evaluation import statistics
from agents_pipeline.files import atomic, tables
from agents_pipeline.runs import metrics
from agents_pipeline.runs import run as run_lib
from agents_pipeline.runs.sinks import sink

_SECONDS_BETWEEN_DRAWINGS = 10.0  # drawing takes a few tenths of a second
_DOTS_PER_INCH = 240
_WINDOW = 1 / 20  # of the env steps so far
# Independent of the user's matplotlibrc. A notebook's backend stays.
_STYLE = {
  name: value
  for name, value in matplotlib.rcParamsDefault.items()
  if name != "backend"
}
_EPISODES, _MEAN, _GREEDY = "#b9c9d8", "#1f5f8b", "#c1440e"
_THRESHOLD = "#6b7d4f"


def open_curve(run: run_lib.Run, resumed_at: int | None) -> sink.Sink:
  """Begins the curve, or continues it from the tables of an earlier start.

  See `logger.SinkFactory`. The CSV sinks must have been opened: they drop the
  rows that a resumed run repeats.
  """
  del resumed_at
  config = run.experiment.environment
  return LearningCurve(
    config.name,
    run.folder.learning_curve,
    tables.read(run.folder.episodes),
    tables.read(run.folder.evaluations),
    making.environment_spec(config.name).reward_threshold
    if config.is_as_registered
    else None,
    exports_best=run.experiment.evaluation.period_env_steps is not None,
  )


class LearningCurve(sink.Sink):
  """Plots the return of every episode, their mean, and the evaluations.

  The picture is redrawn every few seconds, and shown if this is a notebook: one
  figure below the cell, which is updated in place.
  """

  def __init__(
    self,
    environment: str,
    path: pathlib.Path,
    episodes: Sequence[metrics.Row] = (),
    evaluated: Sequence[metrics.Row] = (),
    threshold: float | None = None,
    *,
    exports_best: bool = True,
  ):
    """Begins with what an earlier start of the run has logged.

    Args:
      environment: the environment's id, for the title.
      path: the path of the PNG file.
      episodes: rows of episodes.csv.
      evaluated: rows of evaluations.csv.
      threshold: the return from which on the environment counts as solved.
      exports_best: whether the policy of the best evaluation is exported; else
        the newest policy is.
    """
    self._environment = environment
    self._path = path
    self._threshold = threshold
    self._exports_best = exports_best
    self._evaluated = list(evaluated)
    self._env_steps: list[Any] = []  # at the end of each episode
    self._returns: list[Any] = []
    self._displayed = None
    self._draw_time = time.monotonic()
    self._add_episodes(episodes)

  def write(self, entry: sink.LogEntry) -> None:
    """See `Sink`; redraws if the last drawing is old."""
    self._evaluated += entry.evaluated
    self._add_episodes(entry.episodes)
    if time.monotonic() - self._draw_time >= _SECONDS_BETWEEN_DRAWINGS:
      self.draw()

  def end_training(self) -> None:
    """Draws the final curve."""
    self.draw()

  def draw(self) -> None:
    """Writes the picture, and shows it if this is a notebook."""
    with matplotlib.rc_context(_STYLE), atomic.file(self._path) as temporary:
      self._figure().savefig(temporary, dpi=_DOTS_PER_INCH)
    self._display()
    self._draw_time = time.monotonic()

  def _add_episodes(self, episodes: Sequence[metrics.Row]) -> None:
    self._env_steps += [episode["env_steps"] for episode in episodes]
    self._returns += [episode["episode_return"] for episode in episodes]

  def _figure(self) -> matplotlib.figure.Figure:
    figure = matplotlib.figure.Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    if self._threshold is not None:
      axes.axhline(
        self._threshold,
        color=_THRESHOLD,
        linewidth=1,
        linestyle="--",
        label=f"counts as solved: {self._threshold:g}",
      )
    self._plot_episodes(axes)
    self._plot_evaluations(axes)
    axes.set_title(self._environment)
    axes.set_xlabel("env steps")
    axes.set_ylabel("return")
    axes.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
      figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure

  def _plot_episodes(self, axes: matplotlib.axes.Axes) -> None:
    if not self._returns:
      return
    axes.plot(
      self._env_steps,
      self._returns,
      ".",
      color=_EPISODES,
      markersize=3,
      label="each episode while training",
    )
    window = max(1, int(float(f"{_WINDOW * self._env_steps[-1]:.1g}")))
    ends = np.asarray(self._env_steps)
    axes.plot(
      *statistics.window_mean(ends, np.asarray(self._returns), ends, window),
      color=_MEAN,
      label=f"their mean over {window:,} env steps",
    )

  def _plot_evaluations(self, axes: matplotlib.axes.Axes) -> None:
    if not self._evaluated:
      return
    found = evaluation_curve(self._evaluated)
    axes.fill_between(
      found.env_steps,
      found.low,
      found.high,
      color=_GREEDY,
      alpha=0.18,
      linewidth=0,
      label="middle half of its episodes",
    )
    axes.plot(
      found.env_steps,
      found.mean,
      color=_GREEDY,
      marker="o",
      markersize=4,
      label="greedy evaluation",
    )
    if self._exports_best:
      axes.plot(
        found.env_steps[found.best],
        found.mean[found.best],
        "o",
        color=_GREEDY,
        markersize=10,
        markerfacecolor="none",
        label="exported",
      )
    cut = found.has_cut
    if cut.any():
      axes.plot(
        found.env_steps[cut],
        found.mean[cut],
        "x",
        color="black",
        markersize=6,
        label="with episodes that were cut",
      )

  def _display(self) -> None:
    if not _in_notebook():
      return
    from IPython import display

    picture = display.Image(
      data=self._path.read_bytes(), format="png", width=960
    )
    if self._displayed is None:
      self._displayed = display.display(picture, display_id=True)
    else:
      self._displayed.update(picture)


class EvaluationCurve(NamedTuple):
  """The N evaluations of a run; every array is [N].

  Attributes:
    env_steps: the env steps at each evaluation.
    mean: the mean return.
    low: the first quartile of the returns.
    high: the third quartile of the returns.
    has_cut: whether an episode was cut.
    best: the index of the highest mean, the last of equals.
  """

  env_steps: np.ndarray
  mean: np.ndarray
  low: np.ndarray
  high: np.ndarray
  has_cut: np.ndarray
  best: int


def evaluation_curve(evaluated: Sequence[metrics.Row]) -> EvaluationCurve:
  """Sums up the rows of evaluations.csv, of which there is at least one."""
  env_steps: np.ndarray = np.array([row["env_steps"] for row in evaluated])
  returns: np.ndarray = np.array(
    [row["evaluation_return"] for row in evaluated], float
  )
  is_cut: np.ndarray = np.array([row["is_cut"] for row in evaluated], bool)
  when = np.unique(env_steps)  # [N]
  each = [env_steps == one for one in when]
  mean: np.ndarray = np.array([returns[e].mean() for e in each])
  low, high = np.array([np.percentile(returns[e], (25, 75)) for e in each]).T
  has_cut: np.ndarray = np.array([is_cut[e].any() for e in each])
  best = len(mean) - 1 - int(np.argmax(mean[::-1]))
  return EvaluationCurve(when, mean, low, high, has_cut, best)


def _in_notebook() -> bool:
  ipython = sys.modules.get("IPython")
  shell = ipython.get_ipython() if ipython else None
  return shell is not None and "Terminal" not in type(shell).__name__
