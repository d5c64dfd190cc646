"""Deep Q-learning: TF-Agents' `DqnAgent` with its loss written out."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.agents.dqn import dqn_agent
from tf_agents.policies import greedy_policy, q_policy, tf_policy
from tf_agents.trajectories import trajectory
from tf_agents.utils import common

from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.dqn import network as dqn_network
from agents_pipeline.losses import shapes
from agents_pipeline.networks import encoding

_LOSSES = {
  "huber": common.element_wise_huber_loss,
  "squared": common.element_wise_squared_loss,
}


class DqnExtra(NamedTuple):
  """What a train step reports beside its loss.

  Attributes:
    td_loss: [S] float32.
    td_error: [S] float32, target minus q.
    q_value: [S] float32, of the actions taken, before the update.
  """

  td_loss: tf.Tensor
  td_error: tf.Tensor
  q_value: tf.Tensor


class DqnAgent(dqn_agent.DqnAgent):
  """Deep Q-learning (Mnih et al. 2015), or double (van Hasselt et al. 2016).

  It trains on n-step transitions [S, ...], as `interfaces.Replay` samples them.
  Updating the target network is left to the training loop.

  Attributes:
    measures: see `interfaces.Agent`.
    measure_bounds: likewise.
  """

  def __init__(
    self,
    config: dqn_config.DqnConfig,
    time_step_spec,
    action_spec,
    network: dqn_network.QNetwork,
  ):
    """Creates the agent around a network that has its weights.

    Args:
      config: hyperparameters.
      time_step_spec: the time step spec of one environment.
      action_spec: the action spec of one environment, numbered from 0.
      network: q; the target network begins as a copy of it.
    """
    self._double = config.double
    self.measures: dict[str, Callable[[tf_agent.LossInfo], tf.Tensor]] = {
      "loss": lambda info: info.loss,
      "mean_q": lambda info: tf.reduce_mean(info.extra.q_value),
    }
    self.measure_bounds = (
      {} if config.max_mean_q is None else {"mean_q": config.max_mean_q}
    )
    super().__init__(
      time_step_spec,
      action_spec,
      q_network=network,
      target_update_period=None,
      optimizer=config.optimizer.make(
        network.trainable_variables,
        config.gradient_clip_value,
        config.gradient_clip_global_norm,
      ),
      td_errors_loss_fn=_LOSSES[config.loss],
      gamma=config.gamma,
      reward_scale_factor=config.reward_scale,
      train_step_counter=tf.Variable(0, dtype=tf.int64, name="train_steps"),
    )

  @property
  def network(self) -> dqn_network.QNetwork:
    """The network that learns."""
    return self._q_network

  @property
  def target_network(self) -> dqn_network.QNetwork:
    """The network whose values targets bootstrap from."""
    return self._target_q_network

  def observe(self, transition: trajectory.Transition) -> None:
    """Takes a collected transition [B, ...] into the statistics of inputs."""
    time_step = transition.time_step
    counts = tf.cast(~time_step.is_last(), tf.float32)  # [B]
    self._q_network.update_normalization(time_step.observation, counts)

  def _loss(
    self,
    experience: trajectory.Transition,
    weights: tf.Tensor | None = None,
    training: bool = False,
    **kwargs,
  ) -> tf_agent.LossInfo:
    """The TD loss: Mnih et al. (2015) equation 2, or its double form.

    Args:
      experience: [S, ...]; s_t holds the rewards of n steps, the product of
        their discounts and the observation to bootstrap from. Where s_tm1 is
        LAST there was no step, and the loss is 0.
      weights: [S] float32, of each transition; None for 1.
      training: whether batch normalization uses the batch's statistics.
      **kwargs: unused; TF-Agents passes gamma and the like.

    Raises:
      ValueError: weights of another shape.
    """
    s_tm1, action_step, s_t = experience
    q_tm1, _ = self._q_network(s_tm1.observation, training=training)  # [S, A]
    q_t, _ = self._target_q_network(s_t.observation)  # [S, A]
    selector = q_t
    if self._double:
      selector, _ = self._q_network(s_t.observation)  # [S, A]
    r_t = self._reward_scale_factor * s_t.reward  # [S]
    discount_t = self._gamma * s_t.discount  # [S]

    qa_tm1 = of_actions(q_tm1, action_step.action)  # [S]
    if encoding.allowed_actions(s_tm1.observation) is not None:
      # No action was taken from a LAST row: its q may be of a forbidden one.
      qa_tm1 = tf.where(s_tm1.is_last(), 0.0, qa_tm1)  # [S]
    qa_t = of_actions(q_t, tf.argmax(selector, axis=1))  # [S]
    target = tf.stop_gradient(r_t + discount_t * qa_t)  # [S]
    mask = tf.cast(~s_tm1.is_last(), tf.float32)  # [S]
    td_error = mask * (target - qa_tm1)  # [S]
    td_loss = mask * self._td_errors_loss_fn(target, qa_tm1)  # [S]
    if weights is not None:
      shapes.check_same(weights, td_loss, rank=1)
    loss = tf.reduce_mean(td_loss if weights is None else weights * td_loss)
    return tf_agent.LossInfo(loss, DqnExtra(td_loss, td_error, qa_tm1))


def of_actions(q_values: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
  """q [S] of actions [S], from those of all actions [S, A].

  Masked, not gathered: the gradient of a gather is a scatter, which XLA fuses
  with nothing.
  """
  numbers = tf.range(q_values.shape[1], dtype=actions.dtype)  # [A]
  is_taken = actions[:, None] == numbers  # [S, A]
  return tf.reduce_sum(tf.where(is_taken, q_values, 0.0), axis=1)


def make_dqn_agent(
  config: dqn_config.DqnConfig,
  time_step_spec,
  action_spec,
  seed: int,
  num_frames: int = 1,
  keys: Mapping[str, str] | None = None,
) -> DqnAgent:
  """Makes the agent, initialized and ready to be compiled.

  Args:
    config: hyperparameters.
    time_step_spec: the time step spec of one environment.
    action_spec: the action spec of one environment, numbered from 0.
    seed: the seed of the initial weights.
    num_frames: stacked in an observation.
    keys: see `ObservationEncoder.keys`.
  """
  network = dqn_network.make_q_network(
    config, time_step_spec.observation, action_spec, seed, num_frames, keys
  )
  agent = DqnAgent(config, time_step_spec, action_spec, network)
  agent.initialize()
  return agent


def make_greedy_policy(
  time_step_spec, action_spec, network: dqn_network.QNetwork
) -> tf_policy.TFPolicy:
  """The policy that takes the action of the highest q."""
  return greedy_policy.GreedyPolicy(
    q_policy.QPolicy(time_step_spec, action_spec, q_network=network)
  )


def served_outputs(
  network: dqn_network.QNetwork, observation: tf.Tensor
) -> dict[str, tf.Tensor]:
  """What the exported policy returns for observations [B, ...].

  Returns:
    action [B], the one of the highest q, and q_values [B, A].
  """
  q_values, _ = network(observation)  # [B, A]
  return {"action": tf.argmax(q_values, axis=1), "q_values": q_values}
