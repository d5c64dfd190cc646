"""gin files in, a locked experiment out, and back to a file again."""

import ast
import contextlib
import dataclasses
import os
import pathlib
import re
import tokenize
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import gin

from agents_pipeline import errors
from agents_pipeline.config import (
  fields,
  gin_choices,
  gin_functions,
  gin_names,
  gin_syntax,
  schema,
)
from agents_pipeline.files import paths

_SHIPPED = pathlib.Path(__file__).parents[1] / "configs"


def load_experiment(
  files: Sequence[str | os.PathLike],
  bindings: Iterable[str] = (),
  *,
  base: str = "",
  allow_imports: bool = False,
  report: Callable[[str], None] = lambda line: None,
) -> schema.Experiment:
  """Parses gin files and bindings, locks gin, and makes the experiment.

  Args:
    files: paths of gin files; later ones override earlier ones.
    bindings: single bindings such as "DqnConfig.gamma = 0.9"; they come last.
    base: the text of a gin file before all others.
    allow_imports: whether the files may hold `import` statements, which run
      code. If they do, unused bindings are not refused: imported code may read
      them.
    report: called with a line for each choice that a later file replaced and
      whose bindings are now unused, and for each setting that is valid but
      hardly intended.

  Raises:
    UserError: a file is missing, a name is unknown, a value does not fit, a
      required value is missing, nothing reads a binding, or imports are not
      allowed.
  """
  bindings = as_texts(bindings)
  opened = [_find(paths.from_text("--gin_file", file)) for file in files]
  gin.clear_config()
  classes, found = fields.CLASSES, gin_syntax.Statements()
  try:
    found.parse("--environment", base)
    for file in opened:
      found.parse(str(file), file.read_text("utf-8"))
    found.parse("--gin_bindings", "\n".join(bindings))
    for where, module in found.imports:
      if not allow_imports:
        raise errors.UserError(
          f"{where} imports {module!r}, which would run its code; expected "
          "bindings alone, or --allow_gin_imports"
        )
    gin_functions.make_known(found, classes)
    if not found.imports:
      gin_names.check_names(found, classes)
    gin.parse_config(base)
    gin.parse_config_files_and_bindings(
      [str(f) for f in opened], bindings, finalize_config=True
    )
    experiment = schema.Experiment()
    replaced = (
      []
      if found.imports
      else gin_choices.check_all_read(found.bindings, classes)
    )
  except errors.UserError as error:
    raise errors.UserError(errors.first_line(error)) from None
  except Exception as error:  # whatever a parser raises of what is no gin
    raise errors.UserError(_explain(error, found)) from None
  for line in (*replaced, *experiment.warnings):
    report(line)
  return experiment


def as_texts(bindings: str | Iterable[str]) -> list[str]:
  """Several bindings as a list; a single one may come alone.

  Raises:
    UserError: a binding is no string.
  """
  is_several = isinstance(bindings, Iterable) and not isinstance(bindings, str)
  texts: list[Any] = list(bindings) if is_several else [bindings]
  for text in texts:
    if not isinstance(text, str):
      raise errors.UserError(
        f"binding {text!r}: expected text such as 'DqnConfig.gamma = 0.9'"
      )
  return texts


def _find(path: pathlib.Path) -> pathlib.Path:
  """The file at a path; a bare name may also be one of the package's own.

  Raises:
    UserError: there is neither such a file nor one of the package's own.
  """
  if path.is_file():
    return path
  shipped = _SHIPPED / path.name
  if path.name == str(path) and shipped.is_file():
    return shipped
  if path.is_dir():
    raise errors.UserError(
      f"gin file {str(path)!r} is a folder; expected a file"
    )
  # Without the suffix, in which all are alike.
  known = sorted(one.stem for one in _SHIPPED.glob("*.gin"))
  like = [f"{name}.gin" for name in known if errors.nearest(path.stem, [name])]
  hint = gin_syntax.nearest_file(path) or errors.nearest(path.name, like)
  raise errors.UserError(f"gin file {str(path)!r} does not exist{hint}")


