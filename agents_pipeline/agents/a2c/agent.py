"""Advantage actor-critic: A3C (Mnih et al. 2016), synchronous.

Every environment does T steps with the same policy; then one update learns
from all T x B of them.
"""

from typing import ClassVar, NamedTuple

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.policies import greedy_policy, tf_policy
from tf_agents.trajectories import trajectory

from agents_pipeline.agents import optimizers
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.a2c import policy as a2c_policy
from agents_pipeline.agents.a2c import reward_normalization
from agents_pipeline.losses import advantages, policy_gradient
from agents_pipeline.networks import actor_critic_network
from agents_pipeline.ops import random_stream


class A2cExtra(NamedTuple):
  """What a train step tells beside its loss; every field is [] float32.

  Attributes:
    policy_loss: -E[log pi(a|s) A].
    value_loss: E[(R - V(s))^2].
    entropy: E[H(pi(.|s))], nats.
    mean_value: E[V(s)].
  """

  policy_loss: tf.Tensor
  value_loss: tf.Tensor
  entropy: tf.Tensor
  mean_value: tf.Tensor


class A2cAgent(tf_agent.TFAgent):
  """A2C as a TF-Agents agent.

  `train` takes a rollout: a `Transition` of [T, B, ...] whose
  `next_time_step` is what each step reached, with an episode's true last
  observation, and whose `time_step` is what was acted from, the next episode's
  first observation after an end. A `Trajectory` of [B, T + 1, ...], as
  TF-Agents' drivers and buffers give them, is turned into one. Runs inside XLA.
  """

  measure_names = (
    "loss",
    "policy_loss",
    "value_loss",
    "entropy",
    "mean_value",
  )
  measure_bounds: ClassVar[dict[str, float]] = {}

  def __init__(
    self,
    time_step_spec,
    action_spec,
    network: actor_critic_network.ActorCriticNetwork,
    optimizer: tf.keras.optimizers.Optimizer,
    rng: random_stream.RandomStream,
    *,
    gamma: float = 0.99,
    gae_lambda: float = 1.0,
    normalize_advantages: bool = False,
    value_coefficient: float = 0.5,
    entropy_coefficient: float = 0.0,
    reward_normalizer: reward_normalization.RewardNormalizer | None = None,
    train_step_counter: tf.Variable | None = None,
  ):
    """Creates the agent around a network that has its weights.

    Args:
      time_step_spec: of one environment.
      action_spec: of one environment.
      network: the policy and the value.
      optimizer: it clips gradients too.
      rng: the collect policy samples from it.
      gamma: discount per env step.
      gae_lambda: 1 gives n-step returns.
      normalize_advantages: to mean 0 and standard deviation 1 in a rollout.
      value_coefficient: of the squared value error.
      entropy_coefficient: of the entropy.
      reward_normalizer: scales rewards before they are learnt from.
      train_step_counter: counts updates.
    """
    self._network = network
    self._optimizer = optimizer
    self._gamma = gamma
    self._gae_lambda = gae_lambda
    self._normalize_advantages = normalize_advantages
    self._value_coefficient = value_coefficient
    self._entropy_coefficient = entropy_coefficient
    self._reward_normalizer = reward_normalizer
    super().__init__(
      time_step_spec,
      action_spec,
      make_greedy_policy(time_step_spec, action_spec, network),
      a2c_policy.CollectPolicy(time_step_spec, action_spec, network, rng),
      train_sequence_length=None,
      train_step_counter=train_step_counter,
    )

  @property
  def network(self) -> actor_critic_network.ActorCriticNetwork:
    """The network that learns."""
    return self._network

  def learning_rate(self) -> float:
    """Of the next update."""
    rate = self._optimizer._learning_rate
    is_schedule = isinstance(
      rate, tf.keras.optimizers.schedules.LearningRateSchedule
    )
    return float(rate(self._optimizer.iterations) if is_schedule else rate)

  def abandon_episodes(self) -> None:
    """Forgets the episodes under way, which will not be finished."""
    if self._reward_normalizer is not None:
      self._reward_normalizer.abandon_episodes()

  def measures(self, info: tf_agent.LossInfo) -> dict[str, tf.Tensor]:
    """What is logged of a train step, [] float32 each."""
    return {"loss": info.loss} | info.extra._asdict()

  def _train(self, experience, weights=None) -> tf_agent.LossInfo:
    rollout = as_rollout(experience)
    if self._reward_normalizer is not None:
      self._reward_normalizer.update(rollout)
    variables = self._network.trainable_variables
    with tf.GradientTape() as tape:
      info = self._loss(rollout, weights)
    gradients = tape.gradient(info.loss, variables)
    self._optimizer.apply_gradients(zip(gradients, variables, strict=True))
    self._network.update_normalization(
      _merged(rollout.time_step.observation), tf.reshape(_counts(rollout), [-1])
    )
    self.train_step_counter.assign_add(1)
    return info

  def _loss(
    self, experience, weights=None, training=False
  ) -> tf_agent.LossInfo:
    del training
    if weights is not None:
      raise ValueError("A2C weighs every step alike: expected weights=None")
    rollout = as_rollout(experience)
    if self._reward_normalizer is not None:
      rollout = self._reward_normalizer.normalized(rollout)
    counts = _counts(rollout)  # [T, B]
    parameters, value = self._evaluate(rollout.time_step.observation)
    policy = a2c_policy.distribution(parameters, self.action_spec)
    log_prob = policy.log_prob(
      a2c_policy.sampled_action(rollout.action_step)
    )  # [T, B]

    reached = rollout.next_time_step
    terminated = reached.is_last() & (reached.discount == 0.0)  # [T, B]
    truncated = reached.is_last() & ~terminated  # [T, B]
    old_value = tf.stop_gradient(value)  # [T, B]
    advantage = advantages.generalized_advantages(
      reached.reward,
      old_value,
      self._next_value(old_value, reached.observation, truncated),
      terminated,
      truncated,
      self._gamma,
      self._gae_lambda,
    )  # [T, B]
    target = advantage + old_value  # [T, B]
    if self._normalize_advantages:
      advantage = policy_gradient.normalized(advantage, counts)

    policy_loss = policy_gradient.policy_gradient_loss(
      log_prob, advantage, counts
    )
    value_loss = policy_gradient.value_error(value, target, counts)
    entropy = policy_gradient.mean_entropy(policy.entropy(), counts)
    loss = (
      policy_loss
      + self._value_coefficient * value_loss
      - self._entropy_coefficient * entropy
    )
    mean_value = policy_gradient.weighted_mean(value, counts)
    return tf_agent.LossInfo(
      loss, A2cExtra(policy_loss, value_loss, entropy, mean_value)
    )

  def _evaluate(self, observation):
    """The network for [T, B, ...] observations; its output has [T, B] too."""
    (parameters, value), _ = self._network(_merged(observation))
    split = lambda x: tf.reshape(x, [*observation.shape[:2], *x.shape[1:]])
    return tf.nest.map_structure(split, (parameters, value))

  def _next_value(self, value, reached, truncated) -> tf.Tensor:
    """V(s') [T, B] of what was reached.

    Within an episode that is V of what is acted from next, known already. Only
    the last and, if any, truncated observations are evaluated anew.
    """
    (_, last), _ = self._network(reached[-1])  # [B]
    following = tf.concat([value[1:], last[None]], axis=0)  # [T, B]
    next_value = tf.cond(
      tf.reduce_any(truncated[:-1]),
      lambda: tf.where(truncated, self._evaluate(reached)[1], following),
      lambda: following,
    )
    return tf.stop_gradient(next_value)


