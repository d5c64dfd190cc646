"""Actions that are not allowed, in every place that chooses one."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.a2c import network as a2c_network
from agents_pipeline.agents.a2c import policy as a2c_policy
from agents_pipeline.agents.dqn import agent as dqn_agent
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import exploration
from agents_pipeline.networks import encoding
from agents_pipeline.ops import random_stream

SPEC = {
  "observation": tensor_spec.BoundedTensorSpec((3,), tf.float32, -10, 10),
  "action_mask": tensor_spec.BoundedTensorSpec((3,), tf.int8, 0, 1),
}
ACTIONS = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 2)
TIME_STEP = ts.time_step_spec(SPEC)


def observe(values, masks):
  return {
    "observation": tf.constant(values, tf.float32),
    "action_mask": tf.constant(masks, tf.int8),
  }


def make_dqn(double=False):
  """An agent whose q-values are its observation, its target's twice that."""
  config = dqn_config.DqnConfig(hidden_layers=(), double=double, loss="squared")
  agent = dqn_agent.DqnAgent.make(config, TIME_STEP, ACTIONS, seed=0)
  for network, factor in ((agent.network, 1.0), (agent.target_network, 2.0)):
    kernel, bias = network.trainable_variables
    kernel.assign(factor * np.eye(3))
    bias.assign(np.zeros(3))
  return agent


def test_the_greedy_choice_is_among_the_allowed():
  agent = make_dqn()
  observation = observe([[3, 1, 2], [3, 1, 2], [-1, -2, -3]],
                        [[0, 1, 1], [0, 1, 0], [0, 0, 1]])  # fmt: skip
  action = agent.policy.action(ts.restart(observation, 3)).action
  assert action.numpy().tolist() == [2, 1, 2]


@pytest.mark.parametrize(
  ("double", "mask", "bootstrapped"),
  [
    (False, [1, 1, 1], 2 * 5),
    (False, [0, 1, 1], 2 * 3),  # 5 is not allowed next
    (False, [0, 1, 0], 2 * 1),
    (True, [0, 1, 1], 2 * 3),
  ],
)
def test_the_target_is_of_what_is_allowed_next(double, mask, bootstrapped):
  """target = 1 + 0.99 * max over the allowed; q of action 1 is 2."""
  agent = make_dqn(double)
  transition = trajectory.Transition(
    ts.restart(observe([[0, 2, 0]], [[1, 1, 0]]), 1),
    policy_step.PolicyStep(tf.constant([1], tf.int64)),
    ts.transition(observe([[5, 1, 3]], [mask]), tf.ones((1,))),
  )
  error = agent._loss(transition).extra.td_error  # [1]
  assert float(error[0]) == pytest.approx(1 + 0.99 * bootstrapped - 2)


@pytest.mark.parametrize("mask", [[0, 0, 0], [1, 0, 0]])
def test_at_the_end_of_an_episode_a_mask_changes_nothing(mask):
  agent = make_dqn()
  last = ts.termination(observe([[5, 1, 3]], [mask]), tf.ones((1,)))
  transition = trajectory.Transition(
    ts.restart(observe([[0, 2, 0]], [[1, 1, 0]]), 1),
    policy_step.PolicyStep(tf.constant([1], tf.int64)),
    last,
  )
  assert float(agent._loss(transition).extra.td_error[0]) == 1 - 2


def test_a_last_row_whose_action_is_forbidden_says_nothing():
  """An episode's last observation is stored with action 0, which none took."""
  agent = make_dqn()
  rows = trajectory.Transition(
    ts.termination(observe([[5, 1, 3]], [[0, 1, 1]]), tf.zeros((1,))),
    policy_step.PolicyStep(tf.constant([0], tf.int64)),
    ts.restart(observe([[0, 2, 0]], [[1, 1, 0]]), 1),
  )
  with tf.GradientTape() as tape:
    info = agent._loss(rows)
  assert float(info.loss) == float(agent.measures["mean_q"](info)) == 0
  for gradient in tape.gradient(info.loss, agent.network.trainable_variables):
    assert not np.any(gradient)


def test_exploration_is_uniform_over_the_allowed(compiled):
  """100,000 random actions: none forbidden, each allowed one as often."""
  agent, num_envs = make_dqn(), 1_000
  policy = exploration.EpsilonGreedyPolicy(
    agent.policy, lambda: tf.constant(1.0), random_stream.RandomStream(0)
  )
  masks = np.tile([[1, 0, 1], [0, 1, 0]], (num_envs // 2, 1))
  time_step = ts.restart(observe(np.zeros((num_envs, 3)), masks), num_envs)
  act = compiled(lambda: policy.action(time_step).action)
  counts = np.zeros((2, 3), int)
  for _ in range(100):
    action = act().numpy()
    for kind in range(2):
      counts[kind] += np.bincount(action[kind::2], minlength=3)
  assert counts[0, 1] == counts[1, 0] == counts[1, 2] == 0
  assert counts[1, 1] == 50_000
  # Binomial, standard deviation 112.
  assert abs(counts[0, 0] - 25_000) < 600


def test_a_policy_gives_what_is_forbidden_no_probability():
  """Logits 0 of three actions, one forbidden: 1/2 each, entropy ln 2."""
  config = a2c_config.A2cConfig(hidden_layers=(4,), policy_gain=1e-9)
  network = a2c_network.make_actor_critic_network(config, SPEC, ACTIONS, seed=0)
  observation = observe([[1, 2, 3]], [[1, 0, 1]])
  (parameters, _), _ = network(observation)
  made = a2c_policy.distribution(parameters, ACTIONS)
  assert made.probs_parameter().numpy()[0] == pytest.approx([0.5, 0, 0.5])
  assert float(made.entropy()[0]) == pytest.approx(np.log(2))
  log_prob = a2c_policy.log_prob(
    parameters, tf.constant([2], tf.int64), ACTIONS
  )
  assert float(log_prob[0]) == pytest.approx(-np.log(2))
  many = {"logits": tf.repeat(parameters["logits"], 100_000, axis=0)}
  drawn = a2c_policy.sample(many, random_stream.RandomStream(0)).numpy()
  assert sorted(set(drawn.tolist())) == [0, 2]


def test_the_mask_is_no_input():
  agent = make_dqn()
  assert [tuple(v.shape) for v in agent.network.variables] == [(3, 3), (3,)]
  assert encoding.allowed_actions(tf.zeros((1, 3))) is None
  assert encoding.allowed_actions({"observation": tf.zeros((1, 3))}) is None
