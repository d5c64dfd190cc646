"""The exported policy beside the live one, also where only TensorFlow is."""

import functools
import json
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.policies import py_tf_eager_policy
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from agents_pipeline import errors
from agents_pipeline.agents.a2c import agent as a2c_agent
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.a2c import network as a2c_network
from agents_pipeline.agents.c51 import config as c51_config
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import agent as q_agent
from agents_pipeline.agents.q_learning import network as q_network
from agents_pipeline.agents.qr_dqn import config as qr_dqn_config
from agents_pipeline.environments import specs
from agents_pipeline.evaluation import loaded_policy, served_policy

BARE_PROCESS = """
import json, sys
import numpy as np
import tensorflow as tf
assert not any(m.startswith(("tf_agents", "agents_pipeline",
    "tensorflow_probability", "gymnasium")) for m in sys.modules)
model = tf.saved_model.load(sys.argv[1])
x = tf.constant(np.load(sys.argv[2]))
out = model.signatures["serving_default"](observation=x)
np.savez(sys.argv[3], **{k: v.numpy() for k, v in out.items()})
"""


def make(space=None, actions=None, config=dqn_config.DqnConfig, **fields):
  """A network with random weights, and its policy as others get it."""
  space = space or gym.spaces.Box(-5, 5, (4,), np.float32)
  actions = actions or gym.spaces.Discrete(3)
  spec = tensor_spec.from_spec(specs.observation_spec(space, "X-v0"))
  network = q_network.make_q_network(
    config(**fields),
    spec,
    tensor_spec.BoundedTensorSpec((), tf.int64, 0, int(actions.n) - 1),
    seed=1,
  )
  return network, served_policy.ServedPolicy(
    network, q_agent.served_outputs, space, actions
  )


def make_a2c(actions, **fields):
  """An actor-critic with random weights, and its policy as others get it."""
  space = gym.spaces.Box(-5, 5, (4,), np.float32)
  action_spec = tensor_spec.from_spec(specs.action_spec(actions, "X-v0"))
  network = a2c_network.make_actor_critic_network(
    a2c_config.A2cConfig(policy_gain=3.0, **fields),
    tensor_spec.BoundedTensorSpec((4,), tf.float32, -5, 5),
    action_spec,
    seed=1,
  )
  served = functools.partial(a2c_agent.served_outputs, action_spec)
  return network, served_policy.ServedPolicy(network, served, space, actions)


A2C_ACTIONS = pytest.mark.parametrize(
  "actions",
  [
    gym.spaces.Discrete(3, start=-1),
    gym.spaces.MultiDiscrete([3, 2]),
    gym.spaces.Box(-1.0, 1.0, (2,), np.float64),
  ],
  ids=["discrete", "multi_discrete", "box"],
)


@A2C_ACTIONS
def test_an_a2c_policy_is_served_with_its_parameters_and_value(
  tmp_path, actions
):
  network, policy = make_a2c(actions, normalize_observations=True)
  seen = np.random.default_rng(0).normal(3, 2, (40, 4)).astype(np.float32)
  network.update_normalization(tf.constant(seen), tf.ones((40,)))
  policy.save(tmp_path / "policy", {})
  loaded = tf.saved_model.load(str(tmp_path / "policy"))
  found = loaded.signatures["serving_default"](observation=tf.constant(seen))
  (parameters, value), _ = network(tf.constant(seen))
  for name, expected in (parameters | {"value": value}).items():
    np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-6)
  assert found.keys() == parameters.keys() | {"value", "action"}
  assert found["action"].dtype == actions.dtype
  for action in found["action"].numpy():
    assert actions.contains(action)
  assert len(np.unique(found["action"], axis=0)) > 1
  # Normalization is inside: another state of it gives other numbers.
  plain, _ = make_a2c(actions)
  (_, other), _ = plain(tf.constant(seen))
  assert np.abs(other - value).max() > 0.1


