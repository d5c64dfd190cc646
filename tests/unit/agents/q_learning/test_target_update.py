"""When the target network is updated, and by how much."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import network as q_network
from agents_pipeline.agents.q_learning import target_update

OBSERVATION = tensor_spec.BoundedTensorSpec((1,), tf.float32, 0, 1)
ACTION = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1)


def make(tau=1.0, period=1, num_episodes=None, always_assigns=False, **fields):
  """A network whose weights are 1, a target whose are 0, and the update."""
  config = dqn_config.DqnConfig(hidden_layers=(2,), **fields)
  networks = [
    q_network.make_q_network(config, OBSERVATION, ACTION, seed)
    for seed in (0, 1)
  ]
  for network, value in zip(networks, (1.0, 0.0), strict=True):
    for variable in network.variables:
      variable.assign(tf.fill(variable.shape, value))
  update = target_update.TargetUpdate(
    *networks, tau, period, num_episodes, always_assigns=always_assigns
  )
  return networks[1], update


def value_of(network):
  (value,) = {float(x) for v in network.variables for x in v.numpy().flat}
  return value


@pytest.mark.parametrize("always_assigns", [False, True])
@pytest.mark.parametrize("period", [1, 3])
def test_a_copy_every_period_of_train_steps(period, always_assigns, compiled):
  target, update = make(period=period, always_assigns=always_assigns)
  call = compiled(lambda: update() or tf.constant(0))
  for train_step in range(1, 7):
    call()
    assert value_of(target) == (1.0 if train_step % period == 0 else 0.0)
    for variable in target.variables:
      variable.assign(tf.zeros_like(variable))


def test_a_copy_does_not_depend_on_what_the_target_was(compiled):
  target, update = make(period=2, always_assigns=True)
  for variable in target.variables:
    variable.assign(tf.fill(variable.shape, float("inf")))
  call = compiled(lambda: update() or tf.constant(0))
  call()
  assert value_of(target) == float("inf")
  call()
  assert value_of(target) == 1.0


def test_tau_moves_the_target_a_part_of_the_way(compiled):
  target, update = make(tau=0.25)
  call = compiled(lambda: update() or tf.constant(0))
  call()
  assert value_of(target) == 0.25
  call()
  assert value_of(target) == 0.25 + 0.25 * 0.75


def test_statistics_of_batch_normalization_are_copied():
  target, update = make(tau=0.25, batch_normalization=True)
  update()
  moved = {
    v.name.split("/")[-1]: float(v.numpy().flat[0]) for v in target.variables
  }
  assert moved["moving_mean:0"] == moved["moving_variance:0"] == 1.0
  assert moved["gamma:0"] == 0.25


def test_periods_of_episodes_end_with_the_first_train_step_after(compiled):
  """Periods of 5: after 4 episodes, 5, 6, 11 (one period more), and 11."""
  episodes = tf.Variable(0, dtype=tf.int64)
  target, update = make(period=5, num_episodes=episodes.value)
  call = compiled(lambda: update() or tf.constant(0))
  found = []
  for count in (4, 5, 6, 11, 11):
    episodes.assign(count)
    call()
    found.append(value_of(target))
    for variable in target.variables:
      variable.assign(tf.zeros_like(variable))
  np.testing.assert_array_equal(found, [0.0, 1.0, 0.0, 1.0, 0.0])
