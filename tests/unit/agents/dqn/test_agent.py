"""The agent: its targets, losses and train steps."""

import numpy as np
import pytest
import tensorflow as tf
from replay_rows import experience
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from agents_pipeline.agents.dqn import agent as dqn_agent
from agents_pipeline.agents.dqn import config as dqn_config

TIME_STEP_SPEC = ts.time_step_spec(tensor_spec.TensorSpec((2,), tf.float32))
ACTION_SPEC = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1)


def make(**fields):
  """An agent whose q is 1 * x for action 0 and 2 * x for action 1.

  x is the sum of the observation; there is no hidden layer's bend, as all is
  positive. The target network's q is ten times that.
  """
  fields = {"hidden_layers": (1,), "gamma": 0.5, "loss": "squared"} | fields
  agent = dqn_agent.DqnAgent.make(
    dqn_config.DqnConfig(**fields), TIME_STEP_SPEC, ACTION_SPEC, seed=0
  )
  for network, factor in ((agent.network, 1), (agent.target_network, 10)):
    weights = [[[1.0, 1.0]], [0.0], [[1.0 * factor], [2.0 * factor]], [0, 0]]
    for variable, value in zip(network.variables, weights, strict=True):
      variable.assign(value)
  return agent


ONE_STEP = ([[1, 2], [3, 1]], [0, 0], [7, 0], [1, 1], [1, 1], [1, 1])
ENDING = ([[1, 2], [3, 1]], [0, 0], [7, 0], [0, 1], [1, 2], [2, 0])
BOUNDARY = ([[1, 2], [3, 1]], [0, 0], [7, 0], [1, 1], [2, 0], [0, 1])


@pytest.mark.parametrize(
  ("fields", "window", "expected"),
  [
    # q = 3; target 7 + 0.5 * max(40, 80) = 47; (47 - 3)^2.
    ({}, ONE_STEP, 44.0**2),
    # Huber: 44 - 0.5.
    ({"loss": "huber"}, ONE_STEP, 43.5),
    # Terminated: target 7.
    ({}, ENDING, 16.0),
    # The window begins at an episode's end: no transition.
    ({}, BOUNDARY, 0.0),
    # Rewards times 2: 14 + 40 - 3.
    ({"reward_scale": 2.0}, ONE_STEP, 51.0**2),
    ({"gamma": 0.0}, ONE_STEP, 16.0),
  ],
)
def test_loss_by_hand(fields, window, expected, compiled):
  agent = make(**fields)
  loss = compiled(lambda x: agent.loss(x))(experience(*window))
  assert float(loss.loss) == pytest.approx(expected)
  assert float(loss.extra.q_value[0]) == 3.0


def test_the_loss_is_a_mean_over_the_batch():
  both = tf.nest.map_structure(
    lambda *x: tf.concat(x, 0), experience(*ONE_STEP), experience(*ENDING)
  )
  found = make().loss(both)
  assert found.extra.td_error.numpy().tolist() == [44.0, 4.0]
  assert float(found.loss) == (44**2 + 4**2) / 2


def test_double_evaluates_the_action_that_the_online_network_chooses():
  plain, double = make(), make(double=True)
  for agent in (plain, double):
    # Now the target network prefers action 0, by 50 x to 20 x.
    agent.target_network.variables[2].assign([[50.0], [20.0]])
  # Plain takes 200, double what the target says of action 1: 80.
  step = experience(*ONE_STEP)
  assert float(plain.loss(step).extra.td_error[0]) == 7 + 0.5 * 200 - 3
  assert float(double.loss(step).extra.td_error[0]) == 7 + 0.5 * 80 - 3


def test_three_step_target_stops_at_the_episodes_end():
  agent = make(n_step=3)
  window = (
    [[1, 2], [1, 1], [3, 1], [9, 9]], [0] * 4, [7, 4, 50, 50],
    [1, 1, 1, 1], [1, 1, 2, 0], [1, 2, 0, 1],
  )  # fmt: skip
  # Truncated after two steps at [3, 1]: 7 + 0.5 * 4 + 0.25 * 80 - 3.
  loss = agent.loss(experience(*window))
  assert float(loss.extra.td_error[0]) == pytest.approx(26)


def test_a_train_step_changes_the_network_and_counts():
  agent = make()
  before = [v.numpy() for v in agent.network.variables]
  info = agent.train(experience(*ONE_STEP))
  assert int(agent.train_step_counter) == 1
  assert np.isfinite(float(info.loss))
  assert any(
    np.any(v.numpy() != b)
    for v, b in zip(agent.network.variables, before, strict=True)
  )


def test_the_graph_does_not_grow_with_the_number_of_actions():
  def num_operations(num_actions):
    spec = tensor_spec.BoundedTensorSpec((), tf.int64, 0, num_actions - 1)
    config = dqn_config.DqnConfig(hidden_layers=(4,), double=True)
    agent = dqn_agent.DqnAgent.make(config, TIME_STEP_SPEC, spec, seed=0)
    train = tf.function(agent.train, autograph=False)
    graph = train.get_concrete_function(experience(*ONE_STEP)).graph
    return len(graph.as_graph_def(add_shapes=False).node)

  assert num_operations(1_000) == num_operations(10)