def as_rollout(
  experience: trajectory.Transition | trajectory.Trajectory,
) -> trajectory.Transition:
  """Turns a Trajectory [B, T + 1, ...] into a rollout [T, B, ...].

  The rows from an episode's last observation to the next one's first become
  steps that do not count. A rollout is returned as it is.
  """
  if isinstance(experience, trajectory.Transition):
    return experience
  rollout = trajectory.to_transition(experience)
  swap = lambda x: tf.transpose(x, [1, 0, *range(2, x.shape.rank)])
  return tf.nest.map_structure(swap, rollout)


def _counts(rollout: trajectory.Transition) -> tf.Tensor:
  """[T, B] float32: 0 for steps that only reset an environment, else 1."""
  return tf.cast(~rollout.time_step.is_last(), tf.float32)


def _merged(x: tf.Tensor) -> tf.Tensor:
  """[T, B, ...] -> [T * B, ...]."""
  return tf.reshape(x, [-1, *x.shape[2:]])


def make_actor_critic_network(
  agent: a2c_config.A2cConfig,
  observation_spec,
  action_spec,
  seed: int,
  num_frames: int = 1,
) -> actor_critic_network.ActorCriticNetwork:
  """Builds the network with its weights.

  Args:
    agent: its architecture.
    observation_spec: of one environment.
    action_spec: of one environment.
    seed: of the initial weights.
    num_frames: stacked in an observation.
  """
  tf.keras.utils.set_random_seed(seed)
  network = actor_critic_network.ActorCriticNetwork(
    observation_spec,
    action_spec,
    conv_layers=tuple(agent.conv_layers),
    hidden_layers=tuple(agent.hidden_layers),
    activation=agent.activation,
    shared_torso=agent.shared_torso,
    hidden_gain=agent.hidden_gain,
    policy_gain=agent.policy_gain,
    value_gain=agent.value_gain,
    initial_log_std=agent.initial_log_std,
    normalize_observations=agent.normalize_observations,
    num_frames=num_frames,
  )
  network.create_variables()
  return network


