"""What chunks are asked with, and when."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import collecting, network, schedules
from agents_pipeline.config.collectors import RayCollectors
from agents_pipeline.training import episode_statistics


def test_a_request_has_epsilons_and_weights():
  config = dqn_config.DqnConfig(
    hidden_layers=(2,),
    epsilon=schedules.LinearEpsilon(1.0, 0.0, 100),
    num_random_env_steps=30,
    collectors=RayCollectors(num_steps_per_chunk=4),
  )
  q = network.QNetwork(tf.TensorSpec((3,), tf.float32), 2, config)
  q.create_variables()
  statistics = episode_statistics.EpisodeStatistics(2, 10)
  statistics.env_steps.assign(16)
  make = collecting.request_maker(config, q, statistics, num_envs=2)

  epsilon, *weights = make(4)  # env steps 24, 26, 28 and 30
  assert epsilon.tolist() == [1, 1, 1, pytest.approx(1 - 24 / 100)]
  for value, variable in zip(weights, q.variables, strict=True):
    np.testing.assert_array_equal(value, variable)

  statistics.env_steps.assign(40)
  assert make(0)[0].tolist() == [pytest.approx(1 - 40 / 100)] * 4


def test_requests_are_made_after_their_variables_are_written():
  written, seen = tf.Variable(0.0), []
  policy = collecting.PlaceholderPolicy(
    ts.time_step_spec(tf.TensorSpec((1,), tf.float32)),
    tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1),
    [written],
  )
  time_step = ts.restart(tf.zeros((2, 1)), batch_size=2)

  def step(action):
    seen.append((float(written), action.tolist()))
    return action

  @tf.function(autograph=False)
  def learn_act_and_step(x):
    for _ in range(6):  # takes longer than to enter Python
      x = tf.matmul(x, x)
    written.assign(x[0, 0])
    action = policy.action(time_step).action
    return tf.numpy_function(step, [action], tf.int64)

  learn_act_and_step(tf.fill((1_024, 1_024), 2.0**-10))
  assert seen == [(2.0**-10, [0, 0])]
