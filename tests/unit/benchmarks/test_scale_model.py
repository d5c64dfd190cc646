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
  restart=20.0,
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


def test_a_killed_learner_costs_its_restart_and_half_a_checkpoint():
  # 20 s and 30 s, of 600 s between kills.
  found = scale_model.goodput_of_restarts(COSTS, EVEN, 6)
  assert found == pytest.approx(1 / (1 + 50 / 600))


def test_the_tables_have_a_row_for_each_environment():
  text = scale_model.markdown(COSTS)
  for row in ("| an env step of 1 ms", "| a collector, 1 ms", "| the learner"):
    assert text.count(row) == 1


def test_what_was_measured_is_shown_by_way_and_size():
  about = {
    "command": ["python"],
    "date": "2026-01-01T00:00",
    "git_commit": None,
    "python": "3.11",
    "packages": {"ray": "2.0"},
    "machine": {"cores": 2, "cpu": "CPU", "memory_gib": 8, "system": "Linux"},
  }
  step = {"num_copies": 4, "num_bytes": 28_224, "low": 0.001, "high": 0.003}
  found = {
    "about": about,
    "costs": dataclasses.asdict(COSTS),
    "steps": [step | {"way": "ray", "seconds": 0.0015}],
    "weights": [{"num_bytes": 10**6, "put": 0.002, "answer": 0.004}],
  }
  text = scale_model.costs_markdown(found)
  assert "| ms per step of all copies | 4 copies, 28 kB |" in text
  assert "| `ray` | 1.5 (1 to 3) |" in text
  assert "| 1,000 kB | 2.00 | 4.00 |" in text
  assert (
    "| the learner, per copy and iteration in addition | 100.0 us |" in text
  )
