"""An exported policy, for observations as an environment returns them."""

import os
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.config import encoders
from agents_pipeline.environments import display, making
from agents_pipeline.evaluation import loaded_policy
from agents_pipeline.files import paths
from agents_pipeline.runs import quiet


class Policy:
  """Takes the best action for an observation.

  Attributes:
    about: the content of policy.json, such as what the policy was trained on,
      with which seed and for how many env steps.
  """

  def __init__(self, policy_dir: str | os.PathLike):
    """Loads a policy.

    Args:
      policy_dir: the folder of the SavedModel, such as `policy/` of a run
        folder.

    Raises:
      UserError: there is no policy in the folder.
    """
    path = paths.from_text("policy_dir", policy_dir)
    with quiet.logs_hidden():
      try:
        self._policy = loaded_policy.LoadedPolicy(path)
      except errors.UserError as error:  # which names a flag of the commands
        raise errors.UserError(str(error).removeprefix("--")) from None
    self.about = self._policy.about

  def __repr__(self) -> str:
    return f"Policy({str(self._policy.directory)!r})"

  def make_environment(self, render_mode: str | None = None) -> gym.Env:
    """Makes the environment that the policy was trained on.

    It has the wrappers of training; its observations are those that `act`
    takes, and its rewards are never shaped.

    Args:
      render_mode: the render mode: 'human' shows a window, 'rgb_array' returns
        images.

    Raises:
      UserError: the policy does not say which environment, or the environment
        cannot be made or does not render in this mode.
    """
    config = loaded_policy.environment_of(self._policy)
    if render_mode is not None:
      modes = making.render_modes(config)
      if render_mode not in modes:
        raise errors.UserError(
          f"render_mode={render_mode!r}: {config.name!r} renders in "
          f"{', '.join(map(repr, modes)) or 'no mode'}"
          f"{errors.nearest(render_mode, modes)}"
        )
    if render_mode == "human":
      display.allow_windows()
    return making.make_evaluation_environment(config, render_mode)

  def act(self, observation: Any) -> Any:
    """Chooses an action.

    Args:
      observation: the observation, an array [...], or a dict of leaves if the
        environment has Dict or Tuple observations or an action mask. With one
        more axis in front, [B, ...], it is a batch.

    Returns:
      The action as `step` takes it, [...]; for a batch, the actions [B, ...].

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
  """Converts a leaf [...] or [B, ...] to the type that the policy takes.

  Raises:
    UserError: the leaf has another shape, or values that the policy does not
      take.
  """
  shape, dtype = tuple(spec.shape[1:]), spec.dtype.name
  try:
    array = np.asarray(value)
  except ValueError:  # lists of several lengths
    array = np.asarray(None)
  if array.dtype.kind not in "biuf":
    raise errors.UserError(f"{name} {value!r}: expected {shape} {dtype}")
  fits = array.ndim - len(shape) in (0, 1)
  if not fits or array.shape[array.ndim - len(shape) :] != shape:
    raise errors.UserError(
      f"{name} of shape {array.shape}: expected {shape}, or a batch of it, of "
      f"{dtype}"
    )
  with np.errstate(over="ignore", invalid="ignore"):
    cast = array.astype(spec.dtype.as_numpy_dtype)
  if spec.dtype.is_floating and not np.isfinite(cast).all():
    raise errors.UserError(f"{name} is not finite in {dtype}: {value!r}")
  if not spec.dtype.is_floating and not np.array_equal(array, cast):
    raise errors.UserError(
      f"{name} of {array.dtype}: expected values of {dtype}"
    )
  if name == encoders.ACTION_MASK:
    _check_mask(cast)
  return cast


def _check_mask(mask: np.ndarray) -> None:
  """Checks a mask [A] or [B, A]."""
  if not np.isin(mask, (0, 1)).all() or not mask.any(axis=-1).all():
    raise errors.UserError(
      f"{encoders.ACTION_MASK} {mask.tolist()}: expected 1 for each allowed "
      "action, at least one, and 0 for the others"
    )
