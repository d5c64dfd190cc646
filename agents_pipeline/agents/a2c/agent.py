"""Advantage actor-critic: A3C (Mnih et al. 2016), synchronous.

Every environment does T steps with the same policy; then one update trains on
all T x B of them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.policies import greedy_policy, tf_policy
from tf_agents.trajectories import trajectory

from agents_pipeline.agents import optimizers
from agents_pipeline.agents.a2c import bootstrapping, reward_normalization
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.a2c import network as a2c_network
from agents_pipeline.agents.a2c import policy as a2c_policy
from agents_pipeline.losses import advantages, policy_gradient
from agents_pipeline.ops import random_stream
from agents_pipeline.training import compilation


class A2cExtra(NamedTuple):
  """What a train step reports beside its loss; every field is [] float32.

  Attributes:
    policy_loss: the policy loss, -E[log pi(a|s) A].
    value_loss: the value loss, E[(R - V(s))^2].
    entropy: the mean entropy of the policy, E[H(pi(.|s))], in nats.
    mean_value: the mean value, E[V(s)].
  """

  policy_loss: tf.Tensor
  value_loss: tf.Tensor
  entropy: tf.Tensor
  mean_value: tf.Tensor


class A2cAgent(tf_agent.TFAgent):
  """A2C as a TF-Agents agent.

  It trains on rollouts: a `Transition` of [T, B, ...]. `time_step` is what was
  acted on: after an episode's end, the first observation of the next.
  `next_time_step` is what the step led to, with an episode's true last
  observation. Runs inside XLA.

  Attributes:
    measures: see `interfaces.Agent`.
    measure_bounds: see `interfaces.Agent`.
  """

  def __init__(
    self,
    config: a2c_config.A2cConfig,
    time_step_spec,
    action_spec,
    network: a2c_network.ActorCriticNetwork,
    num_envs: int,
    rng: random_stream.RandomStream,
  ):
    """Creates the agent around a network that has its weights.

    Args:
      config: hyperparameters.
      time_step_spec: the time step spec of one environment.
      action_spec: the action spec of one environment.
      network: the network of the policy and the value.
      num_envs: the number of environments in a rollout, B.
      rng: the random stream that the collect policy samples from.
    """
    self._config = config
    self._network = network
    self._optimizer = config.optimizer.make(
      network.trainable_variables,
      config.gradient_clip_value,
      config.gradient_clip_global_norm,
    )
    self._reward_normalizer = None
    if config.normalize_rewards:
      self._reward_normalizer = reward_normalization.RewardNormalizer(
        num_envs, config.gamma
      )
    self.measures: dict[str, Callable[[tf_agent.LossInfo], tf.Tensor]] = {
      "loss": lambda info: info.loss,
      "policy_loss": lambda info: info.extra.policy_loss,
      "value_loss": lambda info: info.extra.value_loss,
      "entropy": lambda info: info.extra.entropy,
      "mean_value": lambda info: info.extra.mean_value,
    }
    self.measure_bounds: dict[str, float] = {}
    super().__init__(
      time_step_spec,
      action_spec,
      make_greedy_policy(time_step_spec, action_spec, network),
      a2c_policy.CollectPolicy(time_step_spec, action_spec, network, rng),
      train_sequence_length=None,
      train_step_counter=tf.Variable(0, dtype=tf.int64, name="train_steps"),
    )

  @property
  def network(self) -> a2c_network.ActorCriticNetwork:
    """The network that learns."""
    return self._network

  @property
  def optimizer(self) -> tf.keras.optimizers.Optimizer:
    """What turns gradients into updates."""
    return self._optimizer

  def learning_rate(self) -> float:
    """Learning rate of the next update."""
    return optimizers.current_learning_rate(self._optimizer)

  def abandon_episodes(self) -> None:
    """Forgets the episodes under way, which will not be continued."""
    if self._reward_normalizer is not None:
      self._reward_normalizer.abandon_episodes()

  def _train(self, experience, weights=None) -> tf_agent.LossInfo:
    gradients, info = self.gradients(experience, weights)
    self.update(gradients)
    self._network.update_normalization(
      tf.nest.map_structure(_merged, experience.time_step.observation),
      tf.reshape(self.mask(experience), [-1]),
    )
    return info

  def gradients(
    self, experience: trajectory.Transition, weights: tf.Tensor | None = None
  ) -> tuple[list[tf.Tensor | None], tf_agent.LossInfo]:
    """The first half of a train step: the gradients of the loss.

    Takes the rollout's rewards into the statistics of `normalize_rewards`.

    Args:
      experience: a rollout [T, B, ...].
      weights: must be None.

    Returns:
      A gradient for each trainable variable of the network, neither clipped nor
      applied, None where the loss does not depend on the variable; and the info
      of the train step.
    """
    if self._reward_normalizer is not None:
      self._reward_normalizer.update(experience)
    variables = self._network.trainable_variables
    with tf.GradientTape() as tape:
      info = self._loss(experience, weights)
    return tape.gradient(info.loss, variables), info

  @staticmethod
  def mask(rollout: trajectory.Transition) -> tf.Tensor:
    """[T, B] float32: 0 for steps that only reset an environment, else 1.

    The loss and the reported measures are means over the steps of mask 1.
    """
    return tf.cast(~rollout.time_step.is_last(), tf.float32)

  def update(self, gradients: Sequence[tf.Tensor]) -> None:
    """The second half: clips gradients, applies them, counts a train step."""
    variables = self._network.trainable_variables
    self._optimizer.apply_gradients(zip(gradients, variables, strict=True))
    self.train_step_counter.assign_add(1)

  def _loss(
    self,
    experience: trajectory.Transition,
    weights: tf.Tensor | None = None,
    training: bool = False,
  ) -> tf_agent.LossInfo:
    """Mnih et al. (2016), algorithm S3, with GAE (Schulman et al. 2016).

    Args:
      experience: a rollout [T, B, ...].
      weights: must be None.
      training: unused; no layer depends on it.

    Raises:
      ValueError: weights are given.
    """
    if weights is not None:
      raise ValueError("A2cAgent does not support weights: expected None")
    config, rollout = self._config, experience
    if self._reward_normalizer is not None:
      rollout = self._reward_normalizer.normalized(rollout)
    mask = self.mask(rollout)  # [T, B]
    parameters, value = self._evaluate(rollout.time_step.observation)
    policy = a2c_policy.distribution(parameters, self.action_spec)
    log_prob = a2c_policy.log_prob(
      parameters,
      a2c_policy.sampled_action(rollout.action_step),
      self.action_spec,
    )  # [T, B]

    s_t = rollout.next_time_step
    terminated = s_t.is_last() & (s_t.discount == 0.0)  # [T, B]
    truncated = s_t.is_last() & ~terminated  # [T, B]
    old_value = tf.stop_gradient(value)  # [T, B]
    next_value = bootstrapping.next_values(
      self._evaluate, old_value, s_t.observation, truncated
    )  # [T, B]
    advantage = advantages.generalized_advantages(
      s_t.reward,
      old_value,
      next_value,
      terminated,
      truncated,
      config.gamma,
      config.gae_lambda,
      unroll=compilation.unrolls(value.shape[0]),
    )  # [T, B]
    target = advantage + old_value  # [T, B]
    if config.normalize_advantages:
      advantage = policy_gradient.normalized(advantage, mask)

    policy_loss = policy_gradient.policy_gradient_loss(
      log_prob, advantage, mask
    )
    value_loss = policy_gradient.value_error(value, target, mask)
    entropy = policy_gradient.mean_entropy(policy.entropy(), mask)
    loss = (
      policy_loss
      + config.value_coefficient * value_loss
      - config.entropy_coefficient * entropy
    )
    mean_value = policy_gradient.masked_mean(value, mask)
    return tf_agent.LossInfo(
      loss, A2cExtra(policy_loss, value_loss, entropy, mean_value)
    )

  def _evaluate(self, observation):
    """The network for [T, B, ...] observations; its output has [T, B] too."""
    (parameters, value), _ = self._network(
      tf.nest.map_structure(_merged, observation)
    )
    leading = tf.nest.flatten(observation)[0].shape[:2]  # [T, B]
    split = lambda x: tf.reshape(x, [*leading, *x.shape[1:]])
    return tf.nest.map_structure(split, (parameters, value))


def _merged(x: tf.Tensor) -> tf.Tensor:
  """[T, B, ...] -> [T * B, ...]."""
  return tf.reshape(x, [-1, *x.shape[2:]])


def make_a2c_agent(
  config: a2c_config.A2cConfig,
  time_step_spec,
  action_spec,
  num_envs: int,
  seed: int,
  rng: random_stream.RandomStream,
  num_frames: int = 1,
  keys: Mapping[str, str] | None = None,
) -> A2cAgent:
  """Makes the agent, initialized and ready to be compiled.

  Args:
    config: hyperparameters.
    time_step_spec: the time step spec of one environment.
    action_spec: the action spec of one environment.
    num_envs: the number of environments in a rollout, B.
    seed: the seed of the initial weights.
    rng: the random stream that the collect policy samples from.
    num_frames: the number of frames stacked in an observation.
    keys: see `ObservationEncoder.keys`.
  """
  network = a2c_network.make_actor_critic_network(
    config, time_step_spec.observation, action_spec, seed, num_frames, keys
  )
  agent = A2cAgent(config, time_step_spec, action_spec, network, num_envs, rng)
  agent.initialize()
  return agent


def make_greedy_policy(
  time_step_spec, action_spec, network: a2c_network.ActorCriticNetwork
) -> tf_policy.TFPolicy:
  """The policy that takes the most likely action."""
  return greedy_policy.GreedyPolicy(
    a2c_policy.ActorCriticPolicy(time_step_spec, action_spec, network)
  )


def served_outputs(
  action_spec,
  network: a2c_network.ActorCriticNetwork,
  observation: tf.Tensor,
) -> dict[str, tf.Tensor]:
  """What the exported policy returns for observations [B, ...].

  Returns:
    action [B, ...], the policy's parameters (a Gaussian's in the units of the
    actions), and value [B].
  """
  (parameters, value), _ = network(observation)
  action = a2c_policy.mode(parameters, action_spec)
  return {"action": action, "value": value} | (
    a2c_policy.in_units_of_actions(parameters, action_spec)
  )
