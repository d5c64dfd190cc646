"""Statistics over episodes and seeds."""

import numpy as np
import pytest

from agents_pipeline.evaluation import statistics


def test_the_interquartile_mean_drops_a_quarter_at_either_end():
  ten = np.array([100.0, 1, 2, 3, 4, 5, 6, 7, -500, -900])
  iqm = statistics.interquartile_mean
  assert iqm(ten) == (1 + 2 + 3 + 4 + 5 + 6) / 6
  assert iqm(ten[:3]) == 103 / 3
  # Of 4 one is cut at either end, of 7 too, of 8 two.
  seven = np.array([9.0, 1, 2, 3, 4, 5, -9])
  assert iqm(seven[:4]) == 5 / 2
  assert iqm(seven) == 15 / 5
  assert iqm(np.array([*seven, 6])) == 14 / 4
  low, high = statistics.bootstrap_interval(ten, statistic=iqm)
  assert -500 < low < 3.5 < high < 40
  seven_times = statistics.bootstrap_interval([7.0] * 9, statistic=iqm)
  assert seven_times == (7.0, 7.0)


def test_bootstrap_interval_of_a_known_mean():
  # 100 zeros and 100 ones: the mean's standard error is sqrt(0.25 / 200).
  half = [0.0] * 100 + [1.0] * 100
  low, high = statistics.bootstrap_interval(half)
  error = 1.96 * (0.25 / 200) ** 0.5
  assert (low, high) == pytest.approx((0.5 - error, 0.5 + error), abs=0.006)
  assert statistics.bootstrap_interval([3.0]) == (3.0, 3.0)
  fewer = statistics.bootstrap_interval(half, num_resamples=1000)
  assert fewer == pytest.approx((low, high), abs=0.01)
  assert fewer != (low, high)


def test_a_mean_over_a_window_of_env_steps():
  ends = np.array([10, 20, 25, 60, 61, 61])
  values = np.array([1.0, 3.0, 5.0, 7.0, 9.0, 2.0])
  at, means = statistics.window_mean(ends, values, ends, 15)
  assert at.tolist() == ends.tolist()
  # 10 is 15 before 25, and no longer counts there.
  np.testing.assert_allclose(means, [1.0, 2.0, 4.0, 7.0, 6.0, 6.0])
  at, means = statistics.window_mean(ends, values, np.array([5, 30, 50]), 15)
  assert at.tolist() == [30]  # the others have none
  np.testing.assert_allclose(means, [4.0])