def make_a2c_agent(
  agent: a2c_config.A2cConfig,
  time_step_spec,
  action_spec,
  num_envs: int,
  seed: int,
  rng: random_stream.RandomStream,
  num_frames: int = 1,
) -> A2cAgent:
  """Builds the agent, ready to be compiled.

  Args:
    agent: hyper-parameters.
    time_step_spec: of one environment.
    action_spec: of one environment.
    num_envs: B of the rollouts.
    seed: of the initial weights.
    rng: the collect policy samples from it.
    num_frames: stacked in an observation.
  """
  network = make_actor_critic_network(
    agent, time_step_spec.observation, action_spec, seed, num_frames
  )
  a2c = A2cAgent(
    time_step_spec,
    action_spec,
    network,
    optimizers.make_optimizer(agent, network.trainable_variables),
    rng,
    gamma=agent.gamma,
    gae_lambda=agent.gae_lambda,
    normalize_advantages=agent.normalize_advantages,
    value_coefficient=agent.value_coefficient,
    entropy_coefficient=agent.entropy_coefficient,
    reward_normalizer=reward_normalization.RewardNormalizer(
      num_envs, agent.gamma
    )
    if agent.normalize_rewards
    else None,
    train_step_counter=tf.Variable(0, dtype=tf.int64, name="train_steps"),
  )
  a2c.initialize()
  return a2c


def make_greedy_policy(
  time_step_spec,
  action_spec,
  network: actor_critic_network.ActorCriticNetwork,
) -> tf_policy.TFPolicy:
  """The policy that takes the most likely action."""
  return greedy_policy.GreedyPolicy(
    a2c_policy.ActorCriticPolicy(time_step_spec, action_spec, network)
  )


def served_outputs(
  action_spec,
  network: actor_critic_network.ActorCriticNetwork,
  observation: tf.Tensor,
) -> dict[str, tf.Tensor]:
  """What the exported policy returns for observations [B, ...].

  Returns:
    action [B, ...], the policy's parameters, and value [B].
  """
  (parameters, value), _ = network(observation)
  action = a2c_policy.mode(parameters, action_spec)
  return {"action": action, "value": value} | parameters
