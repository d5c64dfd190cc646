"""The function that makes a user's own network, found by its name."""

import importlib
import inspect
import traceback
from collections.abc import Callable
from typing import Any

import gin

from agents_pipeline import errors
from agents_pipeline.config import schema

USER_CODE_ERRORS = (Exception, SystemExit)


def load(config: schema.AgentConfig) -> Callable[..., Any]:
  """The function that a configuration names.

  Args:
    config: the configuration; its network is 'my_module:make_network'.

  Raises:
    UserError: the module cannot be imported or has no such function, or the
      function does not take the arguments.
  """
  assert config.network is not None
  module_name, _, name = config.network.partition(":")
  try:
    with gin.unlock_config():  # the module may register it with gin
      module = importlib.import_module(module_name)
  except USER_CODE_ERRORS as error:
    trace = traceback.format_exc()
    if isinstance(error, ModuleNotFoundError):
      trace = ""
    raise error_of(
      config, f"cannot import {module_name!r} ({described(error)})", trace
    ) from None
  function = getattr(module, name, None)
  if not callable(function):
    known = [
      n for n, value in vars(module).items() if inspect.isfunction(value)
    ]
    raise error_of(
      config,
      f"{module_name!r} has no function {name!r}; expected one of it"
      f"{errors.nearest(name, known)}",
    )
  try:
    signature = inspect.signature(function)
  except (TypeError, ValueError):  # a builtin may have none: calling it tells
    return function
  try:
    signature.bind(None, None, **config.network_arguments)
  except TypeError as error:
    raise error_of(
      config,
      f"it is {name}{signature}: {error}; expected it to take "
      "(observation_spec, action_spec), and network_arguments by their names",
    ) from None
  return function


def described(error: BaseException) -> str:
  """An exception on one line, without what Keras adds."""
  text = str(error)
  if text.startswith("Exception encountered when calling layer"):
    text = text.split("\n\n")[1]
  text = " ".join(text.split())
  return f"{type(error).__name__}: {text}" if text else type(error).__name__


def error_of(
  config: schema.AgentConfig, text: str, trace: str = ""
) -> errors.UserError:
  """The error of a network that cannot be used.

  Args:
    config: the configuration that names its function.
    text: why it cannot be used.
    trace: the traceback of what the user's code raised.
  """
  return errors.UserError(
    f"{type(config).__name__}.network = {config.network!r}: {text}", trace
  )
