"""gin files in, a locked experiment out, and back to a file again."""

import ast
import dataclasses
import os
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import gin

from agents_pipeline import errors
from agents_pipeline.experiment import (
  a2c_config,
  config,
  dqn_config,
  observations,
  optimizers,
  rewards,
  schedules,
  stopping,
)

# Where the classes that gin files bind are.
MODULES = (
  config,
  dqn_config,
  a2c_config,
  optimizers,
  schedules,
  observations,
  rewards,
  stopping,
)


def load_experiment(
  files: Sequence[str | os.PathLike], bindings: Sequence[str] = ()
) -> config.Experiment:
  """Parses gin files and bindings, locks gin, and makes the experiment.

  Args:
    files: paths of gin files; later ones override earlier ones.
    bindings: single bindings such as "DqnConfig.gamma = 0.9"; they come last.

  Raises:
    UserError: a file is missing, a name is unknown, a value does not fit, or a
      required value is missing.
  """
  for file in files:
    if not pathlib.Path(file).is_file():
      raise errors.UserError(
        f"gin file {str(file)!r} does not exist{_nearest_file(file)}"
      )
  gin.clear_config()
  try:
    gin.parse_config_files_and_bindings(
      [str(f) for f in files], list(bindings), finalize_config=True
    )
    return config.Experiment()
  except errors.UserError as error:
    raise errors.UserError(_first_line(error)) from None
  except (ValueError, TypeError, RuntimeError, SyntaxError, OSError) as error:
    raise errors.UserError(_explain(error)) from None


def to_text(experiment: config.Experiment) -> str:
  """Writes every value of an experiment as a gin file that gives it back.

  gin's own operative configuration leaves out defaults that are objects, and
  holds whatever else was called meanwhile, such as TF-Agents' agents.
  """
  sections: list[str] = []
  waiting: list[Any] = [experiment]
  while waiting:
    one = waiting.pop(0)
    name = type(one).__name__
    lines = [f"# {name}"]
    for field in dataclasses.fields(one):
      value = getattr(one, field.name)
      if dataclasses.is_dataclass(value):
        waiting.append(value)
        value = f"@{type(value).__name__}()"
      else:
        value = repr(value)
      lines.append(f"{name}.{field.name} = {value}")
    if len(lines) > 1:
      sections.append("\n".join(lines) + "\n")
  return "\n".join(sections)


def differences(before: str, after: str) -> list[str]:
  """Bindings that differ between two texts of `to_text`.

  Returns:
    "Class.field: old -> new", one for each difference, in order of name.
  """
  old, new = _bindings(before), _bindings(after)
  return [
    f"{name}: {old.get(name, 'default')} -> {new.get(name, 'default')}"
    for name in sorted(old.keys() | new.keys())
    if old.get(name) != new.get(name)
  ]


def _bindings(text: str) -> dict[str, Any]:
  """Name -> value as Python reads it, so that 1 and 1.0 are the same."""
  pairs = [line.split(" = ", 1) for line in text.splitlines() if " = " in line]
  return {
    name: value if value.startswith("@") else ast.literal_eval(value)
    for name, value in pairs
  }


def _nearest_file(file: str | os.PathLike) -> str:
  folder = pathlib.Path(file).parent
  known = [str(p) for p in folder.glob("*.gin")] if folder.is_dir() else []
  return errors.nearest(file, known)


def _first_line(error: Exception) -> str:
  return str(error).strip().split("\n")[0]


def _classes() -> dict[str, type]:
  found: dict[str, type] = {}
  for module in MODULES:
    for name, value in vars(module).items():
      if isinstance(value, type) and hasattr(value, "__dataclass_fields__"):
        found[name] = value
  return found


def _expected(name: str, known: Sequence[str]) -> str:
  near = errors.nearest(name, known).removeprefix("; ")
  return near or f"expected one of {', '.join(known)}"


def _explain(error: Exception) -> str:
  """One line for what gin says, with the nearest valid name."""
  message = _first_line(error)
  classes = _classes()
  unknown = re.search(
    r"No configurable matching (?:reference )?'?@?([\w.]+)", message
  )
  if unknown:
    name = unknown.group(1).split(".")[0]
    return f"unknown gin name {name!r}: {_expected(name, sorted(classes))}"
  parameter = re.search(
    r"[Cc]onfigurable '([\w.]+)' doesn't have a parameter named '(\w+)'",
    message,
  ) or re.search(r"Parameter '(?:.*\.)?(\w+)\.(\w+)'", message)
  if parameter:
    owner, name = parameter.group(1).split(".")[-1], parameter.group(2)
    known = list(getattr(classes.get(owner), "__dataclass_fields__", ()))
    return f"unknown gin parameter {owner}.{name}: {_expected(name, known)}"
  missing = re.search(
    r"Required bindings for `([\w.]+)` not provided in config: \[(.*)\]",
    message,
  )
  if missing:
    owner = missing.group(1).split(".")[-1]
    names = [f"{owner}.{n.strip()}" for n in missing.group(2).split(",")]
    return f"{', '.join(names)} is required and not bound".replace("'", "")
  return f"gin: {' '.join(str(error).split())}"
