"""Statistics over seeds."""

import numpy as np

from agents_pipeline.evaluation import evaluator
from benchmarks import comparison


def test_the_interquartile_mean_drops_a_quarter_at_either_end():
  ten = np.array([100.0, 1, 2, 3, 4, 5, 6, 7, -500, -900])
  assert comparison.interquartile_mean(ten) == (1 + 2 + 3 + 4 + 5 + 6) / 6
  assert comparison.interquartile_mean(ten[:3]) == 103 / 3
  # Of 4 one is cut at either end, of 7 too, of 8 two.
  seven = np.array([9.0, 1, 2, 3, 4, 5, -9])
  assert comparison.interquartile_mean(seven[:4]) == 5 / 2
  assert comparison.interquartile_mean(seven) == 15 / 5
  assert comparison.interquartile_mean(np.array([*seven, 6])) == 14 / 4
  low, high = evaluator.bootstrap_interval(
    ten, statistic=comparison.interquartile_mean
  )
  assert -500 < low < 3.5 < high < 40
  assert evaluator.bootstrap_interval(
    [7.0] * 9, statistic=comparison.interquartile_mean
  ) == (7.0, 7.0)
