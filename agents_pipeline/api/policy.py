"""An exported policy, for observations as an environment returns them."""

import os
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.config import encoders
from agents_pipeline.environments import making
from agents_pipeline.evaluation import served_policy
from agents_pipeline.files import paths


class Policy:
  """Takes the best action for an observation.

  Attributes:
    about: what it was trained on, with which seed and for how many env steps.
  """

  def __init__(self, policy_dir: str | os.PathLike):
    """Loads a policy.

    Args:
      policy_dir: the SavedModel, such as `policy/` of a run folder.

    Raises:
      UserError: there is none.
    """
    path = paths.from_text("policy_dir", policy_dir)
    self._policy = served_policy.LoadedPolicy(path)
    self.about = self._policy.about

  def make_environment(self, render_mode: str | None = None) -> gym.Env:
    """Makes the environment that it was trained on.

    It has the wrappers of training; its observations are those that `act`
    takes, and its rewards are never shaped.

    Args:
      render_mode: such as 'human' or 'rgb_array'.

    Raises:
      UserError: the policy does not say which, or it cannot be made.
    """
    config = served_policy.environment_of(self._policy)
    return making.make_evaluation_environment(config, render_mode)

  def act(self, observation: Any) -> Any:
    """Chooses an action.

    Args:
      observation: an array [...], or a dict of leaves if the environment has
        Dict or Tuple observations or an action mask. With one more axis in
        front, [B, ...], it is a batch.

    Returns:
      The action as `step` takes it, [...]; of a batch, [B, ...].

    Raises:
      UserError: the policy takes other observations.
    """
    inputs = self._policy.inputs
    given = observation
    if not isinstance(given, Mapping):
      given = {encoders.OBSERVATION: observation}
    if given.keys() != inputs.keys():
      raise errors.UserError(
        f"observation with {', '.join(sorted(map(str, given)))}: expected "
        f"{', '.join(sorted(inputs))}"
      )
    arrays = {
      name: _as_input(name, given[name], spec) for name, spec in inputs.items()
    }
    are_batches = {
      arrays[name].ndim == len(spec.shape) for name, spec in inputs.items()
    }
    if len(are_batches) > 1:
      raise errors.UserError(
        "observation with some batches among its leaves: expected all of them, "
        "or none"
      )
    if are_batches == {True}:
      return self._policy.act(arrays)
    return self._policy.act({n: array[None] for n, array in arrays.items()})[0]


def _as_input(name: str, value: Any, spec: tf.TensorSpec) -> np.ndarray:
  """A leaf [...] or [B, ...], of the type that the policy takes.

  Raises:
    UserError: it has another shape, or the type cannot hold its values.
  """
  shape = tuple(spec.shape[1:])
  try:
    array = np.asarray(value)
    cast = array.astype(spec.dtype.as_numpy_dtype)
  except (TypeError, ValueError):
    raise errors.UserError(
      f"{name} {value!r}: expected {shape} {spec.dtype.name}"
    ) from None
  fits = array.ndim - len(shape) in (0, 1)
  if not fits or array.shape[array.ndim - len(shape) :] != shape:
    raise errors.UserError(
      f"{name} of shape {array.shape}: expected {shape}, or a batch of it, of "
      f"{spec.dtype.name}"
    )
  if not spec.dtype.is_floating and not np.array_equal(array, cast):
    raise errors.UserError(
      f"{name} of {array.dtype}: expected values of {spec.dtype.name}"
    )
  return cast
