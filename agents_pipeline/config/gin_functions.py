"""Functions of a user's own module that a gin file names.

`DqnConfig.network = @my_module.make_network` is gin's way to name a function,
and gin knows only functions that were registered with it. Nothing is imported
while gin files are parsed, so a function of that name stands in for it; the
field keeps the name alone, 'my_module:make_network'.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gin

from agents_pipeline import errors
from agents_pipeline.config import gin_syntax, rules

# The module of the functions that stand in: not a user's own, which may
# register the function itself.
_STAND_INS = "agents_pipeline.stand_ins"
_known: set[str] = set()


def make_known(
  statements: gin_syntax.Statements, classes: Mapping[str, type]
) -> None:
  """Makes gin know the functions that fields are bound to.

  Args:
    statements: the statements of all texts.
    classes: name -> configuration dataclass.

  Raises:
    UserError: a parameter of such a function is bound, which would be neither
      checked nor saved.
  """
  named: dict[str, str] = {}
  for where, reference in _references(statements, classes):
    named[reference.name] = where
    full = f"{reference.module}.{reference.name}"
    if reference.module and full not in _known:
      _known.add(full)
      gin.external_configurable(
        _stand_in(reference), module=f"{_STAND_INS}.{reference.module}"
      )
  for binding in statements.bindings:
    if binding.field and binding.owner in named:
      raise errors.UserError(
        f"{binding.name} is read by nothing: expected "
        f"{named[binding.owner]}_arguments = {{{binding.field!r}: ...}}"
      )


def _references(
  statements: gin_syntax.Statements, classes: Mapping[str, type]
) -> Iterator[tuple[str, gin_syntax.Reference]]:
  """Yields fields with the functions bound to them, also by a macro."""
  macros = {b.owner: b.value for b in statements.bindings if not b.field}
  for binding in statements.bindings:
    value = binding.value
    if isinstance(value, gin_syntax.Macro):
      value = macros.get(value.name)
    takes_functions = binding.field in _function_fields(
      classes.get(binding.owner)
    )
    if takes_functions and isinstance(value, gin_syntax.Reference):
      yield f"{binding.owner}.{binding.field}", value


def _function_fields(cls: type | None) -> set[str]:
  """The fields of a configuration class that hold a function."""
  if cls is None:
    return set()
  return {
    field.name
    for field in dataclasses.fields(cls)
    if isinstance(field.metadata["rule"], rules.Function)
  }


def _stand_in(reference: gin_syntax.Reference) -> Callable[[], Any]:
  """A function with the name and the module of one that is not imported."""

  def stand_in():
    full = f"@{reference.module}.{reference.name}"
    raise errors.UserError(
      f"{full}() would be called while gin files are read; expected {full}"
    )

  stand_in.__module__ = reference.module
  stand_in.__name__ = stand_in.__qualname__ = reference.name
  return stand_in
