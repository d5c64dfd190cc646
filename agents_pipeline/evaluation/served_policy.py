"""The policy as others get it: plain observations in, actions out."""

import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import tensorflow as tf
from tf_agents.networks import network as tf_agents_network
from tf_agents.policies import policy_saver, tf_policy

from agents_pipeline import errors
from agents_pipeline.config import (
  encoders,
  observations,
  policy_formats,
  schema,
)
from agents_pipeline.config import environment as environment_config
from agents_pipeline.environments import making, specs
from agents_pipeline.evaluation import policy_description
from agents_pipeline.files import atomic

# (network, observation [B, ...]) -> the outputs of the SavedModel.
Outputs = Callable[[tf_agents_network.Network, tf.Tensor], dict[str, tf.Tensor]]

_SIGNATURE, _MASKED_SIGNATURE = "serving_default", "serving_masked"
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
    spaces = _spaces_of(observation_space)
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
      return {_SIGNATURE: self.serve}
    return {_SIGNATURE: self.serve, _MASKED_SIGNATURE: self.serve_masked}

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


def _spaces_of(space: gym.Space) -> dict[str, gym.Space]:
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


class LoadedPolicy:
  """A SavedModel that `ServedPolicy` wrote, or one with the same signature.

  Attributes:
    directory: the folder of the SavedModel, as messages name it.
    about: the content of policy.json; {} if there is none.
    inputs: the specs of the inputs by name, each [B, ...].
  """

  def __init__(
    self, directory: pathlib.Path, shown: pathlib.Path | None = None
  ):
    """Loads the SavedModel.

    Args:
      directory: the folder of the SavedModel.
      shown: the folder that messages name, as the user knows it; None for
        `directory`.

    Raises:
      UserError: the folder has no such SavedModel.
    """
    self.directory = shown or directory
    self._model = load_signature(directory)
    self.about = read_about(directory)
    self.inputs = _inputs_of(self._model)

  @property
  def output_names(self) -> set[str]:
    """The names of what `outputs` returns."""
    return set(self._model.structured_outputs)

  def act(self, observations: Any) -> np.ndarray:
    """Returns the actions [B, ...] for observations [B, ...], or leaves."""
    return self.outputs(observations)["action"]

  def outputs(self, observations: Any) -> dict[str, np.ndarray]:
    """Returns the actions and what they were chosen by, each [B, ...], by name.

    Args:
      observations: the observations, [B, ...], or leaves by name.
    """
    if not isinstance(observations, dict):
      observations = {encoders.OBSERVATION: observations}
    tensors = {name: tf.constant(x) for name, x in observations.items()}
    return {name: x.numpy() for name, x in self._model(**tensors).items()}

  def check_environment(self, name: str, env: gym.Env) -> None:
    """Checks that the policy fits the spaces of an environment.

    Args:
      name: the environment's id, for messages.
      env: the environment.

    Raises:
      UserError: the policy is for another environment.
    """
    observed, acts = env.observation_space, env.action_space
    trained_on = self.about.get("environment")
    hint = f"; expected {trained_on!r}" if trained_on else ""
    takes = {
      leaf: f"{tuple(spec.shape[1:])} {spec.dtype.name}"
      for leaf, spec in self.inputs.items()
    }
    gives = {
      leaf: f"{space.shape} {space.dtype}"
      for leaf, space in _spaces_of(observed).items()
    }
    if gives != takes:
      raise errors.UserError(
        f"policy {str(self.directory)!r} observes {_summary(takes)}, but "
        f"{name!r} gives {_summary(gives)}{hint}"
      )
    known = self.about.get("action_space")
    if known is not None and known != str(acts):
      raise errors.UserError(
        f"policy {str(self.directory)!r} acts in {known}, but {name!r} takes "
        f"{acts}{hint}"
      )


def _inputs_of(signature) -> dict[str, tf.TensorSpec]:
  """The inputs of a signature by name."""
  inputs = signature.structured_input_signature[1]
  return {spec.name or name: spec for name, spec in inputs.items()}


def _summary(inputs: dict[str, str]) -> str:
  """What is observed; with names only where there are several leaves."""
  if [*inputs] == [encoders.OBSERVATION]:
    return inputs[encoders.OBSERVATION]
  return ", ".join(f"{name} {kind}" for name, kind in sorted(inputs.items()))


def read_about(directory: pathlib.Path) -> dict:
  """Returns a policy's metadata; {} if it has none."""
  path = directory / policy_description.IN_SAVED_MODEL
  try:
    about = json.loads(path.read_text("utf-8")) if path.exists() else {}
  except (OSError, ValueError) as error:
    raise errors.UserError(f"{path} cannot be read: {error}") from None
  if not isinstance(about, dict):
    raise errors.UserError(f"{path}: expected the description of a policy")
  return about


def load_signature(directory: pathlib.Path):
  """Returns the signature of a SavedModel, the one with an action mask if any.

  Raises:
    UserError: the folder has no SavedModel, or none with that signature.
  """
  if not (directory / "saved_model.pb").exists():
    raise errors.UserError(
      f"--policy_dir={str(directory)!r}: expected a folder with a SavedModel, "
      "such as the policy/ of a run folder"
    )
  try:
    model = tf.saved_model.load(str(directory))
  except Exception as error:  # TensorFlow may raise anything if it is damaged
    raise errors.UserError(
      f"--policy_dir={str(directory)!r}: this SavedModel cannot be loaded, it "
      f"may be damaged: {errors.first_line(error)}"
    ) from None
  signatures = model.signatures
  signature = signatures.get(_MASKED_SIGNATURE) or signatures.get(_SIGNATURE)
  if signature is None or "action" not in signature.structured_outputs:
    raise errors.UserError(
      f"--policy_dir={str(directory)!r}: this SavedModel has no signature "
      "'serving_default' that returns an action; expected the policy/ of a run"
    )
  signature.keep_alive = model  # a signature holds no reference to its model
  return signature


def load_for(
  directory: pathlib.Path,
  environment: str | None,
  shown: pathlib.Path | None = None,
) -> tuple[LoadedPolicy, schema.EnvironmentConfig]:
  """Loads a policy and checks that it fits an environment.

  Args:
    directory: the folder of the SavedModel.
    environment: a gymnasium id; None for the environment of training, made as
      it was then.
    shown: the folder that messages name, as the user knows it.

  Returns:
    The policy, and the environment with the observations of training.

  Raises:
    UserError: the folder has no policy, or one for another environment.
  """
  policy = LoadedPolicy(directory, shown)
  config = environment_of(policy, environment)
  env = making.make_evaluation_environment(config)
  try:
    policy.check_environment(config.name, env)
  finally:
    env.close()
  return policy, config


def environment_of(
  policy: LoadedPolicy, environment: str | None = None
) -> schema.EnvironmentConfig:
  """Returns the configuration of an environment that the policy can act in.

  It has the observations of training, such as stacked frames.

  Args:
    policy: the policy, which describes the environment that it was trained in.
    environment: the id of another environment, made as it is registered; None
      for the environment of training.

  Raises:
    UserError: the policy does not name an environment, and no id is given.
  """
  name = environment or policy.about.get("environment")
  if name is None:
    raise errors.UserError(
      f"--policy_dir={str(policy.directory)!r} does not say what it was "
      "trained on; expected --environment"
    )
  # What an environment is made with belongs to its id: another has its own.
  is_same = name == policy.about.get("environment")
  config = environment_config.from_json(
    policy.about if is_same else {"environment": name}
  )
  observation = policy.about.get("observation")
  if not observation:
    return config
  return dataclasses.replace(
    config, observation=observations.from_json(observation)
  )
