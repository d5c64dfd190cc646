"""Every field of the configuration, to read: `train --help_config`.

`python -m agents_pipeline.config.reference` prints docs/configuration.md.
"""

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import gin

from agents_pipeline import errors
from agents_pipeline.config import fields, gin_names, schema

_WIDTH = 80
_PAGE_WIDTH = 120

_INTRO = (
  "Every field that a gin file or `--gin_bindings` can bind, such as "
  "`DqnConfig.gamma = 0.9`, with its default. `train --help_config=DqnConfig` "
  "prints those of one class in a terminal. `@Name()` chooses the class "
  "`Name`, which has fields of its own. Units are in the names: an env step is "
  "one transition of one environment, a train step one update of the "
  "optimizer.",
  "`make reference` makes this page of the docstrings of the classes.",
)
_ELSEWHERE = (
  "What Stable-Baselines3, CleanRL, RLlib, Dopamine and TF-Agents call it, and "
  "what it is here. Some count in other units."
)


@dataclasses.dataclass(frozen=True)
class Field:
  """A field as the user reads it.

  Attributes:
    name: the name of the field.
    default: the default, as written in a gin file; "required" if there is none.
    expected: the type and bounds, as error messages have them.
    meaning: the meaning, from the docstring of the class.
  """

  name: str
  default: str
  expected: str
  meaning: str


def fields_of(cls: type) -> list[Field]:
  """The fields of a configuration class, in its order."""
  meanings = _meanings(cls)
  return [
    Field(
      field.name,
      _default(field),
      field.metadata["rule"].problem(_Unfit()),
      meanings[field.name],
    )
    for field in dataclasses.fields(cls)
  ]


def summary(cls: type) -> str:
  """What a class is: its docstring without the fields."""
  text = (inspect.getdoc(cls) or "").partition("\nAttributes:\n")[0]
  return " ".join(text.split())


def classes() -> list[type]:
  """Every class, from the experiment to its parts; choices follow theirs."""
  return list(dict.fromkeys(_walk(schema.Experiment)))


def as_text(name: str | None = None) -> str:
  """What a terminal shows, at most 80 columns wide.

  Args:
    name: the name of a class; None is all of them.

  Raises:
    UserError: there is no such class.
  """
  found = {cls.__name__: cls for cls in classes()}
  if name is not None and name not in found:
    hint = errors.nearest(name, found) or "; --help_config lists them"
    raise errors.UserError(
      f"--help_config={name}: expected the name of a class{hint}"
    )
  chosen = found.values() if name is None else [found[name]]
  return "\n\n".join(map(_class_as_text, chosen))


def as_markdown() -> str:
  """The page of the documentation."""
  parts = ["# Configuration", *(_fill(text) for text in _INTRO)]
  for cls in classes():
    parts += [f"## {cls.__name__}", _fill(summary(cls))]
    entries = [
      _fill(f"* `{f.name} = {f.default}` ({f.expected}): {f.meaning}", "  ")
      for f in fields_of(cls)
    ]
    parts += ["\n".join(entries)] * bool(entries)
  parts += ["## Names of other libraries", _fill(_ELSEWHERE)]
  rows = gin_names.names_elsewhere()
  parts.append("\n".join(_elsewhere(*row) for row in rows))
  return "\n\n".join(parts) + "\n"


def _elsewhere(field: str, owners: list[str], names: list[str]) -> str:
  theirs = ", ".join(f"`{name}`" for name in names)
  return _fill(f"* {theirs}: `{field}` of {', '.join(sorted(owners))}", "  ")


class _Unfit:
  """A value that fits no field, so that a field says what it expects."""

  def __repr__(self) -> str:
    return ""


def _walk(cls: type) -> Iterator[type]:
  yield cls
  for field in dataclasses.fields(cls):
    for choice in fields.components_of(field):
      yield from _walk(choice)


def _meanings(cls: type) -> dict[str, str]:
  """The entries under "Attributes:" of a class and what it extends."""
  found: dict[str, str] = {}
  for base in reversed(cls.__mro__):
    text = (inspect.getdoc(base) or "").partition("\nAttributes:\n")[2]
    for name, meaning in re.findall(
      r"^  (\w+): (.*(?:\n(?:    .*)?)*)", text, re.M
    ):
      words = " ".join(meaning.split())
      found[name] = words[0].upper() + words[1:]
  return found


def _default(field: dataclasses.Field) -> str:
  if field.default is gin.REQUIRED:
    return "required"
  value: Any = field.default
  if field.default_factory is not dataclasses.MISSING:
    maker = field.default_factory
    name = getattr(maker, "__name__", "")
    if name in fields.CLASSES:
      return f"@{name}()"
    value = maker()
  if isinstance(value, int) and not isinstance(value, bool):
    return f"{value:_}"
  return repr(value)


def _class_as_text(cls: type) -> str:
  lines = [*_wrap(f"{cls.__name__}: {summary(cls)}")]
  for field in fields_of(cls):
    lines += ["", f"  {cls.__name__}.{field.name} = {field.default}"]
    lines += _wrap(field.expected, "      ")
    lines += _wrap(field.meaning, "      ")
  return "\n".join(lines)


def _wrap(text: str, indent: str = "") -> list[str]:
  return textwrap.wrap(
    text,
    _WIDTH,
    initial_indent=indent,
    subsequent_indent=indent,
    break_long_words=False,
    break_on_hyphens=False,
  )


def _fill(text: str, indent: str = "") -> str:
  """A paragraph of the page."""
  return "\n".join(
    textwrap.wrap(
      text,
      _PAGE_WIDTH,
      subsequent_indent=indent,
      break_long_words=False,
      break_on_hyphens=False,
    )
  )


if __name__ == "__main__":
  print(as_markdown(), end="")
