"""Training environments, tensor versions and gymnasium's, by their ids."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.config import (
  environment,
  observations,
  schema,
  seeding,
)
from agents_pipeline.environments import loading
from agents_pipeline.ops import random_stream

Mode = gym.vector.AutoresetMode


@pytest.mark.parametrize(
  ("name", "vectorization", "mode"),
  [
    ("CartPole-v1", "sync", Mode.DISABLED),
    ("Acrobot-v1", "sync", Mode.DISABLED),
    ("CartPole-v1", "vector_entry_point", Mode.NEXT_STEP),
  ],
)
def test_gymnasium_environments_run(name, vectorization, mode):
  environment = loading.make_training_environment(
    schema.EnvironmentConfig(
      name=name, num_envs=3, backend="gymnasium", vectorization=vectorization
    ),
    None,
    seeding.child_seed,
  )
  adapter = environment.pyenv
  assert adapter._env.metadata["autoreset_mode"] == mode
  num_episodes = 0
  for _ in range(60):
    next_time_step, _ = environment.step_and_reset(
      tf.constant([0, 1, 1], tf.int64)
    )
    num_episodes += np.sum(next_time_step.is_last())
  assert next_time_step.observation.shape[0] == 3
  assert num_episodes > 0 or name == "Acrobot-v1"


@pytest.mark.slow
def test_subprocesses_give_the_same_time_steps():
  environment = loading.make_training_environment(
    schema.EnvironmentConfig(
      name="CartPole-v1", num_envs=2, backend="gymnasium", vectorization="async"
    ),
    None,
    seeding.child_seed,
  )
  same = loading.make_training_environment(
    schema.EnvironmentConfig(
      name="CartPole-v1", num_envs=2, backend="gymnasium"
    ),
    None,
    seeding.child_seed,
  )
  for _ in range(30):
    action = tf.constant([0, 1], tf.int64)
    tf.nest.map_structure(
      np.testing.assert_array_equal,
      environment.step_and_reset(action),
      same.step_and_reset(action),
    )
  environment.pyenv.close()


class IntegerBox(gym.Env):
  """Its actions are a Box of integers, which no agent supports."""

  observation_space = gym.spaces.Box(-1e6, 1e6, (1,), np.float64)
  action_space = gym.spaces.Box(0, 9, (2,), np.int32)


gym.register("IntegerBox-v0", IntegerBox)


@pytest.mark.parametrize(
  ("name", "message"),
  [
    (
      "CartPol-v1",
      "unknown environment 'CartPol-v1'.*did you mean 'CartPole-v",
    ),
    ("no.such.module:X-v0", "cannot import 'no.such.module'"),
    (
      "IntegerBox-v0",
      "'IntegerBox-v0' has the action space Box.*a Box of floats",
    ),
  ],
)
def test_unsupported_environments_are_rejected_by_name(name, message):
  with pytest.raises(errors.UserError, match=message) as caught:
    loading.make_training_environment(
      schema.EnvironmentConfig(name=name), None, seeding.child_seed
    )
  assert "\n" not in str(caught.value)


def test_auto_prefers_the_tensor_version():
  on_device = lambda name, **fields: (
    loading.backend_of(schema.EnvironmentConfig(name, **fields)).ON_DEVICE
  )
  assert on_device("CartPole-v1")
  assert on_device("CartPole-v1", backend="tensor")
  assert not on_device("CartPole-v1", backend="gymnasium")
  assert not on_device(
    "CartPole-v1", observation=observations.ImageObservation()
  )
  assert not on_device("Taxi-v3")


def test_a_tensor_version_takes_the_arguments_that_it_knows():
  on_device = lambda **arguments: (
    loading.backend_of(
      schema.EnvironmentConfig("MinAtar/Breakout-v1", arguments=arguments)
    ).ON_DEVICE
  )
  assert on_device()
  assert on_device(sticky_action_prob=0.0, difficulty_ramping=False)
  assert not on_device(batch_size=3)
  made = loading.make_training_environment(
    schema.EnvironmentConfig(
      "MinAtar/Seaquest-v1", arguments={"use_minimal_action_set": False}
    ),
    random_stream.RandomStream(0),
    None,
  )
  assert made.action_spec().maximum == 5
  with pytest.raises(errors.UserError, match="no arguments but use_minimal"):
    loading.make_training_environment(
      schema.EnvironmentConfig(
        "MinAtar/Breakout-v1", backend="tensor", arguments={"colors": 3}
      ),
      None,
      None,
    )


def test_a_missing_tensor_version_is_rejected():
  with pytest.raises(errors.UserError, match="'Taxi-v3' has no tensor"):
    loading.make_training_environment(
      schema.EnvironmentConfig("Taxi-v3", backend="tensor"), None, None
    )


def test_every_backend_has_its_module():
  for name in environment.BACKENDS:
    backend = loading.backend_of(
      schema.EnvironmentConfig("CartPole-v1", backend=name)
    )
    assert backend.__name__.endswith(f".backends.{name}")
