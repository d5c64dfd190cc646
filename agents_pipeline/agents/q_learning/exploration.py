"""Exploration: epsilon-greedy actions, or the noise of a noisy network."""

from collections.abc import Callable

import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.trajectories import policy_step

from agents_pipeline.agents.q_learning import config as q_config
from agents_pipeline.agents.q_learning import network as q_network
from agents_pipeline.networks import encoding, noisy
from agents_pipeline.ops import random_stream


def epsilon_of(
  config: q_config.QLearningConfig,
  env_steps: tf.Tensor,
  num_episodes: tf.Tensor,
) -> tf.Tensor:
  """The probability of a random action: 1 at first, then as scheduled.

  Args:
    config: the configuration, with `num_random_env_steps` and `epsilon`, of
      which None is 0.
    env_steps: [] int64, the env steps done so far.
    num_episodes: [] int64, the episodes ended so far.

  Returns:
    [] float32.
  """
  scheduled = tf.constant(0.0)
  if config.epsilon is not None:
    scheduled = config.epsilon(env_steps, num_episodes)
  return tf.where(env_steps < config.num_random_env_steps, 1.0, scheduled)


class NoisyPolicy(tf_policy.TFPolicy):
  """The action of the highest q of a noisy network, with its noise.

  The noise is new at every step (Fortunato et al. 2018, algorithm 1), and every
  environment has its own, as if each were alone: with one sample for all, they
  would all explore in one direction at a time. Runs inside XLA.
  """

  def __init__(
    self,
    time_step_spec,
    action_spec,
    network: q_network.QNetwork,
    rng: random_stream.RandomStream,
  ):
    """Acts by a network.

    Args:
      time_step_spec: the time step spec of one environment.
      action_spec: the action spec of one environment, numbered from 0.
      network: the Q-network.
      rng: the random stream of the noise.
    """
    super().__init__(time_step_spec, action_spec)
    self._network = network
    self._rng = rng

  def _action(self, time_step, policy_state, seed):
    noise = noisy.factorised(self._rng, time_step.reward.shape[0])
    q, _ = self._network.predict(time_step.observation, noise=noise)  # [B, A]
    action = tf.argmax(q, axis=1, output_type=self.action_spec.dtype)  # [B]
    return policy_step.PolicyStep(action, policy_state, ())


class EpsilonGreedyPolicy(tf_policy.TFPolicy):
  """Acts greedily but for a random action with probability epsilon.

  Every environment draws for itself. Unlike TF-Agents' policy of that name it
  draws from a stream that checkpoints restore. Runs inside XLA.
  """

  def __init__(
    self,
    greedy_policy: tf_policy.TFPolicy,
    epsilon: Callable[[], tf.Tensor],
    rng: random_stream.RandomStream,
    *,
    always_evaluate: bool = False,
  ):
    """Wraps a greedy policy of scalar actions numbered from 0.

    Args:
      greedy_policy: the greedy policy; it has no state.
      epsilon: a function that gives the present probability [] of a random
        action.
      rng: the random stream of the draws.
      always_evaluate: whether to evaluate the greedy policy also while every
        action is random, for networks so small that this is faster than a
        branch.
    """
    super().__init__(greedy_policy.time_step_spec, greedy_policy.action_spec)
    self._greedy_policy = greedy_policy
    self._epsilon = epsilon
    self._rng = rng
    self._always_evaluate = always_evaluate
    self._num_actions = int(greedy_policy.action_spec.maximum) + 1

  def _action(self, time_step, policy_state, seed):
    num_envs = time_step.reward.shape[0]
    epsilon = self._epsilon()
    evaluate = lambda: self._greedy_policy.action(time_step).action
    zeros = lambda: tf.zeros((num_envs,), self.action_spec.dtype)
    if self._always_evaluate:
      greedy_action = evaluate()  # [B]
    else:
      greedy_action = tf.cond(epsilon < 1, evaluate, zeros)  # [B]
    coin, choice = tf.unstack(self._rng.bits((2, num_envs)))  # [B] each
    explores = random_stream.unit_floats(coin) < epsilon  # [B]
    random_action = tf.cast(
      self._random_action(choice, time_step.observation), greedy_action.dtype
    )  # [B]
    action = tf.where(explores, random_action, greedy_action)  # [B]
    return policy_step.PolicyStep(action, policy_state, ())

  def _random_action(self, bits: tf.Tensor, observation) -> tf.Tensor:
    """[B], each allowed action as likely as the others, from bits [B]."""
    allowed = encoding.allowed_actions(observation)  # [B, A]
    if allowed is None:
      return random_stream.below(bits, self._num_actions)
    rank = tf.cumsum(tf.cast(allowed, tf.int32), axis=1)  # [B, A], from 1
    chosen = random_stream.below(bits, rank[:, -1])  # [B], from 0
    return tf.argmax(rank > chosen[:, None], axis=1)
