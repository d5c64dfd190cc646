"""Networks of a user's own, from the run to the served policy."""

import functools
import json
import subprocess
import sys

import nested_task
import pytest
import small_runs

from agents_pipeline.config import gin_files
from agents_pipeline.files import run_folder
from agents_pipeline.runs import restored_policy

MODULE = """
import tensorflow as tf

layers = tf.keras.layers

def with_batch_normalization(observation_spec, action_spec, units):
  return tf.keras.Sequential([
    layers.Dense(units, "mish"),
    layers.BatchNormalization(),
    layers.Dense(action_spec.maximum + 1),
  ])

def of_atoms(observation_spec, action_spec):
  actions = action_spec.maximum + 1
  return tf.keras.Sequential([
    layers.Dense(11 * actions), layers.Reshape((actions, 11))
  ])

class Joined(layers.Layer):
  def build(self, shapes):
    self.convolution = layers.Conv2D(2, 3, activation="gelu")
    self.dense = layers.Dense(16, "tanh")

  def call(self, inputs):
    picture = layers.Flatten()(self.convolution(inputs["picture"]))
    numbers = inputs["vector"], inputs["place/number"]
    return self.dense(tf.concat([picture, *numbers], axis=1))

def features(observation_spec, action_spec):
  assert observation_spec["picture"].shape == (6, 6, 1)
  return Joined()
"""
CASES = {
  "dqn": (
    ("dqn", "CartPole-v1"),
    "DqnConfig.network = @users_module.with_batch_normalization",
    "DqnConfig.network_arguments = {'units': 12}",
    "DqnConfig.optimizer = @Sgd()",
    "Sgd.learning_rate = @PiecewiseLearningRate()",
    "Sgd.weight_decay = 0.01",
  ),
  "c51": (
    ("c51", "CartPole-v1"),
    "C51Config.network = @users_module.of_atoms",
    "C51Config.optimizer = @Optimizer()",
    "Optimizer.name = 'Nadam'",
    "Optimizer.learning_rate = @CosineLearningRate()",
  ),
  "a2c": (
    ("a2c", nested_task.NAME),
    "A2cConfig.network = @users_module.features",
    "A2cConfig.normalize_observations = True",
    "EnvironmentConfig.action_mask = 'info'",
  ),
}


@pytest.fixture(autouse=True)
def users_module(tmp_path, monkeypatch):
  (tmp_path / "users_module.py").write_text(MODULE)
  monkeypatch.syspath_prepend(tmp_path)
  monkeypatch.delitem(sys.modules, "users_module", raising=False)


def make(case):
  kind, *bindings = CASES[case]
  return gin_files.load_experiment([], [*small_runs.bindings(*kind), *bindings])


def results(folder):
  return folder.metrics.read_bytes(), folder.episodes.read_bytes()


@pytest.mark.parametrize("case", list(CASES))
def test_a_stopped_run_goes_on_to_the_same_bytes(starting, case, tmp_path):
  train = functools.partial(starting.train, make(case), xla=case == "dqn")
  whole = train(tmp_path / "whole")
  stopped = train(tmp_path / "halves", max_results=2)
  assert whole.completed and not stopped.completed
  resumed = train(tmp_path / "halves")
  assert results(resumed.folder) == results(whole.folder)


_SERVE = """
import json, sys
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
observation = tf.constant([[0.1, 0.2, -0.1, 0.0], [0.0, -1.0, 0.1, 1.0]])
outputs = loaded.signatures["serving_default"](observation=observation)
assert not {"agents_pipeline", "tf_agents", "users_module"} & sys.modules.keys()
print(json.dumps(outputs["q_values"].numpy().tolist()))
"""


def test_it_is_served_without_its_module(starting, tmp_path):
  starting.train(make("dqn"), tmp_path / "run")
  restored = restored_policy.restore(
    run_folder.RunFolder(tmp_path / "run"), "latest", print
  )
  served = restored.policy.serve(restored.policy.network)
  served.save(tmp_path / "policy", {})
  (tmp_path / "users_module.py").unlink()
  done = subprocess.run(
    [sys.executable, "-c", _SERVE, str(tmp_path / "policy")],
    capture_output=True, text=True, check=True, cwd=tmp_path,
    env={"PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
  )  # fmt: skip
  found = json.loads(done.stdout.splitlines()[-1])
  observation = [[0.1, 0.2, -0.1, 0.0], [0.0, -1.0, 0.1, 1.0]]
  expected = served.serve(observation)["q_values"].numpy()
  assert found == pytest.approx(expected, abs=1e-5)
