"""What every test needs: Keras 2, quiet, and the three ways to run a graph."""

import os

import agents_pipeline  # first: it chooses Keras 2

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


import gin
import pytest
import tensorflow as tf

from agents_pipeline.config import gin_files

assert agents_pipeline.__version__
tf.get_logger().setLevel("ERROR")

_WAYS = {
  "eager": lambda function: function,
  "graph": lambda function: tf.function(function, autograph=False),
  "xla": lambda function: tf.function(
    function, jit_compile=True, autograph=False
  ),
}


@pytest.fixture(autouse=True)
def no_bindings():
  """Another test's bindings would be the defaults of this one's dataclasses."""
  gin.clear_config()


@pytest.fixture(params=list(_WAYS))
def compiled(request):
  """Runs a function of tensors eagerly, in a graph, or under XLA."""
  return _WAYS[request.param]


@pytest.fixture(scope="session")
def all_ways():
  """The three ways, by name."""
  return _WAYS


_SHORT = [
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 300",
  "TrainingConfig.log_period_env_steps = 100",
  "TrainingConfig.checkpoint_period_env_steps = 100",
  "EvaluationConfig.period_env_steps = 200",
  "EvaluationConfig.num_episodes_while_training = 2",
  "EvaluationConfig.num_episodes = 3",
]


_DQN = [
  "Experiment.agent = @DqnConfig()",
  *_SHORT,
  "DqnConfig.hidden_layers = (16,)",
  "DqnConfig.batch_size = 16",
  "DqnConfig.num_random_env_steps = 50",
  "DqnConfig.num_env_steps_before_training = 50",
  "ReplayConfig.capacity_env_steps = 200",
]
_A2C = [
  "Experiment.agent = @A2cConfig()",
  *_SHORT,
  "EnvironmentConfig.num_envs = 2",
  "A2cConfig.hidden_layers = (16,)",
]


def _maker(tmp_path_factory, name, lines):
  """From a file: bindings may replace a choice that it makes."""
  file = tmp_path_factory.getbasetemp() / f"{name}.gin"
  file.write_text("\n".join(lines))
  return lambda *bindings: gin_files.load_experiment([file], bindings)


@pytest.fixture
def make_experiment(tmp_path_factory):
  """Makes a small experiment of DQN on CartPole-v1; bindings change it."""
  return _maker(tmp_path_factory, "small_dqn", _DQN)


@pytest.fixture
def make_a2c_experiment(tmp_path_factory):
  """Makes a small experiment of A2C on CartPole-v1; bindings change it."""
  return _maker(tmp_path_factory, "small_a2c", _A2C)
