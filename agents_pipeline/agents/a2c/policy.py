"""The policy of an actor-critic: distributions, samples, and the mode."""

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
    action: before they were clipped.
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
  """The most likely actions [B, ...], within their bounds."""
  if "logits" in parameters:
    return tf.argmax(parameters["logits"], axis=-1, output_type=tf.int64)
  return clip(parameters["mean"], action_spec)


def clip(action: tf.Tensor, action_spec) -> tf.Tensor:
  """Brings Box actions [B, ...] into their bounds."""
  return tf.clip_by_value(action, action_spec.minimum, action_spec.maximum)


def sample(
  parameters: dict[str, tf.Tensor], rng: random_stream.RandomStream
) -> tf.Tensor:
  """Draws actions [B, ...], before they are clipped.

  Args:
    parameters: see `ActorCriticNetwork`.
    rng: where draws come from.
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
    return policy_step.PolicyStep(
      distribution(parameters, self.action_spec), policy_state, ()
    )


class CollectPolicy(tf_policy.TFPolicy):
  """Samples actions from a stream that checkpoints restore.

  Box actions are clipped to their bounds; what was sampled, whose probability
  is learned from, goes with them as `info["sampled_action"]`. Runs inside XLA.
  """

  def __init__(
    self,
    time_step_spec,
    action_spec,
    network: a2c_network.ActorCriticNetwork,
    rng: random_stream.RandomStream,
  ):
    self._clips = action_spec.dtype.is_floating
    unbounded = tf.TensorSpec(
      action_spec.shape, action_spec.dtype, name="sampled_action"
    )
    super().__init__(
      time_step_spec,
      action_spec,
      info_spec={"sampled_action": unbounded} if self._clips else (),
    )
    self._network = network
    self._rng = rng

  def _variables(self):
    return self._network.variables

  def _action(self, time_step, policy_state, seed):
    (parameters, _), _ = self._network(time_step.observation)
    sampled = sample(parameters, self._rng)  # [B, ...]
    if not self._clips:
      return policy_step.PolicyStep(sampled, policy_state, ())
    return policy_step.PolicyStep(
      clip(sampled, self.action_spec),
      policy_state,
      {"sampled_action": sampled},
    )


def sampled_action(action_step: policy_step.PolicyStep) -> tf.Tensor:
  """What a `CollectPolicy` sampled [..., *action], before clipping."""
  if isinstance(action_step.info, dict):
    return action_step.info["sampled_action"]
  return action_step.action
