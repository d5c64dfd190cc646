"""TF-Agents' DQN agents from one configuration."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.agents.dqn import dqn_agent
from tf_agents.policies import greedy_policy, q_policy, tf_policy
from tf_agents.utils import common

from agents_pipeline.agents import optimizers
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.losses import n_step
from agents_pipeline.networks import q_network

# Gives [] int64, how many so far.
Counter = Callable[[], tf.Tensor]


class DqnExtra(NamedTuple):
  """What a train step tells beside its loss.

  Attributes:
    td_loss: [B] float32.
    td_error: [B] float32, target minus q.
    q_value: [B] float32, of the actions taken, before the update.
  """

  td_loss: tf.Tensor
  td_error: tf.Tensor
  q_value: tf.Tensor


class DqnAgent(dqn_agent.DqnAgent):
  """TF-Agents' `DqnAgent`, with three things put right and two added.

  * n-step returns stop at the end of an episode (tensorflow/agents#939).
  * A train step reports the q values it saw.
  * `loss` has the agent's gamma and scale as `train` has; theirs takes 1.
  * The period of target updates may be of anything that is counted.
  * The target network is asked once for each batch; theirs is asked for the
    best actions, and again for their values.
  """

  measure_names = ("loss", "mean_q")

  def __init__(
    self,
    *args,
    target_update_counter: Counter | None = None,
    max_mean_q: float | None = None,
    **kwargs,
  ):
    """Creates the agent.

    Args:
      *args: of TF-Agents' agent.
      target_update_counter: () -> [] int64, what `target_update_period` is in;
        by default train steps.
      max_mean_q: a batch's mean q beyond plus or minus this is divergence.
      **kwargs: of TF-Agents' agent.
    """
    self.measure_bounds = {} if max_mean_q is None else {"mean_q": max_mean_q}
    self._target_update_counter = target_update_counter
    super().__init__(*args, **kwargs)
    self._as_transition = functools.partial(
      n_step.n_step_transition, gamma=self._gamma
    )

  def measures(self, info: tf_agent.LossInfo) -> dict[str, tf.Tensor]:
    """What is logged of a train step, [] float32 each."""
    return {
      "loss": info.loss,
      "mean_q": tf.reduce_mean(info.extra.q_value),
    }

  @property
  def q_network(self) -> q_network.QNetwork:
    """The network that learns."""
    return self._q_network

  def _get_target_updater(self, tau=1.0, period=1):
    count = self._target_update_counter
    if count is None:
      return super()._get_target_updater(tau, period)
    update = super()._get_target_updater(tau, 1)
    self._updated_at = tf.Variable(0, dtype=tf.int64, name="updated_at")

    def update_now():
      update()
      return True

    def update_if_due():
      now = count() // period
      due = now > self._updated_at
      self._updated_at.assign(now)
      return tf.cond(due, update_now, lambda: False)

    return update_if_due

  def _compute_q_values(self, time_steps, actions, training=False):
    q_values, _ = self._q_network(
      time_steps.observation, step_type=time_steps.step_type, training=training
    )  # [B, A]
    return _of_actions(q_values, actions)  # [B]

  def _compute_next_q_values(self, next_time_steps, info):
    del info
    q_values, _ = self._target_q_network(
      next_time_steps.observation, step_type=next_time_steps.step_type
    )  # [B, A]
    best = self._best_next_actions(next_time_steps, q_values)  # [B]
    return _of_actions(q_values, best)  # [B]

  def _best_next_actions(self, next_time_steps, target_q_values):
    del next_time_steps
    return tf.argmax(target_q_values, axis=1)  # [B]

  def _td_loss(self, q_values, next_q_values, rewards, discounts):
    self._seen_q_values = q_values  # of this very trace; `_loss` returns it
    return super()._td_loss(q_values, next_q_values, rewards, discounts)

  def _loss(self, experience, **kwargs):
    own = {
      "td_errors_loss_fn": self._td_errors_loss_fn,
      "gamma": self._gamma,
      "reward_scale_factor": self._reward_scale_factor,
    }
    loss, extra = super()._loss(experience, **(own | kwargs))
    return tf_agent.LossInfo(
      loss, DqnExtra(extra.td_loss, extra.td_error, self._seen_q_values)
    )


class DoubleDqnAgent(DqnAgent, dqn_agent.DdqnAgent):
  """The same with TF-Agents' `DdqnAgent` (van Hasselt et al. 2016)."""

  def _best_next_actions(self, next_time_steps, target_q_values):
    del target_q_values
    q_values, _ = self._q_network(
      next_time_steps.observation, step_type=next_time_steps.step_type
    )  # [B, A]
    return tf.argmax(q_values, axis=1)  # [B]


def _of_actions(q_values: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
  """q [B] of actions [B], out of those of all actions [B, A].

  Masked, not gathered: the gradient of a gather is a scatter, which XLA fuses
  with nothing.
  """
  numbers = tf.range(q_values.shape[1], dtype=actions.dtype)  # [A]
  is_taken = actions[:, None] == numbers  # [B, A]
  return tf.reduce_sum(tf.where(is_taken, q_values, 0.0), axis=1)


def make_q_network(
  agent: dqn_config.DqnConfig,
  observation_spec,
  action_spec,
  seed: int,
  num_frames: int = 1,
) -> q_network.QNetwork:
  """Builds a Q-network with its weights.

  Args:
    agent: its architecture.
    observation_spec: of one environment.
    action_spec: of one environment, numbered from 0.
    seed: of the initial weights.
    num_frames: stacked in an observation.
  """
  tf.keras.utils.set_random_seed(seed)
  network = q_network.QNetwork(
    observation_spec,
    int(action_spec.maximum) + 1,
    conv_layers=tuple(agent.conv_layers),
    hidden_layers=tuple(agent.hidden_layers),
    activation=agent.activation,
    batch_normalization=agent.batch_normalization,
    dueling=agent.dueling,
    weights=agent.initial_weights,
    num_frames=num_frames,
  )
  network.create_variables()
  return network


def make_dqn_agent(
  agent: dqn_config.DqnConfig,
  time_step_spec,
  action_spec,
  seed: int,
  num_frames: int = 1,
  num_episodes: Counter | None = None,
) -> DqnAgent:
  """Builds the agent, initialised and ready to be compiled.

  Its `train` takes trajectories of [B, n_step + 1, ...].

  Args:
    agent: hyper-parameters.
    time_step_spec: of one environment.
    action_spec: of one environment, numbered from 0.
    seed: of the initial weights.
    num_frames: stacked in an observation.
    num_episodes: () -> [] int64, ended so far; needed where a period is in
      episodes.
  """
  network = make_q_network(
    agent, time_step_spec.observation, action_spec, seed, num_frames
  )
  in_episodes = agent.target_update_period_episodes
  losses = {
    "huber": common.element_wise_huber_loss,
    "squared": common.element_wise_squared_loss,
  }
  make = DoubleDqnAgent if agent.double else DqnAgent
  dqn = make(
    time_step_spec,
    action_spec,
    q_network=network,
    optimizer=optimizers.make_optimizer(agent, network.trainable_variables),
    n_step_update=agent.n_step,
    target_update_tau=agent.target_update_tau,
    target_update_period=in_episodes or agent.target_update_period_train_steps,
    target_update_counter=num_episodes if in_episodes else None,
    max_mean_q=agent.max_mean_q,
    td_errors_loss_fn=losses[agent.loss],
    gamma=agent.gamma,
    reward_scale_factor=agent.reward_scale,
    train_step_counter=tf.Variable(0, dtype=tf.int64, name="train_steps"),
  )
  dqn.initialize()
  return dqn


def make_greedy_policy(
  time_step_spec, action_spec, network: q_network.QNetwork
) -> tf_policy.TFPolicy:
  """The policy that takes the action of the highest q."""
  return greedy_policy.GreedyPolicy(
    q_policy.QPolicy(time_step_spec, action_spec, q_network=network)
  )


def served_outputs(
  network: q_network.QNetwork, observation: tf.Tensor
) -> dict[str, tf.Tensor]:
  """What the exported policy returns for observations [B, ...].

  Returns:
    action [B], the one of the highest q, and q_values [B, A].
  """
  q_values, _ = network(observation)  # [B, A]
  return {"action": tf.argmax(q_values, axis=1), "q_values": q_values}
