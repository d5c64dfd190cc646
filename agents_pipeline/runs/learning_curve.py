"""learning_curve.png: returns over env steps, kept current while training."""

import pathlib
import sys
import time
from collections.abc import Sequence

import matplotlib
import matplotlib.figure
import matplotlib.ticker
import numpy as np

from agents_pipeline.files import atomic

_SECONDS_BETWEEN_DRAWINGS = 10.0  # one takes a few tenths of a second
_EPISODES_IN_MEAN = 100
# Whatever a user's matplotlibrc says; a notebook's backend stays.
_STYLE = {
  name: value
  for name, value in matplotlib.rcParamsDefault.items()
  if name != "backend"
}
_EPISODES, _MEAN, _GREEDY = "#b9c9d8", "#1f5f8b", "#c1440e"


class LearningCurve:
  """The curve of a run: every episode, their mean, and the evaluations.

  It is redrawn every few seconds. In a notebook the figure itself is shown,
  and redrawn in its place.
  """

  def __init__(
    self,
    environment: str,
    path: pathlib.Path,
    rows: Sequence[dict] = (),
    episodes: Sequence[dict] = (),
  ):
    """Begins, or goes on with what an earlier start of the run has written.

    Args:
      environment: for the title.
      path: of the PNG, which appears whole or not at all.
      rows: of metrics.csv.
      episodes: rows of episodes.csv.
    """
    self._environment = environment
    self._path = path
    self._evaluations: list[tuple[float, float]] = []  # env steps, return
    self._env_steps: list[float] = []  # of each episode's end
    self._returns: list[float] = []
    self._shown = None
    self._drawn_at = time.monotonic()
    for row in rows:
      self._take_evaluation(row)
    self._take_episodes(episodes)

  def add(self, row: dict, episodes: Sequence[dict]) -> None:
    """Takes what is new, and draws if the last drawing is old.

    Args:
      row: of metrics.csv.
      episodes: new rows of episodes.csv.
    """
    self._take_evaluation(row)
    self._take_episodes(episodes)
    if time.monotonic() - self._drawn_at >= _SECONDS_BETWEEN_DRAWINGS:
      self.draw()

  def _take_evaluation(self, row: dict) -> None:
    if row["evaluation_return"] is not None:
      self._evaluations.append((row["env_steps"], row["evaluation_return"]))

  def _take_episodes(self, episodes: Sequence[dict]) -> None:
    self._env_steps += [episode["env_steps"] for episode in episodes]
    self._returns += [episode["episode_return"] for episode in episodes]

  def draw(self) -> None:
    """Writes the picture, and shows it in a notebook."""
    with matplotlib.rc_context(_STYLE), atomic.file(self._path) as aside:
      self._figure().savefig(aside, dpi=120)
    self._show()
    self._drawn_at = time.monotonic()

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

  def _show(self) -> None:
    if not _in_notebook():
      return
    from IPython import display

    picture = display.Image(data=self._path.read_bytes(), format="png")
    if self._shown is None:
      self._shown = display.display(picture, display_id=True)
    else:
      self._shown.update(picture)


def running_mean(values: Sequence[float], count: int) -> np.ndarray:
  """The mean of each value and the count - 1 before it.

  Args:
    values: [N].
    count: of values in each mean.

  Returns:
    [N - count + 1] float64, or nothing where there are fewer.
  """
  if len(values) < count:
    return np.zeros(0)
  sums = np.cumsum(np.concatenate([[0.0], values]))
  return (sums[count:] - sums[:-count]) / count


def _in_notebook() -> bool:
  ipython = sys.modules.get("IPython")
  shell = ipython.get_ipython() if ipython else None
  return shell is not None and "Terminal" not in type(shell).__name__
