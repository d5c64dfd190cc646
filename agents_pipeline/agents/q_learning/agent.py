"""What the agents that learn q share: all but the loss of a transition."""

import abc
from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.agents.dqn import dqn_agent
from tf_agents.policies import greedy_policy, q_policy, tf_policy
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory
from typing_extensions import Self

from agents_pipeline.agents import optimizers
from agents_pipeline.agents.q_learning import config as q_config
from agents_pipeline.agents.q_learning import network as q_network
from agents_pipeline.losses import shapes
from agents_pipeline.networks import encoding, noisy, own_network
from agents_pipeline.ops import random_stream


class Extra(NamedTuple):
  """What a train step reports beside its loss.

  Attributes:
    td_loss: [S] float32, the loss of each transition.
    td_error: [S] float32, the error by which a replay may prioritize a
      transition.
    q_value: [S] float32, q of the actions taken, before the update. A LAST
      row, from which no action was taken, has one as well.
  """

  td_loss: tf.Tensor
  td_error: tf.Tensor
  q_value: tf.Tensor


class QLearningAgent(dqn_agent.DqnAgent, abc.ABC):
  """TF-Agents' `DqnAgent`, with the loss left to the agent that extends it.

  It trains on n-step transitions [S, ...], as `interfaces.Replay` samples them.
  Updating the target network is left to the training loop.

  With noisy networks, a train step draws new noise for each forward pass, and
  all transitions of the batch share it. The passes are those of the network, of
  the target network and, with `double`, the one that chooses the next action
  (Fortunato et al. 2018, algorithm 1).

  Attributes:
    measures: see `interfaces.Agent`.
    measure_bounds: see `interfaces.Agent`.
  """

  def __init__(
    self,
    config: q_config.QLearningConfig,
    time_step_spec,
    action_spec,
    network: q_network.QNetwork,
    noise_seed: int = 0,
  ):
    """Creates the agent around a network that has its weights.

    Args:
      config: hyperparameters.
      time_step_spec: the time step spec of one environment.
      action_spec: the action spec of one environment, numbered from 0.
      network: the Q-network; the target network begins as a copy of it.
      noise_seed: the seed of a noisy network's noise in train steps.
    """
    self._noise: noisy.Noise | None = None
    if config.noisy:
      self._noise_stream = random_stream.RandomStream(noise_seed)
      self._noise = noisy.factorised(self._noise_stream)
    self._double = config.double
    self.measures: dict[str, Callable[[tf_agent.LossInfo], tf.Tensor]] = {
      "loss": lambda info: info.loss,
      "mean_q": lambda info: tf.reduce_mean(info.extra.q_value),
    }
    self.measure_bounds = (
      {} if config.max_mean_q is None else {"mean_q": config.max_mean_q}
    )
    target = None  # made by TF-Agents
    if config.network is not None:
      target = network.copy(name="TargetQNetwork")
      target.create_variables()
      own_network.check_apart(config, network.variables, target.variables)
    super().__init__(
      time_step_spec,
      action_spec,
      q_network=network,
      target_q_network=target,
      target_update_period=None,
      optimizer=config.optimizer.make(
        network.trainable_variables,
        config.gradient_clip_value,
        config.gradient_clip_global_norm,
      ),
      gamma=config.gamma,
      reward_scale_factor=config.reward_scale,
      train_step_counter=tf.Variable(0, dtype=tf.int64, name="train_steps"),
    )

  @classmethod
  def make(
    cls,
    config: q_config.QLearningConfig,
    time_step_spec,
    action_spec,
    seed: int,
    num_frames: int = 1,
    keys: Mapping[str, str] | None = None,
    noise_seed: int = 0,
  ) -> Self:
    """Makes the agent, initialized and ready to be compiled.

    Args:
      config: hyperparameters.
      time_step_spec: the time step spec of one environment.
      action_spec: the action spec of one environment, numbered from 0.
      seed: the seed of the initial weights.
      num_frames: the number of frames stacked in an observation.
      keys: see `ObservationEncoder.keys`.
      noise_seed: the seed of a noisy network's noise in train steps.
    """
    network = q_network.make_q_network(
      config, time_step_spec.observation, action_spec, seed, num_frames, keys
    )
    agent = cls(config, time_step_spec, action_spec, network, noise_seed)
    agent.initialize()
    return agent

  @property
  def network(self) -> q_network.QNetwork:
    """The network that learns."""
    return self._q_network

  @property
  def target_network(self) -> q_network.QNetwork:
    """The network whose values targets bootstrap from."""
    return self._target_q_network

  @property
  def optimizer(self) -> tf.keras.optimizers.Optimizer:
    """What turns gradients into updates."""
    return self._optimizer

  def learning_rate(self) -> float:
    """Learning rate of the next update."""
    return optimizers.current_learning_rate(self._optimizer)

  def observe(self, transition: trajectory.Transition) -> None:
    """Takes a collected transition [B, ...] into the statistics of inputs."""
    time_step = transition.time_step
    counts = tf.cast(~time_step.is_last(), tf.float32)  # [B]
    self._q_network.update_normalization(time_step.observation, counts)

  @abc.abstractmethod
  def _td_loss(
    self,
    s_tm1: ts.TimeStep,
    a_tm1: tf.Tensor,
    r_t: tf.Tensor,
    discount_t: tf.Tensor,
    s_t: ts.TimeStep,
    training: bool,
  ) -> Extra:
    """The loss of each transition, as the agent's paper defines it.

    Args:
      s_tm1: [S, ...], the time steps acted from.
      a_tm1: [S] int, the actions taken there.
      r_t: [S] float32, scaled rewards of n steps.
      discount_t: [S] float32, gamma and the environment's discounts of n steps:
        0 where the episode terminated, not where it was truncated.
      s_t: [S, ...], the time steps to bootstrap from.
      training: whether batch normalization uses the batch's statistics.
    """

  def _loss(
    self,
    experience: trajectory.Transition,
    weights: tf.Tensor | None = None,
    training: bool = False,
    **kwargs,
  ) -> tf_agent.LossInfo:
    """The mean loss of transitions.

    Args:
      experience: [S, ...]; s_t holds the rewards of n steps, the product of
        their discounts and the observation to bootstrap from. Where s_tm1 is
        LAST there was no step, and the loss is 0.
      weights: [S] float32, the weight of each transition's loss; None where all
        are 1.
      training: whether batch normalization uses the batch's statistics.
      **kwargs: unused; TF-Agents passes gamma and the like.

    Raises:
      ValueError: weights have another shape.
    """
    s_tm1, action_step, s_t = experience
    found = self._td_loss(
      s_tm1,
      action_step.action,
      self._reward_scale_factor * s_t.reward,
      self._gamma * s_t.discount,
      s_t,
      training,
    )
    mask = tf.cast(~s_tm1.is_last(), tf.float32)  # [S]
    td_loss = mask * found.td_loss  # [S]
    if weights is not None:
      shapes.check_same(weights, td_loss, rank=1)
    loss = tf.reduce_mean(td_loss if weights is None else weights * td_loss)
    return tf_agent.LossInfo(
      loss, Extra(td_loss, mask * found.td_error, found.q_value)
    )

  def _online(
    self, s: ts.TimeStep, training: bool = False
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """What the network that learns predicts; see `QNetwork.predict`."""
    return self._q_network.predict(s.observation, training, self._noise)

  def _target(self, s: ts.TimeStep) -> tuple[tf.Tensor, tf.Tensor]:
    """What the target network predicts; see `QNetwork.predict`."""
    return self._target_q_network.predict(s.observation, noise=self._noise)

  def _q_of_taken(
    self, q_tm1: tf.Tensor, s_tm1: ts.TimeStep, a_tm1: tf.Tensor
  ) -> tf.Tensor:
    """q [S] of the actions taken, from q of all actions [S, A]."""
    qa_tm1 = of_actions(q_tm1, a_tm1)  # [S]
    if encoding.allowed_actions(s_tm1.observation) is not None:
      # The action of a LAST row was not taken, and may be forbidden: q would be
      # the lowest float32, and the loss could overflow before it is masked.
      qa_tm1 = tf.where(s_tm1.is_last(), 0.0, qa_tm1)  # [S]
    return qa_tm1

  def _next_actions(self, q_t: tf.Tensor, s_t: ts.TimeStep) -> tf.Tensor:
    """The actions [S] int64 to bootstrap from.

    The actions of the highest q: of the online network with `double` (van
    Hasselt et al. 2016), else of the target network.

    Args:
      q_t: [S, A], q of the target network.
      s_t: [S, ...].
    """
    if self._double:
      q_t, _ = self._online(s_t)  # [S, A]
    return tf.argmax(q_t, axis=1)


def of_actions(values: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
  """The values of actions [S], from the values of all actions.

  Masked, not gathered: the gradient of a gather is a scatter, which XLA fuses
  with nothing.

  Args:
    values: [S, A] or [S, A, N].
    actions: [S] int.

  Returns:
    [S] or [S, N].
  """
  numbers = tf.range(values.shape[1], dtype=actions.dtype)  # [A]
  is_taken = actions[:, None] == numbers  # [S, A]
  if values.shape.rank == 3:
    is_taken = is_taken[:, :, None]  # [S, A, 1]
  return tf.reduce_sum(tf.where(is_taken, values, 0.0), axis=1)


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
    action [B], the one of the highest q, and q_values [B, A]; of an agent that
    learns distributions also distribution [B, A, N], the probability of each
    return in support [B, A, N]. q is then the expectation, the sum over N of
    distribution * support. A forbidden action has the lowest float32 as its q.
  """
  q_values, parameters = network.predict(observation)
  outputs = {"action": tf.argmax(q_values, axis=1), "q_values": q_values}
  if network.distribution is not None:
    probabilities, returns = network.distribution.atoms(parameters)
    shape = tf.shape(parameters)  # [B, A, N]
    outputs["distribution"] = tf.broadcast_to(probabilities, shape)
    outputs["support"] = tf.broadcast_to(returns, shape)
  return outputs
