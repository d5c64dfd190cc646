import dataclasses

import pytest

from benchmarks import scale_model

COSTS = scale_model.Costs(
  iteration=1e-3,
  copy=1e-4,
  message=2e-3,
  act=1e-3,
  answer=2e-3,
  recovery=5.0,
  weights_bytes=1000,
)
EVEN = scale_model.Assumed(
  bandwidth=1e6, step_variation=0.0, machine_variation=0.0, chunk_length=10
)


@pytest.mark.parametrize(
  "env_seconds, num_collectors, seconds, bound",
  [
    # A collector: 0.002 + 10 (0.001 + 0.05); the learner: 0.002 + 0.011.
    (0.05, 1, 0.512, "collector"),
    # The same collectors; the learner: 50 * 0.002 + 10 (0.001 + 50 * 0.0001).
    (0.05, 50, 0.512, "collector"),
    # A collector: 0.022; the learner as above.
    (0.001, 50, 0.16, "learner"),
  ],
)
def test_the_slowest_part_bounds_the_rate(
  env_seconds, num_collectors, seconds, bound
):
  found = scale_model.rate(COSTS, EVEN, env_seconds, num_collectors)
  assert found.bound == bound
  assert found.env_steps == pytest.approx(num_collectors * 10 / seconds)


def test_the_network_bounds_large_observations():
  pixels = dataclasses.replace(EVEN, bytes_per_step=10_000)
  found = scale_model.rate(COSTS, pixels, 0.001, 50)
  # 50 * 10 * 10,000 bytes at 1 MB/s are 5 s.
  assert found == scale_model.Rate(pytest.approx(100.0), "network")


def test_all_wait_for_the_slowest_collector():
  varied = dataclasses.replace(EVEN, machine_variation=0.1)
  one, many = (
    scale_model.rate(COSTS, varied, 0.05, n).env_steps / n for n in (1, 100)
  )
  assert many < 0.9 * one
  varied = dataclasses.replace(EVEN, step_variation=1.0)
  found = scale_model.rate(COSTS, varied, 0.05, 100).env_steps / 100
  # Sums of 10 exponential steps: the largest of 100 is about twice the mean.
  assert found == pytest.approx(10 / (0.512 + 0.45), rel=0.1)


def test_a_kill_costs_the_recovery_and_the_steps_taken_again():
  # 5 s and (100 + 10) steps of 0.051 s are 10.61 s, of 60 s between kills.
  found = scale_model.goodput(COSTS, EVEN, 0.05, 60)
  assert found == pytest.approx(1 / (1 + 10.61 / 60))
  assert scale_model.goodput(COSTS, EVEN, 0.05, 0) == 1.0


def test_the_tables_have_a_row_for_each_environment():
  about = {
    "command": ["python"],
    "date": "2026-01-01T00:00",
    "git_commit": None,
    "machine": {"cores": 2, "cpu": "CPU", "memory_gib": 8, "system": "Linux"},
  }
  text = scale_model.markdown(COSTS, about)
  for row in ("| 1 ms", "| 100 ms"):
    assert text.count(row) == 2
