"""What `EnvironmentConfig.wrappers` names: gymnasium's, and a user's own."""

import functools
import importlib
import inspect
import traceback
from collections.abc import Callable
from typing import Any

import gymnasium as gym

from agents_pipeline import errors
from agents_pipeline.config import schema
from agents_pipeline.environments import checked

Wrap = Callable[[gym.Env], gym.Env]

_A_REWARD = "EnvironmentConfig.reward, which evaluations do not see"
_VIDEOS = "VideoConfig, or record_video"
_A_CLASS = "a class of your own, 'package.module:MyWrapper'"
_OURS = "nothing: the run does it itself"
# What keeps a state that is neither saved nor served, what evaluations must not
# see, or what cannot be written in a gin file; and what to use instead.
_REFUSED = {
  "NormalizeObservation": "normalize_observations of DqnConfig or A2cConfig, "
  "which is saved and served with the policy",
  "NormalizeReward": "A2cConfig.normalize_rewards",
  "ClipReward": _A_REWARD,
  "TransformReward": _A_REWARD,
  "TransformObservation": _A_CLASS,
  "TransformAction": _A_CLASS,
  "AtariPreprocessing": "EnvironmentConfig.observation = @AtariObservation()",
  "AddRenderObservation": "EnvironmentConfig.observation = @ImageObservation()",
  "TimeLimit": "EnvironmentConfig.max_episode_steps",
  "RecordVideo": _VIDEOS,
  "RenderCollection": _VIDEOS,
  "HumanRendering": _VIDEOS,
  "RecordEpisodeStatistics": "episodes.csv, which every run writes",
  "Autoreset": _OURS,
  "OrderEnforcing": _OURS,
  "PassiveEnvChecker": _OURS,
}
# In `gym.wrappers.__all__`, but of no use here: the module of vector wrappers,
# and those that convert the arrays of other libraries.
_NO_WRAPPERS = {
  "vector", "ArrayConversion", "JaxToNumpy", "JaxToTorch", "NumpyToTorch"
}  # fmt: skip


def wrappers_of(config: schema.EnvironmentConfig) -> list[Wrap]:
  """Returns the wrappers of a copy of the environment, the innermost first.

  They can be pickled, for copies in processes of their own. A wrapper that
  fails raises a UserError that names it.

  Raises:
    UserError: a wrapper does not exist, or does not take its arguments.
  """
  return [
    _wrapper(*name_and_arguments) for name_and_arguments in config.wrappers
  ]


def _wrapper(name: str, arguments: dict[str, Any]) -> Wrap:
  wrapper = _users_own(name) if ":" in name else _gymnasiums(name)
  _check_arguments(name, wrapper, arguments)
  return functools.partial(_wrap, name, functools.partial(wrapper, **arguments))


def _wrap(name: str, wrapper: Wrap, env: gym.Env) -> gym.Env:
  try:
    wrapped = wrapper(env)
  except checked.USER_CODE_ERRORS as error:
    raise _error(
      f"{name!r} cannot be put around {env}: "
      f"{checked.describe_exception(error)}",
      traceback.format_exc(),
    ) from None
  if not isinstance(wrapped, gym.Env):
    raise _error(
      f"{name!r} returned {type(wrapped).__name__}; expected an environment"
    )
  return wrapped


def _gymnasiums(name: str) -> Callable[..., gym.Env]:
  """Finds a class of `gymnasium.wrappers`."""
  if name in _REFUSED:
    raise _error(f"{name!r} is not supported here; use {_REFUSED[name]}")
  known = sorted({*gym.wrappers.__all__} - _REFUSED.keys() - _NO_WRAPPERS)
  if name not in known:
    raise _error(
      f"unknown wrapper {name!r}; expected one of {', '.join(known)}, or "
      f"'package.module:MyWrapper'{errors.nearest(name, known)}"
    )
  return getattr(gym.wrappers, name)


def _users_own(name: str) -> Callable[..., gym.Env]:
  """Finds a class, or a function, of a user's module."""
  module_name, _, attribute = name.partition(":")
  try:
    module = importlib.import_module(module_name)
  except checked.USER_CODE_ERRORS as error:
    is_missing = isinstance(error, ModuleNotFoundError)
    raise _error(
      f"cannot import {module_name!r} ({checked.describe_exception(error)})",
      "" if is_missing else traceback.format_exc(),
    ) from None
  wrapper = getattr(module, attribute, None)
  if not callable(wrapper):
    known = [n for n, value in vars(module).items() if inspect.isclass(value)]
    raise _error(
      f"{module_name!r} has no {attribute!r}; expected a class or function of "
      f"it that takes an environment{errors.nearest(attribute, known)}"
    )
  for refused, instead in _REFUSED.items():
    if _is_refused(wrapper, refused):
      raise _error(f"{name!r} is not supported here; use {instead}")
  return wrapper


def _is_refused(wrapper: Callable, refused: str) -> bool:
  """Whether a wrapper is the refused class, or extends a normalizing one."""
  theirs = getattr(gym.wrappers, refused)
  extends = inspect.isclass(wrapper) and issubclass(wrapper, theirs)
  return wrapper is theirs or (extends and refused.startswith("Normalize"))


def _check_arguments(name: str, wrapper: Callable, arguments: dict) -> None:
  """Compares arguments with the wrapper's parameters after the environment."""
  try:
    parameters = [*inspect.signature(wrapper).parameters.values()][1:]
  except (TypeError, ValueError):  # written in C: calling it will tell
    return
  if any(p.kind is p.VAR_KEYWORD for p in parameters):
    return
  parameters = [p for p in parameters if p.kind is not p.VAR_POSITIONAL]
  known = [p.name for p in parameters]
  for argument in arguments:
    if argument not in known:
      expected = f"one of {', '.join(known)}" if known else "no arguments"
      raise _error(
        f"{name!r} takes no {argument!r}; expected {expected}"
        f"{errors.nearest(argument, known)}"
      )
  for parameter in parameters:
    required = parameter.default is parameter.empty
    if required and parameter.name not in arguments:
      raise _error(
        f"{name!r} needs {parameter.name!r}; expected "
        f"({name!r}, {{{parameter.name!r}: ...}})"
      )


def _error(text: str, trace: str = "") -> errors.UserError:
  return errors.UserError(f"EnvironmentConfig.wrappers: {text}", trace)
