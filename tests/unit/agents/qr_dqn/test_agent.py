"""QR-DQN's loss, with numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf
from replay_rows import experience
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts
from tf_agents.utils import common

from agents_pipeline.agents.qr_dqn import agent as qr_dqn_agent
from agents_pipeline.agents.qr_dqn import config as qr_dqn_config

TIME_STEP_SPEC = ts.time_step_spec(tensor_spec.TensorSpec((2,), tf.float32))
ACTION_SPEC = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1)
FIRST, MID, LAST = 0, 1, 2
# The returns of two quantiles, 1/4 and 3/4, whatever is observed. The online
# network's q is 1 and 2, the target network's 5 and 2.
ONLINE = [[0.0, 2.0], [1.0, 3.0]]
TARGET = [[4.0, 6.0], [0.0, 4.0]]


def make(**fields):
  fields = {"num_quantiles": 2} | fields
  agent = qr_dqn_agent.QrDqnAgent.make(
    qr_dqn_config.QrDqnConfig(hidden_layers=(), gamma=0.5, **fields),
    TIME_STEP_SPEC,
    ACTION_SPEC,
    seed=0,
  )
  for network, theta in (
    (agent.network, ONLINE),
    (agent.target_network, TARGET),
  ):
    kernel, bias = network.variables
    kernel.assign(tf.zeros_like(kernel))
    bias.assign(np.ravel(theta))
  return agent


def step(reward, discount=1, next_type=MID):
  """One step of action 0, of any observations."""
  return experience(
    [[1, 2], [3, 1]], [0, 0], [reward, 0], [discount, 1],
    [MID, next_type], [next_type, FIRST],
  )  # fmt: skip


def by_hand(theta, targets, kappa=1.0):
  """The definition, number by number."""
  loss = 0.0
  for tau, quantile in zip((0.25, 0.75), theta, strict=True):
    for target in targets:
      u = target - quantile
      size = abs(u)
      huber = 0.5 * u * u if size <= kappa else kappa * (size - 0.5 * kappa)
      loss += abs(tau - (u < 0)) * (huber if kappa else size) / len(targets)
  return loss


@pytest.mark.parametrize(
  ("fields", "transition", "targets"),
  [
    ({}, step(1), [3.0, 4.0]),  # 1 + 0.5 * 4 and 1 + 0.5 * 6, of action 0
    ({}, step(-3), [-1.0, 0.0]),
    ({}, step(1, 0, LAST), [1.0, 1.0]),  # terminated
    ({}, step(1, 1, LAST), [3.0, 4.0]),  # truncated
    # Double: the online network prefers action 1.
    ({"double": True}, step(1), [1.0, 3.0]),
    ({"reward_scale": 2.0}, step(1), [4.0, 5.0]),
    ({"kappa": 0.0}, step(1), [3.0, 4.0]),
    ({"kappa": 2.5}, step(1), [3.0, 4.0]),
  ],
)
@pytest.mark.parametrize("action", [0, 1])
def test_loss_by_hand(fields, transition, targets, action):
  taken = policy_step.PolicyStep(tf.constant([action], tf.int64))
  transition = transition._replace(action_step=taken)
  found = make(**fields).loss(transition)
  expected = by_hand(ONLINE[action], targets, fields.get("kappa", 1.0))
  assert float(found.loss) == pytest.approx(expected)
  # A prioritized replay gets the loss.
  assert float(found.extra.td_error[0]) == float(found.extra.td_loss[0])
  assert float(found.extra.q_value[0]) == [1.0, 2.0][action]


def test_a_single_loss_in_numbers():
  """Targets 3 and 4 for the quantiles 0 and 2.

  0.25 * (2.5 + 3.5) / 2 and 0.75 * (0.5 + 1.5) / 2.
  """
  assert float(make().loss(step(1)).loss) == pytest.approx(0.75 + 0.75)


def test_three_steps_stop_where_the_episode_was_truncated(compiled):
  agent = make()
  transition = experience(
    [[1, 2], [1, 1], [3, 1], [9, 9]], [0] * 4, [1, 2, 50, 50],
    [1, 1, 1, 1], [MID, MID, LAST, FIRST], [MID, LAST, FIRST, MID],
  )  # fmt: skip
  # 1 + 0.5 * 2 + 0.25 * 4 and 6.
  found = compiled(lambda: agent.loss(transition))()
  assert float(found.loss) == pytest.approx(by_hand(ONLINE[0], [3.0, 3.5]))


def test_a_train_step_under_xla_equals_one_that_is_not(all_ways):
  """Dueling and double, of random weights, with another network as target."""
  found = []
  for way in (all_ways["eager"], all_ways["xla"]):
    agent, other = (
      qr_dqn_agent.QrDqnAgent.make(
        qr_dqn_config.QrDqnConfig(
          hidden_layers=(4,), dueling=True, double=True
        ),
        TIME_STEP_SPEC,
        ACTION_SPEC,
        seed=seed,
      )
      for seed in (1, 2)
    )
    common.soft_variables_update(
      other.network.variables, agent.target_network.variables
    )
    train = way(lambda agent=agent: agent.train(step(1)))
    found.append([float(train().loss) for _ in range(3)])
  np.testing.assert_allclose(*found, rtol=1e-5)
