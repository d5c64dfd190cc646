"""Parses gin texts before gin does, and looks up nothing.

What is bound where, and by which text, is known from here; `gin_choices` and
`gin_names` judge it.
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from gin import config_parser

from agents_pipeline import errors


@dataclasses.dataclass(frozen=True)
class Reference:
  """`@scope/module.Name()`; evaluated is False without the parentheses."""

  scope: str
  name: str
  evaluated: bool = True
  module: str = ""

  def __repr__(self) -> str:
    scope = f"{self.scope}/" if self.scope else ""
    return f"@{scope}{self.name}{'()' if self.evaluated else ''}"


@dataclasses.dataclass(frozen=True)
class Macro:
  """`%name`, with its scopes."""

  name: str

  def __repr__(self) -> str:
    return f"%{self.name}"


class Binding(NamedTuple):
  """One statement `scope/owner.field = value`.

  Attributes:
    where: the text that the binding is from, for messages.
    scope: the gin scope; "" without one.
    owner: the name of the class; of the macro where there is no field.
    field: the name of the field; "" where a macro is bound.
    value: the value, with `Reference` and `Macro` objects in it.
    until: the number of bindings that had been parsed when the text that this
      one is in ended.
  """

  where: str
  scope: str
  owner: str
  field: str
  value: Any
  until: int

  @property
  def name(self) -> str:
    """The name as it was written."""
    scope = f"{self.scope}/" if self.scope else ""
    return f"{scope}{self.owner}{f'.{self.field}' if self.field else ''}"


class Statements(config_parser.ParserDelegate):
  """What some texts bind, import and include.

  Attributes:
    bindings: the bindings, in the order in which gin makes them.
    macros: the names of the macros that are used.
    imports: (where, module) of each `import`.
  """

  def __init__(self):
    self.bindings: list[Binding] = []
    self.macros: set[str] = set()
    self.imports: list[tuple[str, str]] = []

  def parse(self, where: str, text: str) -> None:
    """Adds what a text says; later texts override earlier ones.

    Args:
      where: the name of the text, for messages.
      text: the text, in gin's language.

    Raises:
      UserError: a file that is included does not exist, or includes itself.
      Exception: whatever gin's parser raises of what is no gin.
    """
    self._parse(where, text, (where,))

  def configurable_reference(self, scoped_configurable_name, evaluate):
    """Makes the value of `@scope/Name()`; called by gin's parser."""
    scope, _, name = scoped_configurable_name.rpartition("/")
    module, _, last = name.rpartition(".")
    return Reference(scope, last, evaluate, module)

  def macro(self, macro_name):
    """Makes the value of `%name`; called by gin's parser."""
    self.macros.add(macro_name)
    return Macro(macro_name)

  def _parse(self, where: str, text: str, including: tuple[str, ...]) -> None:
    """Parses a text, and those that it includes where it includes them."""
    own: list[int] = []
    for statement in config_parser.ConfigParser(text, self):
      if isinstance(statement, config_parser.ImportStatement):
        self.imports.append((where, statement.module))
      if isinstance(statement, config_parser.IncludeStatement):
        self._include(where, statement.filename, including)
      elif isinstance(statement, config_parser.BindingStatement):
        scope, owner, field, value, _ = statement
        own.append(len(self.bindings))
        self.bindings.append(Binding(where, scope, owner, field, value, 0))
    until = len(self.bindings)
    for i in own:
      self.bindings[i] = self.bindings[i]._replace(until=until)

  def _include(
    self, where: str, filename: str, including: Sequence[str]
  ) -> None:
    path = pathlib.Path(filename)
    if not path.is_file():
      raise errors.UserError(
        f"{where} includes {filename!r}, which does not exist in the folder "
        f"that this runs in{nearest_file(path)}"
      )
    if filename in including:
      raise errors.UserError(
        f"{where} includes {filename!r}, which includes it in turn; expected "
        "files that do not include themselves"
      )
    self._parse(filename, path.read_text("utf-8"), (*including, filename))


def nearest_file(path: pathlib.Path) -> str:
  """Returns "; did you mean 'x.gin'?" for a file beside it, or ""."""
  folder = path.parent
  known = [str(p) for p in folder.glob("*.gin")] if folder.is_dir() else []
  return errors.nearest(path, known)
