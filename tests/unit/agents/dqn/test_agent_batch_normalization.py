"""The agent's batch normalization: whose statistics are used when."""

import gymnasium as gym
import numpy as np
import pytest
import replay_rows
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from agents_pipeline.agents.dqn import agent as dqn_agent
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import agent as q_agent
from agents_pipeline.evaluation import loaded_policy, served_policy
from agents_pipeline.replay import storage

TIME_STEP_SPEC = ts.time_step_spec(tensor_spec.TensorSpec((1,), tf.float32))
ACTION_SPEC = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1)
# Of the variables: the layer's scale and shift, and its running statistics.
SCALE, SHIFT, MEAN, VARIANCE = 1, 2, 5, 6


def weights(factor=1.0, head=((1.0,), (3.0,)), bias=(0.0, 0.0)):
  """Of one hidden unit, which the running statistics make max(factor * x, 0).

  2 * factor * (x - 1) / sqrt(3.999 + 0.001) + factor = factor * x.
  """
  return [
    [[1.0]], [2.0 * factor], [factor], head, bias, [1.0], [3.999]
  ]  # fmt: skip


def assign(network, values):
  for variable, value in zip(network.variables, values, strict=True):
    variable.assign(value)


def make_agent(**fields):
  """q = (x, 3 x), and ten times that of the target network."""
  fields = {"gamma": 0.5, "loss": "squared"} | fields
  agent = dqn_agent.DqnAgent.make(
    dqn_config.DqnConfig(
      hidden_layers=(1,), batch_normalization=True, **fields
    ),
    TIME_STEP_SPEC,
    ACTION_SPEC,
    seed=0,
  )
  assign(agent.network, weights())
  assign(agent.target_network, weights(10.0))
  return agent


# Action 0 from x = 1 to 2, and action 1 from x = 5 to 4; reward 7.
EXPERIENCE = replay_rows.transitions(
  storage.Row(
    tf.ones((2, 2), tf.int32), tf.constant([[[1.0], [2.0]], [[5.0], [4.0]]]),
    tf.constant([[0, 0], [1, 0]], tf.int64), tf.ones((2, 2), tf.int32),
    tf.constant([[7.0, 0.0], [7.0, 0.0]]), tf.ones((2, 2)),
  )
)  # fmt: skip


def numbers(network):
  return [v.numpy() for v in network.variables]


def test_a_train_step_by_hand(compiled):
  agent = make_agent(target_update_period_train_steps=100)
  # Not trained on: by running statistics, q = 1 and 3 * 5. The targets are
  # 7 + 0.5 * 30 * 2 and 7 + 0.5 * 30 * 4.
  info = agent.loss(EXPERIENCE)
  np.testing.assert_allclose(info.extra.td_error, [37 - 1, 67 - 15], rtol=1e-5)
  assert numbers(agent.network)[MEAN] == 1.0
  # By the batch, q = 0 and 8.99925; the target network's is as before.
  learned = compiled(lambda: agent.train(EXPERIENCE))()
  np.testing.assert_allclose(
    learned.extra.td_error, [37, 67 - 8.99925], rtol=1e-5
  )
  assert numbers(agent.network)[MEAN] == pytest.approx(1.02)
  assert numbers(agent.network)[VARIANCE] == pytest.approx(3.99901)
  assert numbers(agent.network)[SCALE] != 2.0
  assert numbers(agent.network)[SHIFT] != 1.0
  np.testing.assert_array_equal(
    np.concatenate([x.ravel() for x in numbers(agent.target_network)]),
    np.array([1, 20, 10, 1, 3, 0, 0, 1, 3.999], np.float32),
  )


def test_xla_equals_eager(all_ways):
  found = []
  for way in (all_ways["eager"], all_ways["xla"]):
    agent = dqn_agent.DqnAgent.make(
      dqn_config.DqnConfig(
        hidden_layers=(6, 4),
        batch_normalization=True,
        target_update_period_train_steps=2,
      ),
      TIME_STEP_SPEC,
      ACTION_SPEC,
      seed=3,
    )
    train = way(agent.train)
    rng = np.random.default_rng(0)
    for _ in range(5):
      x = tf.constant(rng.normal(size=(2, 2, 1)), tf.float32)
      own, _, reached = EXPERIENCE
      own, reached = (
        step._replace(observation=x[:, i])
        for i, step in enumerate((own, reached))
      )
      train(EXPERIENCE._replace(time_step=own, next_time_step=reached))
    found.append(numbers(agent.network) + numbers(agent.target_network))
  for eager, xla in zip(*found, strict=True):
    np.testing.assert_allclose(eager, xla, rtol=1e-3, atol=1e-4)


# q = (x, 2): action 0 from 2 on, as running statistics see it.
ACTS = dict(head=((1.0,), (0.0,)), bias=(0.0, 2.0))
X = np.array([[1.0], [3.0], [100.0]], np.float32)
ACTIONS = [1, 0, 0]


def test_an_action_does_not_depend_on_the_rest_of_the_batch(tmp_path):
  """By the batch, all of these alone, and 3 beside 100, would be action 1."""
  agent = make_agent()
  network = agent.network
  assign(network, weights(**ACTS))
  served = served_policy.ServedPolicy(
    network, q_agent.served_outputs, gym.spaces.Box(-200, 200, (1,)),
    gym.spaces.Discrete(2),
  )  # fmt: skip
  served.save(tmp_path / "policy", {})
  greedy = q_agent.make_greedy_policy(TIME_STEP_SPEC, ACTION_SPEC, network)
  by = lambda policy: (
    lambda x: policy.action(ts.restart(tf.constant(x), len(x))).action.numpy()
  )
  for act in (
    by(agent.policy),
    by(greedy),
    served.act,
    loaded_policy.LoadedPolicy(tmp_path / "policy").act,
  ):
    assert act(X).tolist() == ACTIONS
    assert [int(act(x[None])[0]) for x in X] == ACTIONS
  assert numbers(network)[MEAN] == 1.0
  assert numbers(network)[VARIANCE] == pytest.approx(3.999)
