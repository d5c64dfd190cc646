"""What chunks are asked with."""

import numpy as np
import pytest
import tensorflow as tf

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
