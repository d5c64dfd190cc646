"""The A2C agent: its update beside PPO's, episode ends, normalization."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from tf_agents.agents import tf_agent
from tf_agents.drivers import dynamic_step_driver
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from agents_pipeline.agents import learning_rates, optimizers
from agents_pipeline.agents.a2c import agent as a2c_agent
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.environments.tensor import cart_pole
from agents_pipeline.ops import random_stream

T, B = 5, 3
TIME_STEP_SPEC = ts.time_step_spec(
  tensor_spec.BoundedTensorSpec((2,), tf.float32, -9, 9)
)
DISCRETE = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 2)
SEVERAL = tensor_spec.BoundedTensorSpec((2,), tf.int64, 0, np.array([2, 1]))
BOX = tensor_spec.BoundedTensorSpec((2,), tf.float32, -1.0, 1.0)
RMS_PROP = optimizers.RmsProp(
  7e-4, decay=0.99, epsilon=1e-5, initial_accumulator=1.0
)


def make(action_spec=DISCRETE, seed=1, **fields):
  fields = {
    "hidden_layers": (8,),
    "optimizer": RMS_PROP,
    "policy_gain": 1.0,  # so that policies differ between states
  } | fields
  return a2c_agent.make_a2c_agent(
    a2c_config.A2cConfig(**fields),
    TIME_STEP_SPEC,
    action_spec,
    num_envs=B,
    seed=seed,
    rng=random_stream.RandomStream(3),
  )


def rollout(agent, seed=0):
  """Random transitions [T, B], some terminated, truncated, or both."""
  rng = np.random.default_rng(seed)
  terminated = np.zeros((T, B), bool)
  truncated = np.zeros((T, B), bool)
  terminated[1, 0] = truncated[2, 1] = truncated[4, 2] = True
  terminated[3, 1] = truncated[3, 1] = True
  ended = terminated | truncated
  reached = rng.normal(size=(T, B, 2)).astype(np.float32)
  begun = rng.normal(size=(T, B, 2)).astype(np.float32)
  acted_from = np.concatenate(
    [begun[:1], np.where(ended, 1, 0)[..., None][:-1] * begun[1:]
     + np.where(ended, 0, 1)[..., None][:-1] * reached[:-1]]
  ).astype(np.float32)  # fmt: skip
  first = np.concatenate([np.ones((1, B), bool), ended[:-1]])
  time_step = ts.TimeStep(
    tf.constant(np.where(first, 0, 1), tf.int32),
    tf.zeros((T, B)), tf.ones((T, B)), tf.constant(acted_from),
  )  # fmt: skip
  flat = ts.TimeStep(*(tf.reshape(x, [T * B, *x.shape[2:]]) for x in time_step))
  action = agent.collect_policy.action(flat)
  action = tf.nest.map_structure(
    lambda x: tf.reshape(x, [T, B, *x.shape[1:]]), action
  )
  next_time_step = ts.TimeStep(
    tf.constant(np.where(ended, 2, 1), tf.int32),
    tf.constant(rng.normal(size=(T, B)), tf.float32),
    tf.constant(~terminated, tf.float32),
    tf.constant(reached),
  )
  return trajectory.Transition(time_step, action, next_time_step)


def values(agent, observation):
  (_, value), _ = agent.network(tf.reshape(observation, [-1, 2]))
  return value.numpy().reshape(T, B)


def targets(agent, experience, gamma):
  """n-step returns by their definition: a loop for every step."""
  ahead = values(agent, experience.next_time_step.observation)
  reached = tf.nest.map_structure(lambda x: x.numpy(), experience)
  reached = reached.next_time_step
  found = np.zeros((T, B))
  for t in range(T):
    for b in range(B):
      for k in range(t, T):
        found[t, b] += gamma ** (k - t) * reached.reward[k, b]
        last = reached.step_type[k, b] == 2
        if last or k == T - 1:
          terminated = last and reached.discount[k, b] == 0
          power = gamma ** (k - t + 1)
          found[t, b] += 0.0 if terminated else power * ahead[k, b]
          break
  return found.astype(np.float32)


def ppo_update(
  agent, experience, gamma, value_coefficient, entropy_coefficient
):
  """Schulman et al. (2017), one epoch, one minibatch, written out.

  Returns the loss, and the weights after one step of RMSprop (decay 0.99,
  epsilon 1e-5 in the root, from 1) of gradients clipped to norm 0.5.
  """
  target = targets(agent, experience, gamma)
  advantage = target - values(agent, experience.time_step.observation)
  action = tf.reshape(experience.action_step.action, [-1])
  network = agent.network
  observation = tf.reshape(experience.time_step.observation, [-1, 2])
  old, _ = network(observation)
  log = lambda logits: tf.gather(
    tf.nn.log_softmax(logits), action, batch_dims=1
  )
  old_log_prob = tf.stop_gradient(log(old[0]["logits"]))
  advantage, target = advantage.reshape(-1), target.reshape(-1)
  with tf.GradientTape() as tape:
    (parameters, value), _ = network(observation)
    logits = parameters["logits"]
    ratio = tf.exp(log(logits) - old_log_prob)
    surrogate = tf.minimum(
      ratio * advantage, tf.clip_by_value(ratio, 0.8, 1.2) * advantage
    )
    entropy = -tf.reduce_sum(
      tf.nn.softmax(logits) * tf.nn.log_softmax(logits), axis=1
    )
    loss = (
      -tf.reduce_mean(surrogate)
      + value_coefficient * tf.reduce_mean((value - target) ** 2)
      - entropy_coefficient * tf.reduce_mean(entropy)
    )
  gradients = tape.gradient(loss, network.trainable_variables)
  norm = np.sqrt(sum(float(tf.reduce_sum(g**2)) for g in gradients))
  scale = min(1.0, 0.5 / norm)
  return norm, [
    v.numpy()
    - 7e-4 * g * scale / np.sqrt(0.99 + 0.01 * (g * scale) ** 2 + 1e-5)
    for v, g in zip(network.trainable_variables, gradients, strict=True)
  ]


@pytest.mark.parametrize("shared_torso", [False, True])
def test_one_update_is_one_of_ppo(compiled, shared_torso):
  """arXiv 2205.09123: A2C is a special case of PPO."""
  agent = make(shared_torso=shared_torso, entropy_coefficient=0.01, gamma=0.9)
  experience = rollout(agent)
  norm, expected = ppo_update(agent, experience, 0.9, 0.5, 0.01)
  assert norm > 0.5  # clipping is part of what is compared
  before = [v.numpy() for v in agent.network.trainable_variables]
  compiled(agent.train)(experience)
  assert int(agent.train_step_counter) == 1
  for now, theirs, old in zip(
    agent.network.trainable_variables, expected, before, strict=True
  ):
    np.testing.assert_allclose(now, theirs, atol=1e-7)
    # An update of 7e-4 at most: it is the difference that must agree.
    scale = np.abs(theirs - old).max()
    np.testing.assert_allclose(
      (now - old) / scale, (theirs - old) / scale, atol=3e-3
    )


@pytest.mark.parametrize("action_spec", [DISCRETE, SEVERAL, BOX])
def test_eager_equals_graph_equals_xla(all_ways, action_spec):
  found = {}
  for name, way in all_ways.items():
    agent = make(
      action_spec,
      normalize_advantages=True,
      gae_lambda=0.9,
      normalize_observations=True,
      normalize_rewards=True,
    )
    experience = rollout(agent)
    train = way(agent.train)
    losses = [train(experience).loss.numpy() for _ in range(3)]
    found[name] = losses + [v.numpy() for v in agent.network.variables]
  for name in ("graph", "xla"):
    for one, other in zip(found["eager"], found[name], strict=True):
      np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_the_loss_has_its_terms_and_coefficients():
  agent = make(value_coefficient=0.25, entropy_coefficient=0.125)
  info = agent.loss(rollout(agent))
  extra = info.extra
  assert float(info.loss) == pytest.approx(
    float(extra.policy_loss + 0.25 * extra.value_loss - 0.125 * extra.entropy)
  )
  assert list(agent.measures) == [
    "loss", "policy_loss", "value_loss", "entropy", "mean_value"
  ]  # fmt: skip
  assert 0 < float(extra.entropy) < np.log(3)


def with_a_reset_row(plain):
  """Ends every episode, and adds the steps that only reset."""
  boundary = lambda x, value: tf.concat(
    [x, tf.cast(tf.fill([1, *x.shape[1:]], value), x.dtype)], axis=0
  )
  time_step, reached = plain.time_step, plain.next_time_step
  ended = plain._replace(
    next_time_step=reached._replace(
      step_type=tf.concat([reached.step_type[:-1], tf.fill([1, B], 2)], axis=0)
    )
  )
  reached = ended.next_time_step
  longer = trajectory.Transition(
    ts.TimeStep(
      boundary(time_step.step_type, 2), boundary(time_step.reward, 0.0),
      boundary(time_step.discount, 1.0),
      tf.concat([time_step.observation, reached.observation[-1:]], axis=0),
    ),
    ended.action_step._replace(action=boundary(ended.action_step.action, 1)),
    ts.TimeStep(
      boundary(reached.step_type, 0), boundary(reached.reward, 1e6),
      boundary(reached.discount, 1.0), boundary(reached.observation, 9.0),
    ),
  )  # fmt: skip
  return ended, longer


def test_steps_that_only_reset_are_not_learned_from():
  """Two updates, everything that is normalized being so."""
  found = []
  for which in (0, 1):
    agent = make(
      gamma=0.9,
      gae_lambda=0.8,
      normalize_advantages=True,
      normalize_observations=True,
      normalize_rewards=True,
    )
    experience = with_a_reset_row(rollout(agent))[which]
    infos = [agent.train(experience) for _ in range(2)]
    found.append((
      infos, [v.numpy() for v in agent.network.variables],
      agent._reward_normalizer._return.numpy(),
    ))  # fmt: skip
  tf.nest.map_structure(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), *found
  )


@pytest.mark.parametrize("gae_lambda", [0.0, 0.7])
def test_the_agents_lambda_is_that_of_its_advantages(gae_lambda):
  """Schulman et al. (2016), equation 16, as a sum for every step."""
  agent = make(gamma=0.9, gae_lambda=gae_lambda)
  experience = rollout(agent)
  reached = tf.nest.map_structure(
    lambda x: x.numpy(), experience.next_time_step
  )
  value = values(agent, experience.time_step.observation)
  ahead = values(agent, reached.observation)
  ended = reached.step_type == 2
  delta = reached.reward + 0.9 * np.where(
    ended & (reached.discount == 0), 0.0, ahead
  ) - value  # fmt: skip
  advantage = np.zeros((T, B))
  for t in range(T):
    for b in range(B):
      for k in range(t, T):
        advantage[t, b] += (0.9 * gae_lambda) ** (k - t) * delta[k, b]
        if ended[k, b]:
          break
  # The value error is the mean square of the advantages themselves.
  assert float(agent.loss(experience).extra.value_loss) == pytest.approx(
    np.mean(advantage**2), rel=1e-4
  )


def test_a_trajectory_of_tf_agents_own_driver_can_be_trained_on():
  """Their driver, their environment convention, their order [B, T]."""
  environment = cart_pole.CartPole(20, B, random_stream.RandomStream(0))
  config = a2c_config.A2cConfig(hidden_layers=(8,), optimizer=RMS_PROP)
  agent = a2c_agent.make_a2c_agent(
    config, environment.time_step_spec(), environment.action_spec(), B, 1,
    random_stream.RandomStream(1),
  )  # fmt: skip
  assert isinstance(agent, tf_agent.TFAgent)
  rows = []
  driver = dynamic_step_driver.DynamicStepDriver(
    environment, agent.collect_policy, [rows.append], num_steps=1
  )
  tf.config.run_functions_eagerly(True)
  try:
    environment.reset()
    for _ in range(30):
      driver.run()
  finally:
    tf.config.run_functions_eagerly(False)
  experience = tf.nest.map_structure(lambda *x: tf.stack(x, axis=1), *rows)
  assert experience.reward.shape == (B, 30)
  boundaries = int(tf.reduce_sum(tf.cast(experience.is_boundary(), tf.int32)))
  assert boundaries > 2
  swap = lambda x: tf.transpose(x, [1, 0, *range(2, x.shape.rank)])
  converted = tf.nest.map_structure(swap, trajectory.to_transition(experience))
  assert converted.next_time_step.reward.shape == (29, B)
  counts = tf.cast(~converted.time_step.is_last(), tf.float32)
  assert float(tf.reduce_mean(counts)) < 1
  info = agent.train(converted)
  assert np.isfinite(float(info.loss))
  # CartPole's rewards are 1; those that the reset rows hold are 0.
  rewards = converted.next_time_step.reward.numpy()
  assert set(rewards[counts.numpy() == 1]) == {1.0}


def test_advantages_are_normalized_before_the_policy_learns():
  one = make(normalize_advantages=True)
  experience = rollout(one)
  reached = experience.next_time_step
  scaled = experience._replace(
    next_time_step=reached._replace(
      reward=reached.reward * 2000, discount=tf.zeros((T, B)),
      step_type=tf.fill((T, B), 2),
    )
  )  # fmt: skip
  assert abs(float(one.loss(scaled).extra.policy_loss)) < 3
  assert abs(float(make().loss(scaled).extra.policy_loss)) > 30


def test_observations_are_normalized_by_what_was_seen():
  agent = make(normalize_observations=True)
  experience = rollout(agent)
  seen = experience.time_step.observation
  agent.train(experience)
  named = {
    v.name.split("/")[-1].split(":")[0]: v.numpy()
    for v in agent.network.variables
  }
  flat = seen.numpy().reshape(-1, 2)
  np.testing.assert_allclose(named["mean"], flat.mean(axis=0), atol=1e-6)
  np.testing.assert_allclose(named["variance"], flat.var(axis=0), rtol=1e-5)
  assert named["count"] == T * B
  names = [v.name for v in agent.network.trainable_variables]
  assert not any("variance" in name for name in names)


def test_rewards_are_normalized_by_what_was_learned_from():
  agent, plain = make(normalize_rewards=True), make()
  experience = rollout(agent)
  agent.train(experience)
  for ours, theirs in zip(
    plain.network.variables, agent.network.variables, strict=True
  ):
    ours.assign(theirs)
  normalizer = agent._reward_normalizer
  found, expected, without = (
    float(one.loss(rewarded).loss)
    for one, rewarded in (
      (agent, experience),
      (plain, normalizer.normalized(experience)),
      (plain, experience),
    )
  )
  assert found == pytest.approx(expected)
  assert abs(found - without) > 1e-3
  agent.abandon_episodes()
  assert not normalizer._return.numpy().any()


def test_box_actions_are_clipped_and_learned_from_as_sampled():
  agent = make(BOX, initial_log_std=1.0)
  experience = rollout(agent)
  action, info = experience.action_step.action, experience.action_step.info
  sampled = info["sampled_action"].numpy()
  assert np.abs(action).max() <= 1.0 < np.abs(sampled).max()
  np.testing.assert_array_equal(action, np.clip(sampled, -1, 1))
  (parameters, _), _ = agent.network(
    tf.reshape(experience.time_step.observation, [-1, 2])
  )
  log_prob = tf.reduce_sum(
    tfp.distributions.Normal(
      parameters["mean"], parameters["stddev"]
    ).log_prob(sampled.reshape(-1, 2)), axis=1,
  )  # fmt: skip
  target = targets(agent, experience, 0.99)
  advantage = target - values(agent, experience.time_step.observation)
  assert float(agent.loss(experience).extra.policy_loss) == pytest.approx(
    -np.mean(log_prob * advantage.reshape(-1)), rel=1e-4
  )


def test_the_greedy_policy_takes_the_mode():
  for action_spec in (DISCRETE, SEVERAL, BOX):
    agent = make(action_spec)
    observation = tf.random.normal((6, 2), seed=0)
    (parameters, _), _ = agent.network(observation)
    action = agent.policy.action(ts.restart(observation, 6)).action
    if action_spec is BOX:
      expected = np.clip(parameters["mean"], -1, 1)
    else:
      expected = np.argmax(parameters["logits"], axis=-1)
    np.testing.assert_allclose(action, expected, rtol=1e-6)


def test_the_learning_rate_is_logged():
  rate = learning_rates.LinearLearningRate(0.4, 0.0, num_train_steps=4)
  agent = make(optimizer=optimizers.Adam(rate))
  assert agent.learning_rate() == pytest.approx(0.4)
  agent.train(rollout(agent))
  assert agent.learning_rate() == pytest.approx(0.3)
  assert make().learning_rate() == pytest.approx(7e-4)
