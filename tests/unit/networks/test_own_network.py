"""Networks of a user's own: what they get, and what is refused."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.agents import task as task_lib
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.a2c import network as a2c_network
from agents_pipeline.agents.c51 import config as c51_config
from agents_pipeline.agents.dqn import agent as dqn_agent
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import network as q_network
from agents_pipeline.agents.qr_dqn import config as qr_dqn_config

layers = tf.keras.layers
VECTOR = gym.spaces.Box(-5, 5, (4,), np.float32)
THREE = gym.spaces.Discrete(3)
seen = []


def of_layers(*made):
  return tf.keras.Sequential(list(made))


def plain(observation_spec, action_spec, units=8):
  seen.append((observation_spec, action_spec))
  return of_layers(
    layers.Flatten(),
    layers.Dense(units, "relu"),
    layers.Dense(action_spec.maximum + 1),
  )


def normalized(observation_spec, action_spec):
  return of_layers(
    layers.Dense(8), layers.BatchNormalization(), layers.Dense(3)
  )


def of_atoms(observation_spec, action_spec):
  return of_layers(layers.Dense(3 * 11), layers.Reshape((3, 11)))


def of_dict(observation_spec, action_spec):
  inputs = {
    key: tf.keras.Input(spec.shape) for key, spec in observation_spec.items()
  }
  flat = [layers.Flatten()(x) for x in inputs.values()]
  x = layers.Concatenate()(flat)
  seen.append((observation_spec, action_spec))
  return tf.keras.Model(inputs, layers.Dense(3)(x))


def make_q(network, space=VECTOR, kind=dqn_config.DqnConfig, seed=1, **fields):
  task = task_lib.Task("X-v0", space, THREE)
  config = kind(network=network, **fields)
  return q_network.make_q_network(
    config, task.observation_spec, task.action_spec, seed
  )


def make_agent(network, **fields):
  task = task_lib.Task("X-v0", VECTOR, THREE)
  config = dqn_config.DqnConfig(network=network, **fields)
  return dqn_agent.DqnAgent.make(
    config, task.time_step_spec, task.action_spec, seed=1
  )


def make_a2c(network, actions=THREE, **fields):
  task = task_lib.Task("X-v0", VECTOR, actions)
  config = a2c_config.A2cConfig(network=network, **fields)
  return a2c_network.make_actor_critic_network(
    config, task.observation_spec, task.action_spec, seed=1
  )


def test_it_gives_q_of_the_observation():
  network = make_q(plain, network_arguments={"units": 2})
  w1, b1, w2, b2 = map(np.array, network.variables)
  x = np.float32([[1.0, -2.0, 0.5, 3.0], [0, 1, 2, 3]])
  expected = np.maximum(x @ w1 + b1, 0) @ w2 + b2
  assert w1.shape == (4, 2)
  np.testing.assert_allclose(network(x)[0], expected, atol=1e-5)


def test_the_seed_of_a_run_draws_its_weights():
  one, same, other = (
    [v.numpy() for v in make_q(plain, seed=seed).variables]
    for seed in (1, 1, 2)
  )
  np.testing.assert_array_equal(one[0], same[0])
  assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize(
  ("space", "shape", "given", "expected"),
  [
    # Bytes in [0, 1], in their shape; whole numbers one-hot.
    (
      gym.spaces.Box(0, 255, (2, 3), np.uint8),
      (2, 3),
      np.full((1, 2, 3), 51, np.uint8),
      np.full((1, 2, 3), 0.2),
    ),
    (
      gym.spaces.Box(0, 255, (8, 8, 1), np.uint8),
      (8, 8, 1),
      np.full((1, 8, 8, 1), 255, np.uint8),
      np.ones((1, 8, 8, 1)),
    ),
    (
      gym.spaces.Box(-1, 1, (2, 2), np.float64),
      (2, 2),
      np.full((1, 2, 2), 0.5, np.float32),
      np.full((1, 2, 2), 0.5),
    ),
    (gym.spaces.Discrete(3), (3,), np.array([1]), np.array([[0, 1, 0]])),
  ],
)
def test_it_sees_floats_in_their_own_shape(space, shape, given, expected):
  seen.clear()
  network = make_q(plain, space)
  (observation_spec, action_spec), *_ = seen
  assert (observation_spec.shape, observation_spec.dtype) == (shape, tf.float32)
  assert (action_spec.maximum, action_spec.dtype) == (2, tf.int64)
  np.testing.assert_allclose(network._encode(given)[0], expected, rtol=1e-6)


def test_of_a_dict_it_sees_every_key_but_the_mask():
  space = gym.spaces.Dict(
    {
      "observation/camera": gym.spaces.Box(0, 255, (6, 6, 3), np.uint8),
      "observation/goal/number": gym.spaces.Discrete(4),
      "action_mask": gym.spaces.MultiBinary(3),
    }
  )
  network = make_q(of_dict, space)
  observation_spec, _ = seen[-1]
  shapes = {key: tuple(spec.shape) for key, spec in observation_spec.items()}
  assert shapes == {"camera": (6, 6, 3), "goal/number": (4,)}
  q, _ = network(
    {
      "observation/camera": tf.zeros([2, 6, 6, 3], tf.uint8),
      "observation/goal/number": tf.constant([1, 3], tf.int64),
      "action_mask": tf.constant([[1, 0, 1], [1, 1, 1]], tf.int8),
    }
  )
  forbidden = q.numpy() == tf.float32.min
  np.testing.assert_array_equal(forbidden, [[0, 1, 0], [0, 0, 0]])


@pytest.mark.parametrize(
  ("kind", "own"),
  [
    (c51_config.C51Config, {"v_min": 0, "v_max": 1, "num_atoms": 11}),
    (qr_dqn_config.QrDqnConfig, {"num_quantiles": 11}),
  ],
)
def test_distributions_have_a_number_for_each_atom(kind, own):
  network = make_q(of_atoms, kind=kind, **own)
  q, parameters = network.predict(tf.ones([5, 4]))
  assert (q.shape, parameters.shape) == ((5, 3), (5, 3, 11))
  with pytest.raises(errors.UserError, match=r"expected \[B, 3, 11\] float32"):
    make_q(plain, kind=kind, **own)


@pytest.mark.parametrize(
  ("actions", "head"),
  [(THREE, (3,)), (gym.spaces.Box(-1, 1, (2,), np.float32), (2,))],
)
def test_a2c_puts_its_heads_on_what_it_gives(actions, head):
  network = make_a2c(of_features, actions)
  (parameters, value), _ = network(tf.ones([5, 4]))
  (first, *_) = parameters.values()
  assert (first.shape, value.shape) == ((5, *head), (5,))
  names = [v.name for v in network.trainable_variables]
  assert sum("feature" in name for name in names) == 2 * 2  # one torso each
  network = make_a2c(of_features, shared_torso=True)
  names = [v.name for v in network.trainable_variables]
  assert sum("feature" in name for name in names) == 2


def of_features(observation_spec, action_spec):
  return layers.Dense(6, "elu", name="feature")


def test_the_target_network_is_another_with_the_same_weights():
  agent = make_agent(normalized)
  pairs = list(
    zip(agent.network.variables, agent.target_network.variables, strict=True)
  )
  assert len(pairs) == 8 and not any(one is other for one, other in pairs)
  for one, other in pairs:
    np.testing.assert_array_equal(one, other)


def test_batch_normalization_learns_from_batches_alone():
  network = make_q(normalized)
  moving = [v for v in network.variables if "moving_mean" in v.name]
  x = tf.fill([4, 4], 3.0)
  network(x)
  assert not moving[0].numpy().any()
  network(x, training=True)
  assert moving[0].numpy().any()


kept = []


def kept_layer(observation_spec, action_spec):
  if not kept:
    kept.append(layers.Dense(3))
  return kept[0]


def too_wide(observation_spec, action_spec):
  return layers.Dense(5)


def with_dropout(observation_spec, action_spec):
  return of_layers(layers.Dropout(0.5), layers.Dense(3))


def without_dropout(observation_spec, action_spec):
  return of_layers(layers.Dropout(0.0), layers.Dense(3))


def recurrent(observation_spec, action_spec):
  return of_layers(
    layers.Reshape((4, 1)), layers.GRU(4, stateful=True), layers.Dense(3)
  )


def in_python(observation_spec, action_spec):
  def tanh(x):
    return tf.ensure_shape(
      tf.numpy_function(np.tanh, [x], tf.float32), [None, 4]
    )

  return of_layers(layers.Lambda(tanh), layers.Dense(3))


def untracked(observation_spec, action_spec):
  kept.append(tf.Variable(tf.ones(4)))
  return of_layers(layers.Lambda(lambda x: x * kept[-1]), layers.Dense(3))


def regularized(observation_spec, action_spec):
  return layers.Dense(3, kernel_regularizer="l2")


def broken(observation_spec, action_spec):
  raise KeyError("units")


def of_images(observation_spec, action_spec):
  return layers.Conv2D(3, 3)


def a_number(observation_spec, action_spec):
  return 3


def of_another_keras(observation_spec, action_spec):
  import keras

  return keras.layers.Dense(3)


def of_float64(observation_spec, action_spec):
  return layers.Dense(3, dtype="float64")


class Counting(layers.Layer):
  def build(self, input_shape):
    self.count = self.add_weight("count", (), tf.int32, trainable=False)

  def call(self, x):
    return x[:, :3]


def counting(observation_spec, action_spec):
  return Counting()


@pytest.mark.parametrize(
  ("network", "expected"),
  [
    (
      too_wide,
      "its layer gives [B, 5] float32; expected [B, 3] float32: q of each "
      "action",
    ),
    (of_float64, "its layer gives [B, 3] float64; expected [B, 3] float32"),
    (a_number, "it returned builtins.int; expected a layer or model of tf_ker"),
    (of_another_keras, "it returned keras.src.layers.core.dense.Dense, which "),
    (broken, "it raised KeyError: 'units'"),
    (of_images, 'its layer raised ValueError: Input 0 of layer "conv2d'),
    (kept_layer, "two calls of it share the variable 'dense"),
    (with_dropout, "it draws random numbers in 'sequential"),
    (recurrent, "its layer 'gru' keeps a state from one call to the next; "),
    (in_python, "it calls Python in 'sequential"),
    (untracked, "it uses a variable or a table that is no attribute of a "),
    (regularized, "it has a regularizer, whose loss no agent adds; expected "),
    (counting, "its variable 'counting/count:0' is of int32, which a "),
  ],
)
def test_what_cannot_be_trained_saved_or_served_is_one_line(network, expected):
  kept.clear()
  tf.keras.backend.reset_uids()
  with pytest.raises(errors.UserError) as caught:
    make_agent(network)
  message = str(caught.value)
  name = f"DqnConfig.network = '{__name__}:{network.__name__}'"
  assert message.startswith(f"{name}: {expected}"), message
  assert "\n" not in message
  raised = network in (broken, of_images)
  assert bool(caught.value.trace) == raised


def test_a_function_whose_arguments_are_unknown_is_called():
  with pytest.raises(errors.UserError, match="'builtins:max': it raised Type"):
    make_agent("builtins:max")


def test_dropout_of_nothing_is_none():
  assert make_q(without_dropout).variables


def test_a2c_refuses_what_differs_between_acting_and_training():
  with pytest.raises(errors.UserError, match="expected LayerNormalization"):
    make_a2c(normalized)
  with pytest.raises(errors.UserError, match=r"expected \[B, F\] float32"):
    make_a2c(of_atoms)
  kept.clear()
  with pytest.raises(errors.UserError, match="share the variable"):
    make_a2c(kept_layer)
