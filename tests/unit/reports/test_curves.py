"""Curves of known numbers."""

import numpy as np
import pytest

from agents_pipeline.reports import curves


def points(*pairs):
  return tuple(np.array(column, float) for column in zip(*pairs, strict=True))


def test_seeds_meet_on_straight_lines_between_their_points():
  at = np.array([0.0, 50, 100])
  found = curves.over_seeds(
    [points((0, 0), (100, 10)), points((0, 2), (50, 4)), points((50, 9))], at
  )
  # At 50: 5, 4 and 9; at 100 the first alone.
  np.testing.assert_allclose(found.middle, [1, 6, 10])
  np.testing.assert_array_equal(found.num_seeds, [2, 3, 1])
  np.testing.assert_allclose(found.low[:2], [0, 4])
  np.testing.assert_allclose(found.high[:2], [2, 9])
  assert np.isnan([found.low[2], found.high[2]]).all()


def test_a_run_that_ends_a_few_env_steps_early_counts_at_the_end():
  at = np.array([0.0, 990, 1000])
  found = curves.over_seeds([points((0, 1), (990, 3)), points((0, 1))], at)
  np.testing.assert_allclose(found.middle, [1, 3, 3])
  np.testing.assert_array_equal(found.num_seeds, [2, 1, 1])


def test_no_seed_has_a_value():
  nothing = (np.zeros(0), np.zeros(0))
  assert not curves.over_seeds([nothing], np.array([1.0])).num_seeds.any()
  assert len(curves.over_seeds([nothing], np.zeros(0)).middle) == 0


def test_the_training_return_is_of_the_episodes_in_the_window(read_run):
  run = read_run("a", episodes=[(10, 1.0), (20, 2.0), (30, 6.0)])
  at = np.array([5.0, 10, 20, 30, 55])
  # (-15, 5] and (35, 55] have none; (10, 30] has two.
  steps, values = curves.training_returns(run, at, 20)
  np.testing.assert_array_equal(steps, [10, 20, 30])
  np.testing.assert_allclose(values, [1, 1.5, 4])


def test_evaluations_are_where_there_were_any(read_run):
  rows = [(0, 1.0), (100, None), (200, 3.0)]
  runs = [read_run("a", evaluations=rows), read_run("b")]
  steps, values = curves.evaluations(runs[0])
  assert (steps.tolist(), values.tolist()) == ([0, 200], [1, 3])
  assert curves.evaluation_steps(runs).tolist() == [0, 200, 300]
  many = read_run("c", evaluations=[(i, 1.0) for i in range(1001)])
  assert len(curves.evaluation_steps([many])) == curves.NUM_POINTS
  assert curves.training_steps(runs)[[0, -1]].tolist() == [0, 300]
  empty = read_run("d", evaluations=[])
  assert len(curves.training_steps([empty])) == 0


def test_a_performance_profile_is_the_share_of_seeds_that_reached_a_return():
  found = curves.performance_profile([1, 2, 3, 4], np.array([0.0, 2, 2.5, 5]))
  assert found.middle.tolist() == [1, 0.75, 0.5, 0]
  assert found.low[[0, 3]].tolist() == found.high[[0, 3]].tolist() == [1, 0]
  # Of 4 with 2 of them: P(none) = 1/16, so 2.5 % is still none.
  assert (found.low[2], found.high[2]) == pytest.approx((0, 1))
