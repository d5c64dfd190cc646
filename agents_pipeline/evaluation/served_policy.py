"""The policy as others get it: plain observations in, actions out."""

import pathlib
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import tensorflow as tf
from tf_agents.networks import network as tf_agents_network
from tf_agents.policies import policy_saver, tf_policy

from agents_pipeline.config import encoders, policy_formats
from agents_pipeline.environments import specs
from agents_pipeline.evaluation import policy_description
from agents_pipeline.files import atomic

# (network, observation [B, ...]) -> the outputs of the SavedModel.
Outputs = Callable[[tf_agents_network.Network, tf.Tensor], dict[str, tf.Tensor]]

SIGNATURE, MASKED_SIGNATURE = "serving_default", "serving_masked"
# Begins the name of each of its variables, in the order of the network's.
VARIABLES = "_network_variables/"


class ServedPolicy(tf.Module):
  """The greedy policy of a network, for raw observations and actions.

  Once saved, loading it needs only TensorFlow: it has variables and one
  function, no Keras layers and no TensorFlow Probability types. For a Dict
  observation it takes each leaf by its name, `observation/image`. Where actions
  are masked, `action_mask` [B, A] is optional: without it, all are allowed.
  """

  def __init__(
    self,
    network: tf_agents_network.Network,
    outputs: Outputs,
    observation_space: gym.Space,
    action_space: gym.Space,
  ):
    """Wraps a network whose variables are created.

    Args:
      network: the network of the agent.
      outputs: the function that computes what to return: "action" [B, ...],
        counted from 0, and others.
      observation_space: the observation space of one copy, or a Dict of leaves;
        observations have its dtype.
      action_space: the action space of one copy; actions have its dtype and its
        start.
    """
    super().__init__(name="served_policy")
    self._network_variables = list(network.variables)
    self._observation_space = observation_space
    self._action_space = action_space
    spaces = spaces_of(observation_space)
    is_dict = isinstance(observation_space, gym.spaces.Dict)
    dtypes = tf.nest.map_structure(
      lambda spec: spec.dtype, network.input_tensor_spec
    )

    def serve(observation, action_mask=None):
      inputs = observation if is_dict else {encoders.OBSERVATION: observation}
      network_input = {
        name: _to_network(
          value, spaces[name], dtypes[name] if is_dict else dtypes
        )
        for name, value in inputs.items()
      }
      if action_mask is not None:
        network_input[encoders.ACTION_MASK] = action_mask
      served = outputs(
        network,
        network_input if is_dict else network_input[encoders.OBSERVATION],
      )
      return served | {"action": _to_action(served["action"], action_space)}

    names = [name for name in spaces if name != encoders.ACTION_MASK]
    signature: Any = {name: _tensor_spec(spaces[name], name) for name in names}
    if not is_dict:
      (signature,) = signature.values()
    self.serve_masked = None
    every_action = lambda: None
    if (mask_space := spaces.get(encoders.ACTION_MASK)) is not None:
      mask = _tensor_spec(mask_space, encoders.ACTION_MASK)
      every_action = lambda: tf.ones([1, *mask.shape[1:]], mask.dtype)
      self.serve_masked = tf.function(
        serve, input_signature=[signature, mask], autograph=False
      )
    self.serve = tf.function(
      lambda observation: serve(observation, every_action()),
      input_signature=[signature],
      autograph=False,
    )

  def act(self, observations: Any) -> np.ndarray:
    """Returns the actions [B, ...] for observations [B, ...], or leaves."""
    tensors = tf.nest.map_structure(tf.constant, observations)
    if self.serve_masked is None:
      return self.serve(tensors)["action"].numpy()
    mask = tensors.pop(encoders.ACTION_MASK)
    return self.serve_masked(tensors, mask)["action"].numpy()

  @property
  def signatures(self) -> dict[str, Any]:
    """The functions that are served, by the name of their signature."""
    if self.serve_masked is None:
      return {SIGNATURE: self.serve}
    return {SIGNATURE: self.serve, MASKED_SIGNATURE: self.serve_masked}

  def describe(self, file_format: str) -> dict:
    """The policy's spaces and signatures; see `policy_description.describe`."""
    return policy_description.describe(
      self.signatures, self._observation_space, self._action_space, file_format
    )

  def save(self, directory: pathlib.Path, about: dict) -> None:
    """Writes the SavedModel, replacing an existing one.

    Args:
      directory: the folder of the SavedModel.
      about: the metadata as JSON, such as the environment's id; with `describe`
        it becomes policy.json, which `LoadedPolicy` returns, and README.md.

    Raises:
      RunError: the SavedModel cannot be written.
    """
    with atomic.folder(directory) as temporary:
      tf.saved_model.save(self, str(temporary), signatures=self.signatures)
      policy_description.write(
        temporary, about | self.describe(policy_formats.SAVED_MODEL)
      )


def spaces_of(space: gym.Space) -> dict[str, gym.Space]:
  """The spaces of a Dict's leaves by name; any other space as its only leaf."""
  if isinstance(space, gym.spaces.Dict):
    return dict(space.spaces)
  return {encoders.OBSERVATION: space}


def _tensor_spec(space: gym.Space, name: str) -> tf.TensorSpec:
  return tf.TensorSpec([None, *space.shape], space.dtype, name=name)


def _to_network(
  observation: tf.Tensor, space: gym.Space, dtype: tf.DType
) -> tf.Tensor:
  """Converts [B, ...] of the space to the network's input, counted from 0."""
  start = specs.space_start(space)
  observation = tf.cast(observation, dtype)
  return observation - tf.cast(start, dtype) if np.any(start) else observation


def _to_action(action: tf.Tensor, space: gym.Space) -> tf.Tensor:
  """Converts [B, ...] counted from 0 to what the environment takes."""
  action += tf.cast(specs.space_start(space), action.dtype)
  if isinstance(space, gym.spaces.Box):
    action = tf.clip_by_value(action, *specs.float32_bounds(space))
  return tf.cast(action, space.dtype)


def save_tf_agents_policy(
  policy: tf_policy.TFPolicy, directory: pathlib.Path
) -> None:
  """Writes a policy with TF-Agents' `PolicySaver`, for users of TF-Agents."""
  with atomic.folder(directory) as temporary:
    policy_saver.PolicySaver(policy, batch_size=None).save(str(temporary))
