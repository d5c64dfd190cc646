"""Dict observations with a mask, from the environment to the served policy."""

import csv
import functools
import json
import subprocess
import sys

import nested_task
import pytest
import small_runs
from nested_task import Nested

from agents_pipeline.config import gin_files
from agents_pipeline.files import run_folder


@pytest.fixture(autouse=True)
def counted():
  Nested.num_living = Nested.forbidden = 0


def bindings_of(agent, *bindings, num_env_steps=300):
  config, _ = small_runs.FAMILY.get(agent, ("A2cConfig", ()))
  extra = [f"{config}.normalize_observations = True"]
  if agent in small_runs.FAMILY:
    extra.append(f"{config}.n_step = 2")
  return [
    *small_runs.bindings(agent, nested_task.NAME, num_env_steps),
    *extra,
    "EnvironmentConfig.action_mask = 'info'",
    *bindings,
  ]


def make(agent, *bindings):
  return gin_files.load_experiment([], bindings_of(agent, *bindings))


def results(folder):
  return folder.metrics.read_bytes(), folder.episodes.read_bytes()


# The kill points are those of DQN and of A2C.
@pytest.mark.parametrize("agent", small_runs.agents("rainbow"))
def test_a_stopped_run_goes_on_to_the_same_bytes(starting, agent, tmp_path):
  train = functools.partial(starting.train, make(agent), xla=True)
  whole = train(tmp_path / "whole")
  assert whole.completed
  stopped = train(tmp_path / "halves", max_results=2)
  assert not stopped.completed
  resumed = train(tmp_path / "halves")
  assert resumed.completed
  assert not any("new ones begin" in line for line in resumed.printed)
  assert results(resumed.folder) == results(whole.folder)


_SERVE = """
import json, sys
import numpy as np, tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1]).signatures
def act(signature, **more):
  return signature(**{
    "observation/picture": tf.zeros([2, 6, 6, 1], tf.uint8),
    "observation/vector": tf.constant([[0.5, 1.0], [0.5, -1.0]], tf.float64),
    "observation/place/number": tf.constant([3, 4], tf.int64), **more,
  })["action"].numpy().tolist()
assert not {"agents_pipeline", "tf_agents"} & sys.modules.keys()
print(json.dumps([act(loaded["serving_default"])] + [
  act(loaded["serving_masked"], action_mask=tf.constant([m, m], tf.int8))
  for m in ([1, 0, 0], [0, 1, 0], [0, 0, 1])
]))
"""


_SOLVES = {
  **{
    agent: (
      f"{config}.gamma = 0.0",
      f"{config}.hidden_layers = (32,)",
      "Adam.learning_rate = 0.003",
      small_runs.capacity(agent, 3_000),
      "TrainingConfig.num_env_steps = 3_000",
    )
    for agent, config in (("dqn", "DqnConfig"), ("rainbow", "C51Config"))
  },
  "a2c": (
    "EnvironmentConfig.num_envs = 8",
    "A2cConfig.gamma = 0.0",
    "A2cConfig.hidden_layers = (32,)",
    "A2cConfig.entropy_coefficient = 0.1",
    "A2cConfig.optimizer = @Adam()",
    "Adam.learning_rate = 0.001",
    "TrainingConfig.num_env_steps = 16_000",
  ),
}


@pytest.mark.parametrize("agent", list(_SOLVES))
def test_it_is_learned_and_served_without_this_package(
  starting, agent, tmp_path
):
  """A policy that looks at all three gets 5; one that does not, 3.75."""
  bindings = bindings_of(
    agent,
    *_SOLVES[agent],
    "EvaluationConfig.num_episodes_while_training = 10",
    "EvaluationConfig.num_episodes = 20",
    num_env_steps=3_000,
  )
  folder = run_folder.RunFolder(tmp_path / "run")
  code, _, err = starting.run_app(
    "train",
    small_runs.flags(folder.root, bindings),
    tmp_path,
    replaced=["agents_pipeline.runs.videos:try_record"],
  )
  assert code == 0, err
  assert json.loads(folder.evaluation.read_text())["mean_return"] == 5.0
  served = subprocess.run(
    [sys.executable, "-c", _SERVE, str(folder.policy)],
    capture_output=True, text=True, check=True, cwd=tmp_path,
    env={"PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
  )  # fmt: skip
  free, *masked = json.loads(served.stdout.splitlines()[-1])
  assert set(free) <= {5, 6, 7}
  assert masked == [[5, 5], [6, 6], [7, 7]]


@pytest.mark.parametrize("agent", ["dqn", "a2c"])
def test_evaluation_can_take_the_environment_that_is_trained_on(
  agent, tmp_path, iterations_as_graphs
):
  """One copy lives at a time, and a stopped run goes on exactly."""
  experiment = make(
    agent,
    "EnvironmentConfig.num_envs = 1",
    "EvaluationConfig.keeps_environments = 'training'",
    "EvaluationConfig.period_env_steps = 93",  # within an episode
  )
  living = []

  def look():
    living.append(Nested.num_living)
    return False

  whole = small_runs.train(experiment, tmp_path / "whole", stop_requested=look)
  assert set(living) == {1}
  stopped = small_runs.train(experiment, tmp_path / "halves", max_results=2)
  assert not stopped.completed
  resumed = small_runs.train(experiment, tmp_path / "halves")
  assert results(resumed.folder) == results(whole.folder)
  rows = list(csv.DictReader(whole.folder.metrics.open()))
  assert sum(bool(row["evaluation_return"]) for row in rows) >= 3
  assert Nested.forbidden == 0


def test_copies_may_live_on_between_evaluations(tmp_path, iterations_as_graphs):
  """They are as many as an evaluation plays episodes, and end with the run."""
  kept = "EvaluationConfig.keeps_environments = True"
  living = []

  def look():
    living.append(Nested.num_living)
    return False

  made = small_runs.train(
    make("dqn", kept), tmp_path / "kept", stop_requested=look
  )
  assert 1 + 2 in living
  assert Nested.num_living == 0
  others = small_runs.train(make("dqn"), tmp_path / "new")
  assert results(made.folder) == results(others.folder)
