"""The Q-network: its heads, by hand, and what its seed chooses."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.agents.c51 import config as c51_config
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import agent as q_agent
from agents_pipeline.agents.q_learning import network as q_network
from agents_pipeline.agents.qr_dqn import config as qr_dqn_config
from agents_pipeline.networks import noisy
from agents_pipeline.ops import random_stream

OBSERVATION = tensor_spec.BoundedTensorSpec((1,), tf.float32, 0, 1)
MASK = tensor_spec.BoundedTensorSpec((2,), tf.int8, 0, 1)


def test_dueling_head_by_hand():
  config = dqn_config.DqnConfig(hidden_layers=(1,), dueling=True)
  network = q_network.QNetwork(OBSERVATION, 3, config)
  network.create_variables()
  names = {v.name: v for v in network.variables}
  kernels = [v for n, v in names.items() if "kernel" in n]
  for kernel, value in zip(
    sorted(kernels, key=lambda v: v.shape[0]),
    ([[1.0]], [[5.0]], [[1.0], [2.0], [6.0]]),
    strict=True,
  ):
    kernel.assign(value)
  q, _ = network(tf.constant([[2.0]]))
  # v = 10, advantages 2, 4, 12 with mean 6.
  assert sorted(q.numpy()[0].tolist()) == [6.0, 8.0, 16.0]


def make_two_quantiles():
  """Of two actions, dueling: value (x, 5 x), advantages (x, 0), (3 x, 2 x)."""
  config = qr_dqn_config.QrDqnConfig(
    hidden_layers=(), dueling=True, num_quantiles=2
  )
  spec = {"observation": OBSERVATION, "action_mask": MASK}
  network = q_network.QNetwork(spec, 2, config)
  network.create_variables()
  kernels = [v for v in network.variables if "kernel" in v.name]
  for kernel in kernels:
    is_value = kernel.shape[0] == 2
    kernel.assign([[1.0], [5.0]] if is_value else [[1], [0], [3], [2]])
  return network


def test_dueling_is_of_each_quantile_by_hand():
  """Advantages less their means, (2 x, x), and more the values."""
  observation = {
    "observation": tf.constant([[2.0]]), "action_mask": tf.ones((1, 2), tf.int8)
  }  # fmt: skip
  q, theta = make_two_quantiles().predict(observation)
  assert theta.numpy().tolist() == [[[2 - 2, 10 - 2], [2 + 2, 10 + 2]]]
  assert q.numpy().tolist() == [[4, 8]]


def test_a_forbidden_action_has_its_distribution_and_the_lowest_q():
  network = make_two_quantiles()
  observation = {
    "observation": tf.constant([[2.0]]), "action_mask": tf.constant([[1, 0]])
  }  # fmt: skip
  served = q_agent.served_outputs(network, observation)
  assert served["action"].numpy().tolist() == [0]
  assert served["q_values"].numpy().tolist() == [[4, tf.float32.min]]
  assert served["support"].numpy().tolist() == [[[0, 8], [4, 12]]]
  assert served["distribution"].numpy().tolist() == [[[0.5, 0.5]] * 2]


def test_all_layers_but_convolutions_are_noisy_where_that_is_asked_for():
  images = tensor_spec.BoundedTensorSpec((6, 6, 1), tf.uint8, 0, 255)
  config = c51_config.C51Config(
    num_atoms=5, v_min=0, v_max=1, conv_layers=((4, 3, 1),), hidden_layers=(8,),
    dueling=True, noisy=True, noisy_sigma_0=0.4, epsilon=None,
  )  # fmt: skip
  network = q_network.QNetwork(images, 3, config)
  network.create_variables()
  sigmas = [v for v in network.variables if "sigma" in v.name]
  # The hidden layer's, the advantages' and the values'.
  shapes = {(8, 64), (8,), (15, 8), (15,), (5, 8), (5,)}
  assert {tuple(v.shape) for v in sigmas} == shapes
  assert np.all(sigmas[0].numpy() == np.float32(0.4 / 8))  # of 64 inputs
  assert len(sigmas) == 6 and len(network.variables) == 2 + 2 * 6
  observation = tf.constant(np.arange(72).reshape(2, 6, 6, 1), tf.uint8)
  noise = noisy.factorised(random_stream.RandomStream(0))
  q, _ = network(observation)
  (first, logits), (second, _) = (
    network.predict(observation, noise=noise) for _ in range(2)
  )
  assert logits.shape == (2, 3, 5)
  np.testing.assert_array_equal(network.predict(observation)[0], q)
  for one, other in ((first, second), (first, q)):
    assert np.abs(one - other).max() > 1e-4


def test_seed_chooses_the_weights():
  actions = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1)
  weights = lambda seed: q_network.make_q_network(
    dqn_config.DqnConfig(), OBSERVATION, actions, seed
  ).variables[0]
  np.testing.assert_array_equal(weights(1), weights(1))
  assert np.abs(weights(1) - weights(2)).max() > 1e-3


@pytest.mark.parametrize("initial_weights", ["he_normal", "uniform"])
def test_with_batch_normalization_only_the_heads_have_a_bias(initial_weights):
  def shapes(kind, **fields):
    config = dqn_config.DqnConfig(
      hidden_layers=(5, 4),
      dueling=True,
      initial_weights=initial_weights,
      **fields,
    )
    network = q_network.QNetwork(OBSERVATION, 2, config)
    network.create_variables()
    return sorted(tuple(v.shape) for v in network.variables if kind in v.name)

  assert shapes("bias", batch_normalization=True) == [(1,), (2,)]
  assert shapes("moving_mean", batch_normalization=True) == [(4,), (5,)]
  assert shapes("bias") == [(1,), (2,), (4,), (5,)]
  assert shapes("moving_mean") == []
