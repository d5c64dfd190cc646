"""Distributions and samples of an actor-critic's policy."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.a2c import network as a2c_network
from agents_pipeline.agents.a2c import policy as a2c_policy
from agents_pipeline.environments import specs
from agents_pipeline.ops import random_stream

CHOICES = tensor_spec.from_spec(
  specs.action_spec(gym.spaces.MultiDiscrete([3, 2]), "X-v0")
)


def parameters_of_choices(num_states, policy_gain):
  """What a network gives for random states: of 3 actions, and of 2."""
  network = a2c_network.make_actor_critic_network(
    a2c_config.A2cConfig(policy_gain=policy_gain),
    tensor_spec.BoundedTensorSpec((4,), tf.float32, -9, 9),
    CHOICES,
    seed=0,
  )
  (parameters, _), _ = network(tf.random.normal((num_states, 4), seed=1))
  return parameters


def test_samples_follow_the_probabilities(compiled):
  logits = tf.math.log(tf.constant([[0.7, 0.0, 0.3], [0.1, 0.8, 0.1]]))
  rng = random_stream.RandomStream(0)
  many = {"logits": tf.repeat(logits, 20_000, axis=0)}
  drawn = compiled(lambda: a2c_policy.sample(many, rng))().numpy()
  shares = [
    np.bincount(part, minlength=3) / 20_000 for part in np.split(drawn, 2)
  ]
  np.testing.assert_allclose(shares, tf.exp(logits), atol=0.012)
  assert shares[0][1] == 0


def test_samples_of_a_gaussian_have_its_moments(compiled):
  shape = (50_000, 2)
  parameters = {
    "mean": tf.broadcast_to([1.0, -2.0], shape),
    "stddev": tf.broadcast_to([0.5, 3.0], shape),
  }
  rng = random_stream.RandomStream(0)
  drawn = compiled(lambda: a2c_policy.sample(parameters, rng))().numpy()
  np.testing.assert_allclose(drawn.mean(axis=0), [1, -2], atol=0.05)
  np.testing.assert_allclose(drawn.std(axis=0), [0.5, 3], rtol=0.02)
  scaled = (drawn - [1, -2]) / [0.5, 3]
  # A standard normal has 68.27 % within 1 and 95.45 % within 2.
  for bound, share in ((1, 0.6827), (2, 0.9545)):
    assert np.mean(np.abs(scaled) < bound) == pytest.approx(share, abs=0.005)


def test_several_choices_each_have_their_own_number_of_actions():
  parameters = parameters_of_choices(200, policy_gain=1.0)
  assert parameters["logits"].shape == (200, 2, 3)
  policy = a2c_policy.distribution(parameters, CHOICES)
  probability = tf.nn.softmax(parameters["logits"])
  assert np.all(probability[:, 1, 2] == 0)
  drawn = a2c_policy.sample(parameters, random_stream.RandomStream(0))
  assert drawn.numpy().max(axis=0).tolist() == [2, 1]
  expected = tf.math.log(
    tf.gather(probability, drawn[..., None], batch_dims=2)
  )  # [200, 2, 1]
  np.testing.assert_allclose(
    a2c_policy.log_prob(parameters, drawn, CHOICES),
    tf.reduce_sum(expected, axis=[1, 2]),
    rtol=1e-5,
  )
  assert np.isfinite(policy.entropy()).all()
  assert policy.entropy().numpy().max() <= np.log(3) + np.log(2) + 1e-6


class Largest:
  """A stream that always draws the largest number."""

  def uniform(self, shape):
    return tf.fill(shape, 1 - 2.0**-24)


def test_a_choice_that_does_not_exist_is_never_sampled():
  parameters = parameters_of_choices(2_000, policy_gain=3.0)
  drawn = a2c_policy.sample(parameters, Largest()).numpy()
  assert drawn.max(axis=0).tolist() == [2, 1]
