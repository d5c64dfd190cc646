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


def test_the_table_compares_the_seeds_that_all_have(tmp_path, monkeypatch):
  monkeypatch.setattr(family, "TABLES", tmp_path / "family")
  (tmp_path / "family").mkdir()
  monkeypatch.setattr(learning_tables, "TABLES", tmp_path)
  page = tmp_path / "learning.md"
  monkeypatch.setattr(learning_tables, "PAGE", page)
  page.write_text("a\n<!-- family: begin -->\nb\n<!-- family: end -->\nc")

  def write(name, returns):
    seeds = [{"seed": i, "mean_return": r} for i, r in enumerate(returns)]
    (tmp_path / f"{name}.json").write_text(json.dumps({"seeds": seeds}))

  write("dqn_acrobot", [-60.0, -70.0, -80.0, -90.0, 0.0])
  write("family/c51_acrobot", [-61.0, -71.0, -81.0, -91.0])
  write("family/qr_dqn_acrobot", [-60.0, -70.0, -80.0, -90.0, 0.0])
  write("dqn_cartpole", [500.0, 500.0])
  write("c51_cartpole", [400.0, 400.0])
  table = family.render()
  assert page.read_text() == (
    f"a\n<!-- family: begin -->\n\n{table}\n\n<!-- family: end -->\nc"
  )
  cells = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
  assert [row[:4] for row in cells] == [
    ["cartpole", "DQN", "2", "500.0"],
    ["cartpole", "C51", "2", "400.0"],
    ["acrobot", "DQN", "4", "-75.0"],
    ["acrobot", "C51", "4", "-76.0"],
    ["acrobot", "QR-DQN", "4", "-75.0"],
  ]
  assert cells[1][5:] == ["-100.0 to -100.0", "1.00"]
  assert cells[3][5:] == ["-1.0 to -1.0", "1.00"]
  assert cells[4][5:] == ["+0.0 to +0.0", "0.00"]
