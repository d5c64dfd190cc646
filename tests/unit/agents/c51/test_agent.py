"""C51's loss, with projections worked out by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf
from replay_rows import experience
from tf_agents.agents.categorical_dqn import categorical_dqn_agent
from tf_agents.networks import categorical_q_network
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts
from tf_agents.utils import common

from agents_pipeline.agents.c51 import agent as c51_agent
from agents_pipeline.agents.c51 import config as c51_config

TIME_STEP_SPEC = ts.time_step_spec(tensor_spec.TensorSpec((2,), tf.float32))
ACTION_SPEC = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1)
FIRST, MID, LAST = 0, 1, 2
# Probabilities of the returns 0, 1 and 2, whatever is observed. The online
# network's q is 0.75 and 1.25, the target network's 1.6 and 0.5.
ONLINE = [[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]
TARGET = [[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]]


def make(**fields):
  fields = {"num_atoms": 3, "v_min": 0.0, "v_max": 2.0} | fields
  agent = c51_agent.C51Agent.make(
    c51_config.C51Config(hidden_layers=(), gamma=0.5, **fields),
    TIME_STEP_SPEC,
    ACTION_SPEC,
    seed=0,
  )
  for network, odds in (
    (agent.network, ONLINE),
    (agent.target_network, TARGET),
  ):
    kernel, bias = network.variables
    kernel.assign(tf.zeros_like(kernel))
    bias.assign(np.log(np.ravel(odds)))
  return agent


def step(reward, discount=1, next_type=MID, action=0):
  """One step, of any observations."""
  return experience(
    [[1, 2], [3, 1]], [action, 0], [reward, 0], [discount, 1],
    [MID, next_type], [next_type, FIRST],
  )  # fmt: skip


def cross_entropy(target, odds):
  return -sum(m * math.log(p) for m, p in zip(target, odds, strict=True))


@pytest.mark.parametrize(
  ("fields", "transition", "target"),
  [
    # T z = 1, 1.5 and 2: on an atom, between two, and on the last. Of the
    # target network's action 0: 0.1 and half of 0.2; half of 0.2 and 0.7.
    ({}, step(1), [0, 0.2, 0.8]),
    # A quarter of the way: 0.25, 0.75, 1.25.
    ({}, step(0.25), [0.075 + 0.05, 0.025 + 0.15 + 0.525, 0.175]),
    # Beyond the atoms: all on the last, or the first.
    ({}, step(5), [0, 0, 1]),
    ({}, step(-5), [1, 0, 0]),
    # Partly beyond: 1.5, 2 and 2.5.
    ({}, step(1.5), [0, 0.05, 0.95]),
    # Terminated: the reward alone, which lies between two atoms.
    ({}, step(0.25, 0, LAST), [0.75, 0.25, 0]),
    # Truncated: as where it goes on.
    ({}, step(1, 1, LAST), [0, 0.2, 0.8]),
    # Double: the online network prefers action 1, of which the target network
    # says 0.6, 0.3, 0.1.
    ({"double": True}, step(1), [0, 0.75, 0.25]),
    ({"reward_scale": 4.0}, step(0.25), [0, 0.2, 0.8]),
  ],
)
@pytest.mark.parametrize("action", [0, 1])
def test_loss_by_hand(fields, transition, target, action):
  taken = policy_step.PolicyStep(tf.constant([action], tf.int64))
  transition = transition._replace(action_step=taken)
  found = make(**fields).loss(transition)
  expected = cross_entropy(target, ONLINE[action])
  assert float(found.loss) == pytest.approx(expected, rel=1e-5)
  # A prioritized replay gets the cross-entropy.
  assert float(found.extra.td_error[0]) == float(found.extra.td_loss[0])
  assert float(found.extra.q_value[0]) == pytest.approx([0.75, 1.25][action])


def test_three_steps_stop_where_the_episode_was_truncated(compiled):
  agent = make(v_max=4.0)  # returns 0, 2 and 4
  transition = experience(
    [[1, 2], [1, 1], [3, 1], [9, 9]], [0] * 4, [1, 2, 50, 50],
    [1, 1, 1, 1], [MID, MID, LAST, FIRST], [MID, LAST, FIRST, MID],
  )  # fmt: skip
  # 1 + 0.5 * 2 + 0.25 z = 2, 2.5, 3: on the second, and between it and the
  # third.
  target = [0, 0.1 + 0.75 * 0.2 + 0.5 * 0.7, 0.25 * 0.2 + 0.5 * 0.7]
  found = compiled(lambda: agent.loss(transition))()
  expected = cross_entropy(target, ONLINE[0])
  assert float(found.loss) == pytest.approx(expected, rel=1e-5)


def test_the_gradient_moves_the_logits_to_the_target_alone():
  """Of cross-entropy: p - m, for the action taken."""
  agent = make()
  with tf.GradientTape() as tape:
    loss = agent.loss(step(1, action=1)).loss
  bias = agent.network.trainable_variables[-1]
  expected = [0, 0, 0, 0.25 - 0.0, 0.25 - 0.2, 0.5 - 0.8]
  np.testing.assert_allclose(tape.gradient(loss, bias), expected, atol=1e-6)


def test_a_train_step_under_xla_equals_one_that_is_not(all_ways):
  """Dueling and double, of random weights, with another network as target."""
  found = []
  for way in (all_ways["eager"], all_ways["xla"]):
    agent, other = (
      c51_agent.C51Agent.make(
        c51_config.C51Config(
          hidden_layers=(4,), v_min=-10, v_max=10, dueling=True, double=True
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
    train = way(lambda agent=agent: agent.train(step(1, action=1)))
    infos = [train() for _ in range(3)]
    found.append([float(x.loss) for x in infos])
    assert found[-1][0] == pytest.approx(math.log(51), rel=0.01)  # near uniform
  np.testing.assert_allclose(*found, rtol=1e-5)


def theirs(n_step):
  """TF-Agents' agent with the same two networks."""
  networks = []
  for odds in (ONLINE, TARGET):
    network = categorical_q_network.CategoricalQNetwork(
      TIME_STEP_SPEC.observation,
      ACTION_SPEC,
      num_atoms=3,
      fc_layer_params=(),
    )
    network.create_variables()
    kernel, bias = network.variables
    kernel.assign(tf.zeros_like(kernel))
    bias.assign(np.log(np.ravel(odds)))
    networks.append(network)
  return categorical_dqn_agent.CategoricalDqnAgent(
    TIME_STEP_SPEC,
    ACTION_SPEC,
    networks[0],
    tf.keras.optimizers.Adam(),
    min_q_value=0.0,
    max_q_value=2.0,
    n_step_update=n_step,
    gamma=0.5,
    target_categorical_q_network=networks[1],
  )


