"""The best policy so far."""

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import network as q_network
from agents_pipeline.evaluation import best_policy


def test_the_best_network_is_kept_and_of_equals_the_latest():
  """All of its variables, running statistics too, which are not trained."""
  network = q_network.make_q_network(
    dqn_config.DqnConfig(hidden_layers=(2,), batch_normalization=True),
    tensor_spec.TensorSpec((3,), tf.float32),
    tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1),
    seed=0,
  )
  best = best_policy.BestPolicy(network)
  kept = []
  for env_steps, mean_return in enumerate([5.0, 9.0, 7.0, 9.0, float("nan")]):
    for variable in network.variables:
      variable.assign(tf.fill(variable.shape, float(env_steps)))
    kept.append(best.offer(network, mean_return, env_steps))
  assert kept == [True, True, False, True, False]
  assert float(best.mean_return) == 9.0
  assert int(best.env_steps) == 3
  assert len(best.network.variables) == 7 > len(network.trainable_variables)
  assert all(np.all(v.numpy() == 3.0) for v in best.network.variables)
  best.take(network, 5)  # of 4.0, however it does
  assert int(best.env_steps) == 5 == int(best.evaluated_at)
  assert all(np.all(v.numpy() == 4.0) for v in best.network.variables)
  assert best.offer(network, -1e9, 6)  # nothing is known of what was taken
