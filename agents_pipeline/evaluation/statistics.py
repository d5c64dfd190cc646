"""Statistics over episodes and over seeds, with their bootstrap intervals."""

from collections.abc import Callable, Sequence

import numpy as np

NUM_RESAMPLES = 10_000  # of the bootstrap

# [..., N] -> [...]
Statistic = Callable[[np.ndarray], np.ndarray]


def mean(values: np.ndarray) -> np.ndarray:
  """The mean, [..., N] -> [...]."""
  return values.mean(axis=-1)


def interquartile_mean(values: np.ndarray) -> np.ndarray:
  """Returns the mean of the middle half (Agarwal et al. 2021).

  A quarter of the values, rounded down, is cut at either end, as
  `scipy.stats.trim_mean(values, 0.25, axis=-1)` does.

  Args:
    values: the values, [..., N].

  Returns:
    The means, [...].
  """
  num_values = np.shape(values)[-1]
  cut = num_values // 4
  return np.sort(values, axis=-1)[..., cut : num_values - cut].mean(axis=-1)


def window_mean(
  env_steps: np.ndarray, values: np.ndarray, at: np.ndarray, window: float
) -> tuple[np.ndarray, np.ndarray]:
  """The mean of the values in the last env steps before each point.

  Args:
    env_steps: the env steps of each value, [N], ascending.
    values: the values, [N].
    at: the points, [P] env steps, ascending.
    window: the length of a window in env steps; a point's mean is over
      (point - window, point].

  Returns:
    The points in whose window there is a value, and the means there.
  """
  sums = np.concatenate([[0.0], np.cumsum(values)])  # [N + 1]
  first = np.asarray(np.searchsorted(env_steps, at - window, side="right"))
  last = np.asarray(np.searchsorted(env_steps, at, side="right"))
  has_any = last > first  # [P]
  first, last = first[has_any], last[has_any]
  return at[has_any], (sums[last] - sums[first]) / (last - first)


def resample(
  num_values: int,
  rng: np.random.Generator,
  num_resamples: int = NUM_RESAMPLES,
) -> np.ndarray:
  """Draws indices with replacement: [resamples, N] for N values."""
  return rng.integers(0, num_values, (num_resamples, num_values))


def bootstrap_interval(
  values: Sequence[float] | np.ndarray,
  confidence: float = 0.95,
  statistic: Statistic = mean,
  num_resamples: int = NUM_RESAMPLES,
) -> tuple[float, float]:
  """Returns the percentile bootstrap interval of a statistic (Efron 1979).

  Args:
    values: the values, [N].
    confidence: the level of the interval, in (0, 1).
    statistic: the function [..., N] -> [...]; by default the mean.
    num_resamples: the number of times that N values are drawn.

  Returns:
    The bounds. Resampling is seeded: the same values give the same bounds.
  """
  numbers = np.asarray(values, np.float64)
  drawn = resample(len(numbers), np.random.default_rng(0), num_resamples)
  tail = 100 * (1 - confidence) / 2
  resampled = statistic(numbers[drawn])
  return (
    float(np.percentile(resampled, tail)),
    float(np.percentile(resampled, 100 - tail)),
  )