def to_text(experiment: schema.Experiment) -> str:
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
      parts = _components(value)
      waiting += parts
      text = repr(value)
      if parts:
        names = [f"@{type(part).__name__}()" for part in parts]
        is_tuple = isinstance(value, (tuple, list))
        text = f"({', '.join(names)},)" if is_tuple else names[0]
      lines.append(f"{name}.{field.name} = {text}")
    if len(lines) > 1:
      sections.append("\n".join(lines) + "\n")
  return "\n".join(sections)


def _components(value: Any) -> list[Any]:
  """The configuration objects that the value of a field consists of."""
  several = value if isinstance(value, (tuple, list)) else (value,)
  return [one for one in several if dataclasses.is_dataclass(one)]


def differences(before: str, after: str) -> list[str]:
  """Bindings that differ between two texts of `to_text`.

  Returns:
    "Class.field: old -> new", one for each difference, in order of name.
  """
  old, new = values(before), values(after)
  return [
    f"{name}: {old.get(name, '(not set)')} -> {new.get(name, '(not set)')}"
    for name in sorted(old.keys() | new.keys())
    if old.get(name) != new.get(name)
  ]


def values(text: str) -> dict[str, Any]:
  """What a text of `to_text` binds.

  Returns:
    Name -> value as Python reads it, so that 1 and 1.0 are the same.
  """
  pairs = [line.split(" = ", 1) for line in text.splitlines() if " = " in line]
  found: dict[str, Any] = {}
  for name, value in pairs:
    found[name] = value
    with contextlib.suppress(ValueError, SyntaxError):  # such as @Class()
      found[name] = ast.literal_eval(value)
  return found


def parameters(experiment: schema.Experiment) -> dict[str, Any]:
  """Every value of an experiment, as what compares runs takes it.

  Returns:
    "Class.field" -> bool, int, float or str, such as "(64, 64)" or "@Adam()".
  """
  return {
    name: value if isinstance(value, (bool, int, float, str)) else repr(value)
    for name, value in values(to_text(experiment)).items()
  }


def _explain(error: Exception, found: gin_syntax.Statements) -> str:
  """One line for what gin says, with the nearest valid name."""
  message = errors.first_line(error)
  classes = fields.CLASSES
  unknown = re.search(
    r"No configurable matching (?:reference )?'?@?([\w.]+)", message
  )
  if unknown:
    return gin_names.unknown_name(unknown.group(1), classes)
  parameter = re.search(
    r"[Cc]onfigurable '([\w.]+)' doesn't have a parameter named '(\w+)'",
    message,
  ) or re.search(r"Parameter '(?:.*\.)?(\w+)\.(\w+)'", message)
  if parameter:
    owner, name = parameter.group(1).split(".")[-1], parameter.group(2)
    known = list(getattr(classes.get(owner), "__dataclass_fields__", ()))
    choices = gin_choices.Choices(found.bindings, classes)
    return gin_names.unknown_field(owner, name, choices, known)
  missing = re.search(
    r"Required bindings for `([\w.]+)` not provided in config: \[(.*)\]",
    message,
  )
  if missing:
    owner = missing.group(1).split(".")[-1]
    names = [f"{owner}.{n.strip()}" for n in missing.group(2).split(",")]
    return f"{', '.join(names)} is required and not bound".replace("'", "")
  if isinstance(error, RecursionError):
    return "gin: a class is bound to a field of its own parts"
  macro = re.search(r"No bindings specified for '(.*)/gin.macro'", message)
  if macro:
    return f"gin: nothing is bound to %{macro.group(1)}"
  if isinstance(error, tokenize.TokenError):
    return f"gin: {error.args[0]}, line {error.args[1][0]}"
  literal = re.search(r"Failed to parse token '(.*?)' \(line", str(error))
  if literal:
    return (
      f"gin: {literal.group(1)!r} is no value; expected a number, a string in "
      "quotes, a tuple, or @Class()"
    )
  return f"gin: {' '.join(str(error).split())}"
