"""The actor-critic network: its heads, torsos and initial weights."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.a2c import network as a2c_network
from agents_pipeline.environments import specs

OBSERVATION = tensor_spec.BoundedTensorSpec((4,), tf.float32, -9, 9)


def spec(space):
  return tensor_spec.from_spec(specs.action_spec(space, "X-v0"))


CHOICE = spec(gym.spaces.Discrete(3))


BOX = spec(gym.spaces.Box(-1.0, 2.0, (2,)))


def network(action_spec=CHOICE, observation=OBSERVATION, **fields):
  return a2c_network.make_actor_critic_network(
    a2c_config.A2cConfig(**fields), observation, action_spec, seed=0
  )


def test_a_gaussian_policys_deviation_depends_on_no_state():
  made = network(BOX, initial_log_std=-1.0)
  (parameters, value), _ = made(tf.random.normal((5, 4), seed=1))
  assert parameters["mean"].shape == (5, 2)
  assert value.shape == (5,)
  np.testing.assert_allclose(
    parameters["stddev"], np.full((5, 2), np.exp(-1.0)), rtol=1e-6
  )
  (log_std,) = [v for v in made.trainable_variables if "log_std" in v.name]
  log_std.assign([0.0, 1.0])
  (parameters, _), _ = made(tf.zeros((1, 4)))
  np.testing.assert_allclose(parameters["stddev"], [[1.0, np.e]], rtol=1e-6)


@pytest.mark.parametrize("shared", [True, False])
def test_torsos_are_shared_or_not(shared):
  made = network(hidden_layers=(8, 6), shared_torso=shared)
  weights = lambda sizes: sum((a + 1) * b for a, b in sizes)
  torso = weights([(4, 8), (8, 6)])
  expected = torso * (1 if shared else 2) + weights([(6, 3), (6, 1)])
  assert sum(int(tf.size(v)) for v in made.trainable_variables) == expected
  with tf.GradientTape() as tape:
    (_, value), _ = made(tf.ones((1, 4)))
  gradients = tape.gradient(value, made.trainable_variables)
  # Without sharing, the value's gradient leaves the policy's torso alone.
  assert sum(g is None for g in gradients) == (2 if shared else 6)


def test_initial_weights_are_orthogonal_with_their_gains():
  made = network(
    hidden_layers=(8, 8), policy_gain=0.01, hidden_gain=2.0, value_gain=3.0
  )
  kernels = [v.numpy() for v in made.trainable_variables if "kernel" in v.name]
  gains = {(8, 4): 2.0, (8, 8): 2.0, (3, 8): 0.01, (1, 8): 3.0}
  assert len(kernels) == 6
  for kernel in kernels:
    small = kernel if kernel.shape[0] < kernel.shape[1] else kernel.T
    np.testing.assert_allclose(
      small @ small.T, gains[kernel.shape] ** 2 * np.eye(len(small)), atol=1e-5
    )
  biases = [v for v in made.trainable_variables if "bias" in v.name]
  assert not any(np.any(b) for b in biases)


def test_layers_of_one_shape_begin_differently():
  made = network(hidden_layers=(8, 8, 8))
  kernels = [v.numpy() for v in made.trainable_variables if v.shape == (8, 8)]
  assert len(kernels) == 4  # two in either torso
  for i, one in enumerate(kernels):
    for other in kernels[:i]:
      assert np.abs(one - other).max() > 0.1


@pytest.mark.parametrize("shape", [(12, 10), (12, 10, 3)])
def test_images_go_through_convolutions(shape):
  images = tensor_spec.BoundedTensorSpec(shape, tf.uint8, 0, 255)
  made = network(
    observation=images, conv_layers=((4, 4, 2), (8, 3, 1)), hidden_layers=(16,)
  )
  observation = tf.random.uniform((3, *shape), 0, 256, tf.int32, seed=0)
  (parameters, value), _ = made(tf.cast(observation, tf.uint8))
  assert parameters["logits"].shape == (3, 3) and value.shape == (3,)
  # 12 x 10 -> 5 x 4 -> 3 x 2, of 8 filters.
  kernels = [v.shape for v in made.trainable_variables if "kernel" in v.name]
  channels = shape[2] if len(shape) == 3 else 1
  assert kernels[:3] == [(4, 4, channels, 4), (3, 3, 4, 8), (16, 48)]


def test_activations_and_numbered_observations():
  numbered = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 4)
  made = network(observation=numbered, hidden_layers=(), value_gain=1.0)
  (_, value), _ = made(tf.range(5, dtype=tf.int64))
  (kernel,) = [v for v in made.trainable_variables if v.shape == (1, 5)]
  np.testing.assert_allclose(value, kernel[0], rtol=1e-6)  # one-hot
  (relu, _), _ = network(activation="relu")(tf.ones((1, 4)))
  (tanh, _), _ = network(activation="tanh")(tf.ones((1, 4)))
  assert np.any(relu["logits"] != tanh["logits"])


def test_a_copy_has_the_same_variables_in_the_same_order():
  made = network(BOX, normalize_observations=True)
  copy = made.copy(name="Copy")
  copy.create_variables()
  assert [v.shape for v in copy.variables] == [v.shape for v in made.variables]
  for ours, theirs in zip(copy.variables, made.variables, strict=True):
    ours.assign(theirs)
  x = tf.random.normal((3, 4), seed=0)
  tf.nest.map_structure(np.testing.assert_array_equal, copy(x), made(x))
  assert isinstance(copy, a2c_network.ActorCriticNetwork)
