"""Configurations of C51 that are refused, or known by other names."""

import pytest

from agents_pipeline import errors
from agents_pipeline.config import gin_files

C51 = [
  "Experiment.agent = @C51Config()",
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 2_000",
]
BOUNDS = ["C51Config.v_min = -1", "C51Config.v_max = 2.5"]


@pytest.mark.parametrize(
  ("bindings", "message"),
  [
    (
      ["C51Config.v_min = 10", "C51Config.v_max = -10"],
      "C51Config.v_min = 10 and .v_max = -10: expected v_min below v_max",
    ),
    (
      ["C51Config.v_min = 1e9", "C51Config.v_max = 1.000000001e9"],
      "C51Config.v_min = 1e+09 and .v_max = 1e+09: expected 51 different "
      "float32 returns between them",
    ),
    (
      ["C51Config.v_min = -1e39", "C51Config.v_max = 1e39"],
      "C51Config.v_min = -1e+39 and .v_max = 1e+39: expected 51 different "
      "float32 returns between them",
    ),
    (
      ["C51Config.v_min = 1", "C51Config.v_max = 1.0"],
      "C51Config.v_min = 1 and .v_max = 1: expected v_min below v_max",
    ),
    (
      [*BOUNDS, "C51Config.num_atoms = 1"],
      "C51Config.num_atoms = 1: expected a whole number in [2, 1000]",
    ),
    (
      [*BOUNDS, "C51Config.loss = 'huber'"],
      "unknown gin parameter C51Config.loss: expected one of ",
    ),
    (
      [*BOUNDS, "C51Config.min_q_value = -10"],
      "unknown gin parameter C51Config.min_q_value: did you mean "
      "'C51Config.v_min'?",
    ),
    (
      [*BOUNDS, "C51Config.buffer_size = 10"],
      "unknown gin parameter C51Config.buffer_size: did you mean "
      "'ReplayConfig.capacity_env_steps'?",
    ),
    (
      [*BOUNDS, "C51Config.n_steps = 3"],
      "unknown gin parameter C51Config.n_steps: did you mean "
      "'C51Config.n_step'?",
    ),
    (
      [*BOUNDS, "C51Config.batch_size = 500_000"],
      "C51Config.batch_size = 500000: expected at most "
      "ReplayConfig.capacity_env_steps = 100000",
    ),
    (["C51Config.v_min = 0"], "C51Config.v_max is required"),
  ],
)
def test_one_line_says_what_was_expected(bindings, message):
  with pytest.raises(errors.UserError) as caught:
    gin_files.load_experiment([], [*C51, *bindings])
  first, *_ = str(caught.value).split("\n")
  assert first.startswith(message)


def test_its_own_fields_stand_beside_their_kin():
  text = gin_files.to_text(gin_files.load_experiment([], [*C51, *BOUNDS]))
  lines = [line for line in text.splitlines() if line.startswith("C51Config.")]
  at = lines.index("C51Config.reward_scale = 1.0")
  assert lines[at + 1 : at + 5] == [
    "C51Config.num_atoms = 51",
    "C51Config.v_min = -1.0",
    "C51Config.v_max = 2.5",
    "C51Config.optimizer = @Adam()",
  ]
