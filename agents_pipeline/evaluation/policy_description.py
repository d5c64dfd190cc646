"""The description of an exported policy: policy.json and README.md."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import tensorflow as tf

from agents_pipeline.config import encoders, policy_formats
from agents_pipeline.environments import specs
from agents_pipeline.evaluation import policy_card
from agents_pipeline.files import atomic

# In a SavedModel, files that TensorFlow does not know have a folder of theirs.
IN_SAVED_MODEL = "assets.extra/policy.json"
_ALONE = "policy.json"
_CARD = "README.md"


def describe(
  signatures: Mapping[str, Any],
  observation_space: gym.Space,
  action_space: gym.Space,
  file_format: str,
) -> dict:
  """The spaces of a policy, and what each of its signatures takes and returns.

  Args:
    signatures: name -> `tf.function` with a signature of named tensors.
    observation_space: the observation space of one copy, or a Dict of leaves.
    action_space: the action space of one copy.
    file_format: the format, one of `policy_formats.FORMATS`.

  Returns:
    JSON: "observation_space" (for a Dict, name -> space of each leaf),
    "action_space", "format" and "signatures". Each signature has "inputs" and
    "outputs": name -> "type" and "shape", whose first dimension, the batch, is
    None, and "start" for inputs that do not count from 0.
  """
  spaces = {encoders.OBSERVATION: observation_space}
  observes: Any = _text(observation_space)
  if isinstance(observation_space, gym.spaces.Dict):
    spaces = dict(observation_space.spaces)
    observes = {name: _text(space) for name, space in spaces.items()}
  return {
    "observation_space": observes,
    "action_space": str(action_space),
    "format": file_format,
    "signatures": {
      name: _signature(function, spaces)
      for name, function in signatures.items()
    },
  }


def _signature(function: Any, spaces: Mapping[str, gym.Space]) -> dict:
  inputs = {}
  for spec in tf.nest.flatten(function.input_signature):
    inputs[spec.name] = _tensor(spec)
    start = specs.space_start(spaces[spec.name])
    if np.any(start):
      inputs[spec.name]["start"] = np.asarray(start).tolist()
  returned = function.get_concrete_function().structured_outputs
  outputs = {name: _tensor(spec) for name, spec in sorted(returned.items())}
  return {"inputs": inputs, "outputs": outputs}


def _tensor(spec: tf.TensorSpec) -> dict:
  return {"type": spec.dtype.name, "shape": spec.shape.as_list()}


def _text(space: gym.Space) -> str:
  """A space on one line: NumPy writes long bounds on several."""
  return " ".join(str(space).split())


def write(folder: pathlib.Path, about: dict) -> None:
  """Writes policy.json and README.md into a folder that is being made.

  Args:
    folder: the policy's folder.
    about: the description to write; see `describe`.
  """
  path = folder / _about_path(about)
  path.parent.mkdir(exist_ok=True)
  path.write_text(_json(about), "utf-8")
  (folder / _CARD).write_text(policy_card.text(about), "utf-8")


def replace(folder: pathlib.Path, about: dict) -> None:
  """Replaces policy.json and README.md of a policy, each atomically.

  Raises:
    RunError: a file cannot be written.
  """
  for name, content in (
    (_about_path(about), _json(about)),
    (_CARD, policy_card.text(about)),
  ):
    with atomic.file(folder / name) as temporary:
      temporary.write_text(content, "utf-8")


def _about_path(about: dict) -> str:
  is_saved_model = about["format"] == policy_formats.SAVED_MODEL
  return IN_SAVED_MODEL if is_saved_model else _ALONE


def _json(about: dict) -> str:
  return json.dumps(about, indent=2) + "\n"
