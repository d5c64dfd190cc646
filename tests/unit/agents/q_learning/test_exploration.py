"""When actions are random or of noise, each environment's by itself."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import exploration, schedules
from agents_pipeline.agents.q_learning import network as q_network
from agents_pipeline.ops import random_stream


def test_random_at_first():
  agent = dqn_config.DqnConfig(
    epsilon=schedules.ConstantEpsilon(0.2), num_random_env_steps=10
  )
  at = lambda n: float(
    exploration.epsilon_of(
      agent, tf.constant(n, tf.int64), tf.constant(0, tf.int64)
    )
  )
  assert (at(0), at(9)) == (1.0, 1.0)
  assert at(10) == pytest.approx(0.2)


class AlwaysZero(tf_policy.TFPolicy):
  """Takes action 0 of four."""

  def __init__(self):
    super().__init__(
      ts.time_step_spec(tensor_spec.TensorSpec((1,), tf.float32)),
      tensor_spec.BoundedTensorSpec((), tf.int64, 0, 3),
    )

  def _action(self, time_step, policy_state, seed):
    zeros = tf.zeros((time_step.step_type.shape[0],), tf.int64)
    return policy_step.PolicyStep(zeros, policy_state, ())


def act(epsilon, batch_size, seed=0, compiled=lambda f: f, times=1):
  policy = exploration.EpsilonGreedyPolicy(
    AlwaysZero(),
    lambda: tf.constant(epsilon),
    random_stream.RandomStream(seed),
  )
  time_step = ts.restart(tf.zeros((batch_size, 1)), batch_size)
  action = compiled(lambda t: policy.action(t).action)
  return np.stack([action(time_step).numpy() for _ in range(times)])


def test_epsilon_zero_is_greedy_and_one_is_uniform(compiled):
  assert act(0.0, 1000, compiled=compiled).max() == 0
  counts = np.bincount(act(1.0, 8000, compiled=compiled)[0], minlength=4)
  assert counts.min() > 1850 and counts.max() < 2150


def test_every_environment_draws_for_itself():
  """SB3 draws once for all: then every row would be all zero or all random."""
  taken = act(0.5, 400, times=5) != 0
  # Half explore, and three of four random actions are not 0: 0.375.
  assert np.all(np.abs(taken.mean(axis=1) - 0.375) < 0.1)


def test_seeds_choose_the_actions():
  np.testing.assert_array_equal(act(0.5, 50, seed=1), act(0.5, 50, seed=1))
  assert np.any(act(0.5, 50, seed=1) != act(0.5, 50, seed=2))


def test_with_noise_no_action_is_random_after_the_first():
  agent = dqn_config.DqnConfig(
    noisy=True, epsilon=None, num_random_env_steps=10
  )
  at = lambda n: float(
    exploration.epsilon_of(
      agent, tf.constant(n, tf.int64), tf.constant(0, tf.int64)
    )
  )
  assert (at(9), at(10)) == (1.0, 0.0)


def act_by_noise(batch_size, seed=0, times=1, compiled=lambda f: f):
  """Actions [times, B] of four whose q is noise of one deviation."""
  spec = ts.time_step_spec(tensor_spec.TensorSpec((1,), tf.float32))
  actions = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 3)
  config = dqn_config.DqnConfig(hidden_layers=(), noisy=True, epsilon=None)
  network = q_network.make_q_network(config, spec.observation, actions, seed=0)
  for weight, value in zip(network.variables, (0, 0, 0, 1), strict=True):
    weight.assign(tf.fill(weight.shape, float(value)))
  policy = exploration.NoisyPolicy(
    spec, actions, network, random_stream.RandomStream(seed)
  )
  time_step = ts.restart(tf.zeros((batch_size, 1)), batch_size)
  action = compiled(lambda t: policy.action(t).action)
  return np.stack([action(time_step).numpy() for _ in range(times)])


def test_noise_is_new_at_every_step_and_of_every_environment(compiled):
  taken = act_by_noise(2_000, times=2, compiled=compiled)
  for counts in map(np.bincount, taken):
    assert counts.min() > 400 and counts.max() < 600
  # Of independent actions, one in four is the same.
  assert np.mean(taken[0] == taken[1]) == pytest.approx(0.25, abs=0.05)
  assert np.mean(taken[0, 1:] == taken[0, :-1]) == pytest.approx(0.25, abs=0.05)


def test_seeds_choose_the_noise():
  one, same, other = (act_by_noise(50, seed) for seed in (1, 1, 2))
  np.testing.assert_array_equal(one, same)
  assert np.any(one != other)
