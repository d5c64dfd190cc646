"""An exported policy, loaded, and the environment that it can act in."""

import dataclasses
import json
import pathlib
from typing import Any

import gymnasium as gym
import numpy as np
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.config import encoders, observations, schema
from agents_pipeline.config import environment as environment_config
from agents_pipeline.environments import making
from agents_pipeline.evaluation import policy_description, served_policy


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
      for leaf, space in served_policy.spaces_of(observed).items()
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
  signature = signatures.get(served_policy.MASKED_SIGNATURE) or signatures.get(
    served_policy.SIGNATURE
  )
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
