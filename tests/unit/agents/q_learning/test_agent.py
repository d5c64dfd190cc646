"""What DQN, C51 and QR-DQN share: rows, weights, and noise by hand."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from replay_rows import experience
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from agents_pipeline.agents.c51 import agent as c51_agent
from agents_pipeline.agents.c51 import config as c51_config
from agents_pipeline.agents.dqn import agent as dqn_agent
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import agent as q_agent
from agents_pipeline.agents.qr_dqn import agent as qr_dqn_agent
from agents_pipeline.agents.qr_dqn import config as qr_dqn_config

TIME_STEP_SPEC = ts.time_step_spec(tensor_spec.TensorSpec((2,), tf.float32))
ACTION_SPEC = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1)
FIRST, MID, LAST = 0, 1, 2
AGENTS = {
  "dqn": (dqn_agent.DqnAgent, dqn_config.DqnConfig),
  "c51": (
    c51_agent.C51Agent,
    functools.partial(c51_config.C51Config, v_min=0, v_max=9),
  ),
  "qr_dqn": (qr_dqn_agent.QrDqnAgent, qr_dqn_config.QrDqnConfig),
}
NOISY = {"noisy": True, "epsilon": None}


def make(name, noise_seed=0, **fields):
  agent, config = AGENTS[name]
  fields = {"hidden_layers": (), "gamma": 0.5} | fields
  return agent.make(
    config(**fields), TIME_STEP_SPEC, ACTION_SPEC, 0, noise_seed=noise_seed
  )


def step(step_type=MID, next_type=MID):
  """Action 0, from (1, 2) to (3, 1) with a reward of 1."""
  return experience(
    [[1, 2], [3, 1]], [0, 0], [1, 0], [1, 1],
    [step_type, next_type], [next_type, FIRST],
  )  # fmt: skip


@pytest.mark.parametrize("name", AGENTS)
def test_a_row_that_is_no_transition_has_no_loss_and_no_gradient(name):
  agent = make(name)
  with tf.GradientTape() as tape:
    found = agent.loss(step(LAST, FIRST))
  assert float(found.loss) == float(found.extra.td_error[0]) == 0.0
  for gradient in tape.gradient(found.loss, agent.network.trainable_variables):
    assert not np.any(gradient)
  assert float(agent.loss(step()).loss) > 0.0


@pytest.mark.parametrize("name", AGENTS)
def test_weights_multiply_each_transitions_loss(name):
  agent, one = make(name), step()
  two = tf.nest.map_structure(lambda x: tf.concat([x, x], 0), one)
  found, alone = (
    agent.loss(two, weights=tf.constant([3.0, 0.0])),
    agent.loss(one),
  )
  assert float(found.loss) == pytest.approx(1.5 * float(alone.loss))
  np.testing.assert_allclose(
    found.extra.td_loss, np.repeat(alone.extra.td_loss, 2), rtol=1e-6
  )


def test_weights_that_would_broadcast_are_rejected():
  with pytest.raises(ValueError, match="rank 1"):
    make("dqn").loss(step(), weights=tf.constant([[2.0]]))


@pytest.mark.parametrize(
  ("double", "td_error"),
  [
    # q = 0 + 3; the target network's q is 10 + 1 and 20 - 2 * 4: 1 + 12 / 2.
    (False, 7.0 - 3.0),
    # The online network's choice has noise of its own, and so a q of 0 + 2 and
    # 1 - 1: 1 + 11 / 2.
    (True, 6.5 - 3.0),
  ],
)
def test_each_evaluation_of_a_train_step_has_noise_of_its_own(double, td_error):
  agent = make("dqn", double=double, **NOISY)
  for network, bias, bias_sigma in (
    (agent.network, [0.0, 1.0], [1.0, 1.0]),
    (agent.target_network, [10.0, 20.0], [1.0, 2.0]),
  ):
    zeros = tf.zeros((2, 2))
    values = zeros, bias, zeros, bias_sigma
    for weight, value in zip(network.variables, values, strict=True):
      weight.assign(value)
  # Of two inputs and two actions, for q, the target and double's choice.
  drawn = iter([[9, 9, 3, -1], [9, 9, 1, -4], [9, 9, 2, -1]])
  agent._noise = lambda size: tf.constant([next(drawn)], tf.float32)
  found = agent.loss(step())
  assert float(found.extra.td_error[0]) == td_error
  assert len(list(drawn)) == (0 if double else 1)


@pytest.mark.parametrize("name", AGENTS)
def test_noise_is_of_its_seed_and_new_in_every_train_step(name):
  def losses(noise_seed, **fields):
    agent = make(name, noise_seed, double=True, **fields)
    return [float(agent.loss(step()).loss) for _ in range(3)]

  assert losses(1, **NOISY) == losses(1, **NOISY) != losses(2, **NOISY)
  assert len(set(losses(1, **NOISY))) == 3
  assert len({*losses(1), *losses(2)}) == 1  # without noise


@pytest.mark.parametrize("name", AGENTS)
def test_mu_and_sigma_of_both_heads_are_learned_and_greedy_has_no_noise(name):
  agent = make(name, hidden_layers=(4,), dueling=True, double=True, **NOISY)
  assert len(agent.network.variables) == 3 * 4
  before = [v.numpy() for v in agent.network.variables]
  for _ in range(3):
    agent.train(step())
  for variable, value in zip(agent.network.variables, before, strict=True):
    assert np.any(variable != value), variable.name
  observations = ts.restart(tf.random.normal((100, 2)), 100)
  actions = [agent.policy.action(observations).action for _ in range(3)]
  np.testing.assert_array_equal(actions[0], actions[1])
  np.testing.assert_array_equal(actions[0], actions[2])


@pytest.mark.parametrize("atoms", [(), (5,)])
@pytest.mark.parametrize("num_actions", [2, 18, 1_000])
def test_every_action_has_the_gradient_of_its_own(num_actions, atoms, compiled):
  shape = (3, num_actions, *atoms)
  values = tf.reshape(tf.range(float(np.prod(shape))), shape)
  taken = [0, num_actions - 1, 1]
  actions = tf.constant(taken, tf.int64)

  def chosen_and_gradient():
    with tf.GradientTape() as tape:
      tape.watch(values)
      chosen = q_agent.of_actions(values, actions)
    return chosen, tape.gradient(chosen, values)

  chosen, gradient = compiled(chosen_and_gradient)()
  expected = np.zeros(shape)
  expected[range(3), taken] = 1
  np.testing.assert_array_equal(chosen, values.numpy()[range(3), taken])
  np.testing.assert_array_equal(gradient, expected)
