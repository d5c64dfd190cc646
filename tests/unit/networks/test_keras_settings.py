"""A user's settings of Keras change nothing."""

import functools
import json

import numpy as np
import pytest
import small_runs
import tensorflow as tf

import agents_pipeline
from agents_pipeline.agents import building
from agents_pipeline.networks import keras_settings
from agents_pipeline.runs import training_run
from agents_pipeline.runs.sinks import learning_curve

DQN = (
  *small_runs.bindings("dqn", "Catch-v0", num_env_steps=60),
  "DqnConfig.conv_layers = ((4, 3, 1),)",
  "DqnConfig.batch_normalization = True",
)
A2C = (
  *small_runs.bindings("a2c", "Catch-v0", num_env_steps=60),
  "A2cConfig.normalize_observations = True",
)
THEIRS = [
  keras_settings.Settings("float64", 1e-2, "channels_first", None, False),
  keras_settings.Settings(
    "float16", 1e-3, "channels_last",
    tf.keras.mixed_precision.Policy("mixed_float16"), True,
  ),
]  # fmt: skip


@pytest.fixture
def train(tmp_path, monkeypatch):
  """Trains from a notebook without the final stage; returns its metrics."""
  without_end = functools.partial(
    training_run.train, finish=lambda run: run.counters()
  )
  monkeypatch.setattr(training_run, "train", without_end)
  monkeypatch.setattr(learning_curve.LearningCurve, "draw", lambda self: None)

  def run(name, bindings):
    (tmp_path / "my.gin").write_text("\n".join(bindings))
    made = agents_pipeline.train(
      tmp_path / "my.gin", tmp_path / name, device="cpu"
    )
    return made.folder.metrics.read_bytes()

  return run


@pytest.mark.slow
@pytest.mark.usefixtures("iterations_as_graphs")
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