@pytest.mark.parametrize(
  ("step_types", "next_step_types", "theirs_is_right"),
  [
    ([MID, MID], [MID, MID], True),
    ([MID, MID, MID], [MID, MID, MID], True),
    # It begins at an episode's last observation: no transition.
    ([LAST, FIRST], [FIRST, MID], False),
    # Truncated after one step of two: the second is of the next episode.
    ([MID, LAST, FIRST], [LAST, FIRST, MID], False),
  ],
)
def test_tf_agents_own_loss_is_right_within_an_episode_alone(
  step_types, next_step_types, theirs_is_right
):
  length = len(step_types)
  rows = ([[1, 2]] * length, [0] * length, [0.25] * length, [1] * length)
  ours = make().loss(experience(*rows, step_types, next_step_types)).loss
  observations, actions, rewards, discounts = rows
  row = lambda x, dtype: tf.constant(x, dtype)[None]
  found = theirs(length - 1).loss(
    trajectory.Trajectory(
      row(step_types, tf.int32), row(observations, tf.float32),
      row(actions, tf.int64), (), row(next_step_types, tf.int32),
      row(rewards, tf.float32), row(discounts, tf.float32),
    ),
    gamma=0.5,
  ).loss  # fmt: skip
  assert (abs(float(found) - float(ours)) < 1e-5) == theirs_is_right