@A2C_ACTIONS
def test_tf_agents_users_load_an_a2c_policy(tmp_path, actions):
  network, policy = make_a2c(actions)
  time_step_spec = ts.time_step_spec(
    tensor_spec.TensorSpec((4,), tf.float32, name="observation")
  )
  action_spec = tensor_spec.from_spec(specs.action_spec(actions, "X-v0"))
  served_policy.save_tf_agents_policy(
    a2c_agent.make_greedy_policy(time_step_spec, action_spec, network),
    tmp_path / "theirs",
  )
  theirs = py_tf_eager_policy.SavedModelPyTFEagerPolicy(
    str(tmp_path / "theirs"), load_specs_from_pbtxt=True
  )
  first = specs.space_start(actions)
  observations = np.random.default_rng(0).normal(size=(10, 4))
  for one in observations.astype(np.float32):
    step = ts.TimeStep(np.int32(0), np.float32(0), np.float32(1), one)
    np.testing.assert_allclose(
      theirs.action(step).action + first, policy.act(one[None])[0], rtol=1e-6
    )


@pytest.mark.slow
def test_a_process_with_only_tensorflow_gets_an_a2c_policy(tmp_path):
  network, policy = make_a2c(gym.spaces.Discrete(3))
  policy.save(tmp_path / "policy", {})
  observations = np.random.default_rng(0).normal(size=(100, 4))
  np.save(tmp_path / "x.npy", observations.astype(np.float32))
  subprocess.run(
    [sys.executable, "-c", BARE_PROCESS, "policy", "x.npy", "out.npz"],
    cwd=tmp_path,
    check=True,
    capture_output=True,
  )
  found = np.load(tmp_path / "out.npz")
  (parameters, value), _ = network(tf.constant(observations, tf.float32))
  np.testing.assert_allclose(found["logits"], parameters["logits"], atol=1e-5)
  np.testing.assert_allclose(found["value"], value, atol=1e-5)
  np.testing.assert_array_equal(
    found["action"], np.argmax(found["logits"], axis=1)
  )


FAMILY = {
  "dqn": {},
  "c51": {"config": c51_config.C51Config, "v_min": -3, "v_max": 3},
  "qr_dqn": {"config": qr_dqn_config.QrDqnConfig},
  "noisy": {"noisy": True, "epsilon": None},
}


@pytest.mark.slow
@pytest.mark.parametrize("agent", FAMILY)
def test_a_process_with_only_tensorflow_gets_the_same(tmp_path, agent):
  network, policy = make(dueling=True, **FAMILY[agent])
  policy.save(tmp_path / "policy", {"environment": "X-v0"})
  observations = np.random.default_rng(0).normal(size=(1000, 4))
  np.save(tmp_path / "x.npy", observations.astype(np.float32))
  subprocess.run(
    [sys.executable, "-c", BARE_PROCESS, "policy", "x.npy", "out.npz"],
    cwd=tmp_path,
    check=True,
    capture_output=True,
  )
  found = np.load(tmp_path / "out.npz")
  q_values, _ = network(tf.constant(observations, tf.float32))
  np.testing.assert_allclose(found["q_values"], q_values, atol=1e-6)
  np.testing.assert_array_equal(found["action"], tf.argmax(q_values, axis=1))
  assert len(set(found["action"])) > 1
  assert found["action"].shape == (1000,)
  distributional = (
    {"distribution", "support"} if "config" in FAMILY[agent] else set()
  )
  assert {*found} == {"action", "q_values"} | distributional


