"""Exploration: epsilon as a function of env steps, and the policy that acts."""

import functools
from collections.abc import Callable

import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.trajectories import policy_step

from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.dqn import schedules
from agents_pipeline.ops import random_stream


@functools.singledispatch
def epsilon_at(
  schedule: schedules.Epsilon, env_steps: tf.Tensor, num_episodes: tf.Tensor
) -> tf.Tensor:
  """Evaluates a schedule.

  Args:
    schedule: one of `agents/dqn/schedules.py`, which holds the formulas.
    env_steps: [] int64, done so far over all environments.
    num_episodes: [] int64, ended so far over all environments.

  Returns:
    [] float32 in [0, 1].
  """
  raise TypeError(f"{schedule!r} is no schedule of epsilon")


@epsilon_at.register
def _(schedule: schedules.ConstantEpsilon, env_steps, num_episodes):
  del env_steps, num_episodes
  return tf.constant(schedule.value, tf.float32)


@epsilon_at.register
def _(schedule: schedules.LinearEpsilon, env_steps, num_episodes):
  del num_episodes
  return _line(schedule, env_steps, schedule.num_env_steps)


@epsilon_at.register
def _(schedule: schedules.LinearEpsilonOverEpisodes, env_steps, num_episodes):
  del env_steps
  return _line(schedule, num_episodes, schedule.num_episodes)


def _line(schedule, done: tf.Tensor, total: int) -> tf.Tensor:
  progress = tf.cast(done, tf.float32) / total
  slope = schedule.final - schedule.initial
  return schedule.initial + slope * tf.minimum(progress, 1.0)


@epsilon_at.register
def _(schedule: schedules.ExponentialEpsilon, env_steps, num_episodes):
  del num_episodes
  age = tf.cast(env_steps, tf.float32) / schedule.time_constant_env_steps
  return schedule.final + (schedule.initial - schedule.final) * tf.exp(-age)


@epsilon_at.register
def _(schedule: schedules.GeometricEpsilon, env_steps, num_episodes):
  del num_episodes
  factor = tf.constant(schedule.factor_per_env_step, tf.float32)
  fallen = schedule.initial * factor ** tf.cast(env_steps, tf.float32)
  return tf.maximum(schedule.final, fallen)


def exploration_epsilon(
  agent: dqn_config.DqnConfig, env_steps: tf.Tensor, num_episodes: tf.Tensor
) -> tf.Tensor:
  """Epsilon of an agent: 1 while actions are random, then its schedule's.

  Args:
    agent: its `num_random_env_steps` and `epsilon`.
    env_steps: [] int64, done so far.
    num_episodes: [] int64, ended so far.

  Returns:
    [] float32.
  """
  return tf.where(
    env_steps < agent.num_random_env_steps,
    1.0,
    epsilon_at(agent.epsilon, env_steps, num_episodes),
  )


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
    always_asks: bool = False,
  ):
    """Wraps a greedy policy of scalar actions numbered from 0.

    Args:
      greedy_policy: without policy state.
      epsilon: the probability [] now.
      rng: where draws come from.
      always_asks: the greedy policy is asked also while every action is random,
        for networks so small that this takes less time than a branch.
    """
    super().__init__(greedy_policy.time_step_spec, greedy_policy.action_spec)
    self._greedy_policy = greedy_policy
    self._epsilon = epsilon
    self._rng = rng
    self._always_asks = always_asks
    self._num_actions = int(greedy_policy.action_spec.maximum) + 1

  def _action(self, time_step, policy_state, seed):
    num_envs = time_step.reward.shape[0]
    epsilon = self._epsilon()
    ask = lambda: self._greedy_policy.action(time_step).action
    nothing = lambda: tf.zeros((num_envs,), self.action_spec.dtype)
    # While every action is random, there is no need to ask.
    greedy = ask() if self._always_asks else tf.cond(epsilon < 1, ask, nothing)
    coin, choice = tf.unstack(self._rng.bits((2, num_envs)))  # [B] each
    explores = random_stream.unit_floats(coin) < epsilon  # [B]
    anything = random_stream.below(choice, self._num_actions)  # [B]
    action = tf.where(explores, tf.cast(anything, greedy.dtype), greedy)  # [B]
    return policy_step.PolicyStep(action, policy_state, ())
