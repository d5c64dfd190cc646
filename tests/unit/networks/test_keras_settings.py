"""What a person has set for Keras changes nothing here."""

import json

import numpy as np
import pytest
import tensorflow as tf

import agents_pipeline
from agents_pipeline.agents import building
from agents_pipeline.networks import keras_settings
from agents_pipeline.runs import finalize, learning_curve, notebook

SMALL = """
EnvironmentConfig.name = 'Catch-v0'
TrainingConfig.num_env_steps = 60
TrainingConfig.log_period_env_steps = 20
EvaluationConfig.period_env_steps = 60
EvaluationConfig.num_episodes_while_training = 1
EvaluationConfig.num_episodes = 1
"""
DQN = """
Experiment.agent = @DqnConfig()
DqnConfig.conv_layers = ((4, 3, 1),)
DqnConfig.hidden_layers = (8,)
DqnConfig.batch_normalization = True
DqnConfig.batch_size = 8
DqnConfig.num_random_env_steps = 10
DqnConfig.num_env_steps_before_training = 20
ReplayConfig.capacity_env_steps = 100
"""
A2C = """
Experiment.agent = @A2cConfig()
A2cConfig.hidden_layers = (8,)
A2cConfig.normalize_observations = True
"""
THEIRS = [
  keras_settings.Settings("float64", 1e-2, "channels_first", None, False),
  keras_settings.Settings(
    "float16", 1e-3, "channels_last",
    tf.keras.mixed_precision.Policy("mixed_float16"), True,
  ),
]  # fmt: skip


@pytest.fixture
def train(tmp_path, monkeypatch):
  """Trains from a notebook without what comes at the end; its metrics."""
  monkeypatch.setattr(finalize, "finish", lambda *a: {"env_steps": 60})
  monkeypatch.setattr(learning_curve.LearningCurve, "draw", lambda self: None)

  def run(name, config):
    (tmp_path / "my.gin").write_text(SMALL + config)
    made = notebook.train(tmp_path / "my.gin", tmp_path / name, device="cpu")
    return made.metrics.read_bytes()

  return run


@pytest.mark.slow
@pytest.mark.parametrize("config", [DQN, A2C])
def test_metrics_are_the_same_to_the_byte_and_settings_come_back(train, config):
  expected = train("plain", config)
  assert len(expected.splitlines()) >= 4
  with keras_settings.restored():
    for number, theirs in enumerate(THEIRS):
      keras_settings.choose(theirs)
      assert train(f"theirs_{number}", config) == expected
      now = keras_settings.current()
      assert now[:3] == theirs[:3] and now.runs_eagerly == theirs.runs_eagerly
      assert (now.policy and now.policy.name) == (
        theirs.policy and theirs.policy.name
      )
  assert keras_settings.current() == keras_settings.OURS


def test_a_policy_that_is_exported_has_the_same_network(make_experiment):
  experiment = make_experiment()
  network = building.build_policy(experiment).network
  network.create_variables()
  x = np.eye(4, dtype=np.float32)
  with keras_settings.restored():
    keras_settings.choose(THEIRS[0])
    other = building.build_policy(experiment).network
    other.create_variables()
  for one, two in zip(network.variables, other.variables, strict=True):
    assert one.dtype == two.dtype == tf.float32
    two.assign(one)
  np.testing.assert_array_equal(network(x)[0], other(x)[0])


@pytest.mark.parametrize(
  ("held", "refused"),
  [
    ({}, False),
    ({"floatx": "float64", "epsilon": 1e-3, "backend": "jax"}, False),
    ({"image_data_format": "channels_first"}, False),
    ({"floatx": "bfloat16"}, True),  # of Keras 3
    ({"floatx": 32}, True),
    ({"floatx": ["float32"]}, True),
    ({"epsilon": 1}, True),
    ({"image_data_format": "nchw"}, True),
    ([1], True),
  ],
)
def test_settings_that_keras_cannot_be_imported_with(
  held, refused, tmp_path, monkeypatch
):
  monkeypatch.setenv("KERAS_HOME", str(tmp_path))
  (tmp_path / "keras.json").write_text(json.dumps(held))
  assert agents_pipeline._keras_refuses_its_settings() == refused


def test_what_is_not_there_or_is_no_json_keras_passes_over(
  tmp_path, monkeypatch
):
  monkeypatch.setenv("KERAS_HOME", str(tmp_path))
  assert not agents_pipeline._keras_refuses_its_settings()
  (tmp_path / "keras.json").write_text("{")
  assert not agents_pipeline._keras_refuses_its_settings()
  (tmp_path / "keras.json").unlink()
  (tmp_path / "keras.json").mkdir()  # it cannot be read
  assert agents_pipeline._keras_refuses_its_settings()
