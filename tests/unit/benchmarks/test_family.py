"""Configurations of DQN's family, made of DQN's."""

import json

import pytest

from agents_pipeline.agents.c51 import config as c51_config
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.qr_dqn import config as qr_dqn_config
from agents_pipeline.config import gin_files
from benchmarks import family, learning_tables


@pytest.mark.parametrize("task", list(family.TASKS))
@pytest.mark.parametrize(
  ("method", "config", "field"),
  [
    ("prioritized_dqn", dqn_config.DqnConfig, "gamma"),
    ("c51", c51_config.C51Config, "v_min"),
    ("qr_dqn", qr_dqn_config.QrDqnConfig, "num_quantiles"),
  ],
)
def test_a_method_has_the_settings_of_dqn(
  tmp_path, method, task, config, field
):
  file = tmp_path / "method.gin"
  file.write_text(family.gin_text(method, task))
  experiment = gin_files.load_experiment([file], [])
  agent = experiment.agent
  assert type(agent) is config and hasattr(agent, field)
  assert type(agent.replay).__name__ == (
    "PrioritizedReplay" if method == "prioritized_dqn" else "ReplayConfig"
  )
  own = learning_tables.ROOT / "configs" / f"dqn_{task}.gin"
  of_dqn = gin_files.load_experiment([own], [])
  assert experiment.training == of_dqn.training
  assert experiment.environment == of_dqn.environment
  same = ("gamma", "batch_size", "hidden_layers", "double", "epsilon")
  for name in (*same, "optimizer", "num_train_steps_per_iteration"):
    assert getattr(agent, name) == getattr(of_dqn.agent, name), name
  assert (
    agent.replay.capacity_env_steps == of_dqn.agent.replay.capacity_env_steps
  )


def test_the_table_compares_the_same_seeds(tmp_path, monkeypatch):
  monkeypatch.setattr(family, "TABLES", tmp_path)
  returns = [-60.0 - seed for seed in range(10)]
  seeds = [
    {"seed": seed, "mean_return": value} for seed, value in enumerate(returns)
  ]
  (tmp_path / "c51_acrobot.json").write_text(json.dumps({"seeds": seeds}))
  dqn, c51 = family.rows_of("acrobot")
  assert dqn[:3] == ["acrobot", "DQN", "10"]  # of its 20
  assert c51[:4] == ["acrobot", "c51", "10", "-64.5"]
