"""The policy of an actor-critic: distributions, samples, and the mode."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tf_agents.policies import tf_policy
from tf_agents.trajectories import policy_step

from agents_pipeline.agents.a2c import network as a2c_network
from agents_pipeline.ops import random_stream


def distribution(
  parameters: dict[str, tf.Tensor], action_spec
) -> tfp.distributions.Distribution:
  """The distribution that a policy head's output describes.

  Args:
    parameters: see `ActorCriticNetwork`, with any leading dimensions.
    action_spec: the action spec of one action.
  """
  if "logits" in parameters:
    each = tfp.distributions.Categorical(
      logits=parameters["logits"], dtype=action_spec.dtype
    )
  else:
    each = tfp.distributions.Normal(parameters["mean"], parameters["stddev"])
  rank = action_spec.shape.rank
  return tfp.distributions.Independent(each, rank) if rank else each


def log_prob(
  parameters: dict[str, tf.Tensor], action: tf.Tensor, action_spec
) -> tf.Tensor:
  """log pi(a|s) [...] of actions [..., *action].

  Args:
    parameters: see `ActorCriticNetwork`, with any leading dimensions.
    action: the actions; of a Gaussian, what it gave: `sampled_action`.
    action_spec: the action spec of one action.
  """
  if "logits" not in parameters:
    return distribution(parameters, action_spec).log_prob(action)
  # Masked, not gathered as by TensorFlow Probability: the gradient of a gather
  # is a scatter, which XLA fuses with nothing.
  of_all = tf.nn.log_softmax(parameters["logits"])  # [..., *action, A]
  numbers = tf.range(of_all.shape[-1], dtype=action.dtype)  # [A]
  is_taken = action[..., None] == numbers  # [..., *action, A]
  inner = range(-1 - action_spec.shape.rank, 0)
  return tf.reduce_sum(tf.where(is_taken, of_all, 0.0), axis=list(inner))


def mode(parameters: dict[str, tf.Tensor], action_spec) -> tf.Tensor:
  """The most likely actions [B, ...], as the environment takes them."""
  if "logits" in parameters:
    return tf.argmax(parameters["logits"], axis=-1, output_type=tf.int64)
  return to_bounds(parameters["mean"], action_spec)


class Units(NamedTuple):
  """The units of Box actions: action = center + half_range * x.

  The Gaussian is of x, which is in [-1, 1] within the bounds, so that a task
  is the same task in any units.

  Attributes:
    center: [...] float32, the middle of the bounds; 0 where there are none.
    half_range: [...] float32, half the distance of the bounds; 1 where there
      are none.
  """

  center: np.ndarray
  half_range: np.ndarray


def units(action_spec) -> Units:
  """The units of the actions of a spec."""
  shape = tuple(action_spec.shape)
  low = np.broadcast_to(action_spec.minimum, shape).astype(np.float64)
  high = np.broadcast_to(action_spec.maximum, shape).astype(np.float64)
  # A space without bounds has infinite ones, or the largest numbers of float32.
  is_bounded = (high - low < np.finfo(np.float32).max) & (low < high)
  low, high = np.where(is_bounded, low, -1), np.where(is_bounded, high, 1)
  return Units(np.float32((low + high) / 2), np.float32((high - low) / 2))


def to_bounds(x: tf.Tensor, action_spec) -> tf.Tensor:
  """Box actions [B, ...] of what the Gaussian gave, clipped to the bounds."""
  center, half_range = units(action_spec)
  return tf.clip_by_value(
    center + half_range * x, action_spec.minimum, action_spec.maximum
  )


def in_units_of_actions(
  parameters: dict[str, tf.Tensor], action_spec
) -> dict[str, tf.Tensor]:
  """A policy head's output, with a Gaussian's in the units of the actions."""
  if "logits" in parameters:
    return parameters
  center, half_range = units(action_spec)
  return {
    "mean": center + half_range * parameters["mean"],
    "stddev": half_range * parameters["stddev"],
  }


def sample(
  parameters: dict[str, tf.Tensor], rng: random_stream.RandomStream
) -> tf.Tensor:
  """Draws actions [B, ...]; of a Gaussian, before `to_bounds`.

  Args:
    parameters: see `ActorCriticNetwork`.
    rng: the random stream of the draws.
  """
  if "logits" not in parameters:
    noise = rng.normal(parameters["mean"].shape)
    return parameters["mean"] + parameters["stddev"] * noise
  # Gumbel (1954): exact, and never a choice of probability 0, to which sums of
  # rounded probabilities can fall through.
  logits = parameters["logits"]  # [B, ..., A]
  gumbel = -tf.math.log(-tf.math.log(rng.uniform(logits.shape)))
  return tf.argmax(logits + gumbel, axis=-1, output_type=tf.int64)


class ActorCriticPolicy(tf_policy.TFPolicy):
  """Acts by the policy head; TF-Agents' wrappers take its distribution."""

  def __init__(
    self,
    time_step_spec,
    action_spec,
    network: a2c_network.ActorCriticNetwork,
  ):
    super().__init__(time_step_spec, action_spec)
    self._network = network

  def _variables(self):
    return self._network.variables

  def _distribution(self, time_step, policy_state):
    (parameters, _), _ = self._network(time_step.observation)
    parameters = in_units_of_actions(parameters, self.action_spec)
    return policy_step.PolicyStep(
      distribution(parameters, self.action_spec), policy_state, ()
    )


class CollectPolicy(tf_policy.TFPolicy):
  """Samples actions from a stream that checkpoints restore.

  Box actions are brought to their bounds; what the Gaussian gave, whose
  probability is learned from, goes with them as `info["sampled_action"]`. Runs
  inside XLA.
  """

  def __init__(
    self,
    time_step_spec,
    action_spec,
    network: a2c_network.ActorCriticNetwork,
    rng: random_stream.RandomStream,
  ):
    self._is_gaussian = action_spec.dtype.is_floating
    unbounded = tf.TensorSpec(
      action_spec.shape, action_spec.dtype, name="sampled_action"
    )
    super().__init__(
      time_step_spec,
      action_spec,
      info_spec={"sampled_action": unbounded} if self._is_gaussian else (),
    )
    self._network = network
    self._rng = rng

  def _variables(self):
    return self._network.variables

  def _action(self, time_step, policy_state, seed):
    (parameters, _), _ = self._network(time_step.observation)
    sampled = sample(parameters, self._rng)  # [B, ...]
    if not self._is_gaussian:
      return policy_step.PolicyStep(sampled, policy_state, ())
    return policy_step.PolicyStep(
      to_bounds(sampled, self.action_spec),
      policy_state,
      {"sampled_action": sampled},
    )


def sampled_action(action_step: policy_step.PolicyStep) -> tf.Tensor:
  """What a `CollectPolicy` sampled [..., *action], before `to_bounds`."""
  if isinstance(action_step.info, dict):
    return action_step.info["sampled_action"]
  return action_step.action
