"""Epsilon's schedules, at points worked out by hand."""

import pytest
import tensorflow as tf

from agents_pipeline.agents.q_learning import schedules


@pytest.mark.parametrize(
  ("schedule", "points"),
  [
    (schedules.ConstantEpsilon(0.3), {0: 0.3, 10**6: 0.3}),
    (
      # A tenth as many episodes as env steps: 0.5 - 0.495 * 25 / 100
      schedules.LinearEpsilonOverEpisodes(0.5, 0.005, 100),
      {0: 0.5, 259: 0.37625, 1000: 0.005, 10**6: 0.005},
    ),
    (
      schedules.LinearEpsilon(1.0, 0.2, 100),
      {0: 1.0, 25: 0.8, 50: 0.6, 100: 0.2, 101: 0.2, 10**6: 0.2},
    ),
    (
      # 0.05 + 0.85 * exp(-1) = 0.3627
      schedules.ExponentialEpsilon(0.9, 0.05, 1000.0),
      {0: 0.9, 1000: 0.36269775, 10**6: 0.05},
    ),
    (
      # 0.99 ** 100 = 0.3660
      schedules.GeometricEpsilon(1.0, 0.1, 0.99),
      {0: 1.0, 1: 0.99, 100: 0.36603234, 1000: 0.1},
    ),
    (
      # A factor that is 1 in float32: exp(-1) = 0.3679
      schedules.GeometricEpsilon(1.0, 0.0, 1 - 1e-8),
      {0: 1.0, 10**8: 0.36787944},
    ),
  ],
)
def test_schedules(schedule, points, compiled):
  at = compiled(lambda n: schedule(n, n // 10))
  for env_steps, expected in points.items():
    found = at(tf.constant(env_steps, tf.int64))
    assert float(found) == pytest.approx(expected, rel=1e-5)