@pytest.mark.parametrize("agent", ["c51", "qr_dqn"])
def test_q_is_the_expectation_of_the_distribution_that_is_served(agent):
  _, policy = make(dueling=True, **FAMILY[agent])
  observations = np.random.default_rng(0).normal(size=(20, 4))
  found = policy.serve(tf.constant(observations, tf.float32))
  number = {"c51": 51, "qr_dqn": 200}[agent]
  probabilities, returns = found["distribution"], found["support"]
  assert probabilities.shape == returns.shape == (20, 3, number)
  np.testing.assert_allclose(np.sum(probabilities, axis=-1), 1, rtol=1e-5)
  np.testing.assert_allclose(
    np.sum(probabilities * returns, axis=-1), found["q_values"], atol=1e-6
  )
  if agent == "c51":
    np.testing.assert_allclose(returns[7, 2], np.linspace(-3, 3, 51), rtol=1e-6)


@pytest.mark.parametrize(
  ("space", "draw"),
  [
    (
      gym.spaces.Box(0, 255, (6, 6, 2), np.uint8),
      lambda rng: rng.integers(0, 256, (50, 6, 6, 2)).astype(np.uint8),
    ),
    (
      gym.spaces.Box(-1, 1, (3,), np.float64),
      lambda rng: rng.normal(size=(50, 3)),
    ),
    (gym.spaces.Discrete(9), lambda rng: rng.integers(0, 9, 50)),
    (
      gym.spaces.Box(0, 1, (2, 3), bool),
      lambda rng: rng.integers(0, 2, (50, 2, 3)).astype(bool),
    ),
  ],
)
def test_every_kind_of_observation_is_served_in_its_own_dtype(
  tmp_path, space, draw
):
  _, policy = make(space)
  policy.save(tmp_path / "policy", {})
  loaded = loaded_policy.LoadedPolicy(tmp_path / "policy")
  observations = draw(np.random.default_rng(0))
  np.testing.assert_array_equal(
    loaded.act(observations), policy.act(observations)
  )


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.float64])
def test_zeros_and_ones_are_served_alike_in_every_type(dtype):
  """As float32 is, which networks take as it is."""
  q_values = []
  for kind in (np.float32, dtype):
    space = gym.spaces.Box(0, 1, (2, 3), kind)
    _, policy = make(space)
    codes = np.arange(64)[:, None] >> np.arange(6) & 1
    observations = codes.reshape(64, 2, 3).astype(kind)
    q_values.append(policy.serve(tf.constant(observations))["q_values"])
  assert np.unique(q_values[0], axis=0).shape == (64, 3)
  np.testing.assert_array_equal(*q_values)


def test_float64_actions_stay_within_bounds_that_float32_rounds_away():
  # 0.1 as float32 is 0.10000000149.
  space = gym.spaces.Box(-0.1, 0.1, (1,), np.float64)
  low, high = specs.float32_bounds(space)
  assert (low.dtype, high.dtype) == (np.float32, np.float32)
  assert space.low < low < -0.0999999
  assert 0.0999999 < high < space.high
  exact = gym.spaces.Box(-2, 2, (1,), np.float32)
  assert specs.float32_bounds(exact) == (-2, 2)


def test_actions_are_in_the_environments_own_numbering():
  network, policy = make(actions=gym.spaces.Discrete(3, start=10))
  observations = np.random.default_rng(0).normal(size=(20, 4))
  observations = observations.astype(np.float32)
  q_values, _ = network(tf.constant(observations))
  np.testing.assert_array_equal(
    policy.act(observations), 10 + np.argmax(q_values, axis=1)
  )


def test_numbered_observations_begin_at_the_environments_first():
  network, policy = make(gym.spaces.Discrete(5, start=3))
  q_values, _ = network(tf.range(5, dtype=tf.int64))
  found = policy.serve(tf.range(3, 8, dtype=tf.int64))["q_values"]
  np.testing.assert_array_equal(found, q_values)


def test_a_policy_with_other_actions_is_rejected(tmp_path):
  _, policy = make(actions=gym.spaces.Discrete(3))
  policy.save(tmp_path / "policy", {})
  with pytest.raises(errors.UserError, match=r"acts in Discrete\(3\), but 'Ca"):
    loaded_policy.load_for(tmp_path / "policy", "CartPole-v1")


