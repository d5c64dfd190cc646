"""Resident memory of a long run."""

from benchmarks import soak


def test_a_run_is_measured():
  resident = soak.soak(
    "EnvironmentConfig.backend = 'tensor'",
    "TrainingConfig.num_env_steps = 4_000",
    "EvaluationConfig.num_episodes_while_training = 1",
  )
  assert resident and all(mib > 100 for mib in resident)
