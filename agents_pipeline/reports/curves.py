"""Curves over env steps: of a run, and of the seeds of a group."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from agents_pipeline.evaluation import statistics
from agents_pipeline.reports import run_data

NUM_POINTS = 201
# The training return at a point is a mean over this part of the longest run.
WINDOW = 1 / 20
# A curve keeps its last value for this share of the longest run: runs of one
# configured length end some env steps apart.
_BEYOND_END = 1 / 100
_NUM_RESAMPLES = 1_000  # for each point


@dataclasses.dataclass(frozen=True)
class Curve:
  """A statistic over the seeds of a group.

  Attributes:
    middle: the interquartile mean, [P] float64; NaN where no seed has a value.
    low: the lower bound of its 95 % interval, [P] float64; NaN where fewer than
      two seeds have a value.
    high: the upper bound, [P] float64.
    num_seeds: the number of seeds that have a value, [P] int64.
  """

  middle: np.ndarray
  low: np.ndarray
  high: np.ndarray
  num_seeds: np.ndarray


# Env steps [N] and values [N] of one run, in order of env steps.
Points = tuple[np.ndarray, np.ndarray]


def evaluations(run: run_data.RunData) -> Points:
  """The evaluations while a run trained."""
  return _known(
    run.metrics.get("env_steps"), run.metrics.get("evaluation_return")
  )


def training_returns(
  run: run_data.RunData, at: np.ndarray, window: float
) -> Points:
  """The mean return of the training episodes that ended lately.

  Args:
    run: the run, whose episodes.csv is read.
    at: the points, [P] env steps, ascending.
    window: the env steps before a point whose episodes count for it.

  Returns:
    The points in whose window an episode ended.
  """
  ends = run.episodes.get("env_steps", np.zeros(0))
  returns = run.episodes.get("episode_return", np.zeros(0))
  return statistics.window_mean(ends, returns, at, window)


def evaluation_steps(runs: Sequence[run_data.RunData]) -> np.ndarray:
  """The env steps at which runs were evaluated, [P]; evenly spaced if many."""
  steps = np.unique(np.concatenate([evaluations(run)[0] for run in runs]))
  if len(steps) <= NUM_POINTS:
    return steps
  return np.linspace(steps[0], steps[-1], NUM_POINTS)


def training_steps(runs: Sequence[run_data.RunData]) -> np.ndarray:
  """Evenly spaced env steps, [P], from 0 to the end of the longest run."""
  longest = max(run.env_steps for run in runs)
  return np.linspace(0, longest, NUM_POINTS) if longest else np.zeros(0)


def over_seeds(points: Sequence[Points], at: np.ndarray) -> Curve:
  """Puts the curves of several seeds together.

  Between its points, a seed's curve is a straight line. Before the first point
  it has no value; after the last one it keeps that value up to `_BEYOND_END`.

  Args:
    points: the points of each seed.
    at: the points of the curve, [P] env steps, ascending.
  """
  beyond = _BEYOND_END * at[-1] if len(at) else 0.0
  values = np.full((len(points), len(at)), np.nan)
  for row, (steps, measured) in zip(values, points, strict=True):
    if len(steps):
      is_within = (at >= steps[0]) & (at <= steps[-1] + beyond)
      row[is_within] = np.interp(at[is_within], steps, measured)
  num_seeds = np.isfinite(values).sum(axis=0)
  middle, low, high = (np.full(len(at), np.nan) for _ in range(3))
  for i, column in enumerate(values.T):
    known = column[np.isfinite(column)]
    if len(known):
      middle[i] = statistics.interquartile_mean(known)
    if len(known) > 1:
      low[i], high[i] = statistics.bootstrap_interval(
        known,
        statistic=statistics.interquartile_mean,
        num_resamples=_NUM_RESAMPLES,
      )
  return Curve(middle, low, high, num_seeds)


def performance_profile(returns: Sequence[float], at: np.ndarray) -> Curve:
  """The share of seeds whose final return is at least so much.

  As of Agarwal et al. 2021, with one task.

  Args:
    returns: the final return of each seed.
    at: the returns to reach, [P].

  Returns:
    The share, in [0, 1], with its pointwise 95 % interval.
  """
  reached = np.asarray(returns)[None] >= at[:, None]  # [P, N]
  intervals = [
    statistics.bootstrap_interval(row, num_resamples=_NUM_RESAMPLES)
    for row in reached
  ]
  low, high = np.array(intervals).reshape(-1, 2).T
  num_seeds = np.full(len(at), len(returns))
  return Curve(reached.mean(axis=1), low, high, num_seeds)


def _known(steps: np.ndarray | None, values: np.ndarray | None) -> Points:
  if steps is None or values is None:
    return np.zeros(0), np.zeros(0)
  known = np.isfinite(steps) & np.isfinite(values)
  return steps[known], values[known]