def test_saving_again_replaces_and_tells_what_it_is(tmp_path):
  _, policy = make()
  for env_steps in (1, 2):
    policy.save(tmp_path / "policy", {"env_steps": env_steps})
  about = loaded_policy.LoadedPolicy(tmp_path / "policy").about
  assert about["env_steps"] == 2
  assert about["action_space"] == "Discrete(3)"
  card = (tmp_path / "policy" / "README.md").read_text()
  assert "* **Trained for**: 2 env steps" in card
  assert [p.name for p in tmp_path.iterdir()] == ["policy"]


def test_tf_agents_users_load_theirs(tmp_path):
  network, policy = make()
  time_step_spec = ts.time_step_spec(
    tensor_spec.TensorSpec((4,), tf.float32, name="observation")
  )
  action_spec = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 2)
  served_policy.save_tf_agents_policy(
    q_agent.make_greedy_policy(time_step_spec, action_spec, network),
    tmp_path / "theirs",
  )
  theirs = py_tf_eager_policy.SavedModelPyTFEagerPolicy(
    str(tmp_path / "theirs"), load_specs_from_pbtxt=True
  )
  observations = np.random.default_rng(0).normal(size=(30, 4))
  observations = observations.astype(np.float32)
  for one in observations:
    step = ts.TimeStep(np.int32(0), np.float32(0), np.float32(1), one)
    assert theirs.action(step).action == policy.act(one[None])[0]


def test_what_is_no_policy_is_rejected(tmp_path):
  with pytest.raises(errors.UserError, match="folder with a SavedModel"):
    loaded_policy.LoadedPolicy(tmp_path)
  module = tf.Module()
  module.serve = tf.function(
    lambda x: {"y": x}, input_signature=[tf.TensorSpec([None])]
  )
  tf.saved_model.save(
    module, str(tmp_path / "other"),
    signatures={"serving_default": module.serve},
  )  # fmt: skip
  with pytest.raises(errors.UserError, match="returns an action"):
    loaded_policy.LoadedPolicy(tmp_path / "other")
  (tmp_path / "broken").mkdir()
  (tmp_path / "broken" / "saved_model.pb").write_bytes(b"nonsense")
  with pytest.raises(
    errors.UserError, match="cannot be loaded, it may be damaged"
  ):
    loaded_policy.LoadedPolicy(tmp_path / "broken")


def test_a_policy_for_another_environment_is_rejected(tmp_path):
  _, policy = make(actions=gym.spaces.Discrete(2))
  policy.save(tmp_path / "policy", {"environment": "CartPole-v1"})
  with pytest.raises(errors.UserError) as caught:
    loaded_policy.load_for(tmp_path / "policy", "Acrobot-v1")
  assert str(caught.value) == (
    f"policy {str(tmp_path / 'policy')!r} observes (4,) float32, but "
    "'Acrobot-v1' gives (6,) float32; expected 'CartPole-v1'"
  )
  loaded, setting = loaded_policy.load_for(tmp_path / "policy", None)
  assert (
    setting.name
    == json.loads((tmp_path / "policy/assets.extra/policy.json").read_text())[
      "environment"
    ]
  )
  assert loaded.about["environment"] == "CartPole-v1"


def test_a_policy_acts_in_an_environment_made_as_for_training(tmp_path):
  _, policy = make(actions=gym.spaces.Discrete(2))
  made = {
    "arguments": {"sutton_barto_reward": True},
    "max_episode_steps": 9,
    "wrappers": [["FlattenObservation", {}]],
  }
  policy.save(tmp_path / "policy", {"environment": "CartPole-v1"} | made)
  _, setting = loaded_policy.load_for(tmp_path / "policy", None)
  assert setting.arguments == made["arguments"]
  assert setting.max_episode_steps == 9
  assert setting.wrappers == (("FlattenObservation", {}),)
  # Another environment has arguments of its own.
  _, other = loaded_policy.load_for(tmp_path / "policy", "CartPole-v0")
  assert other.is_as_registered
