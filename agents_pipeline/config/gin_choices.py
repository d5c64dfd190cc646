"""Which configuration classes an experiment uses, and unused bindings."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents_pipeline import errors
from agents_pipeline.config import fields, gin_syntax

_ROOT = "Experiment"


class Choices:
  """Resolves bindings as gin would, starting from `Experiment`.

  Attributes:
    chosen: "Class.field" -> value, for every class that the experiment uses; a
      component is a `Reference`.
  """

  def __init__(
    self,
    bindings: Sequence[gin_syntax.Binding],
    classes: Mapping[str, type],
  ):
    """Follows references, macros, scopes and defaults.

    Args:
      bindings: the bindings in their order; later ones override earlier ones.
      classes: name -> configuration dataclass.
    """
    self._classes = classes
    self._bound: dict[tuple[str, str], dict[str, Any]] = {}
    for scope, owner, field, value in (b[1:5] for b in bindings):
      self._bound.setdefault((scope, owner), {})[field] = value
    self._read: set[tuple[str, str]] = set()
    self.chosen: dict[str, Any] = {}
    self._visit(gin_syntax.Reference("", _ROOT), "", ())

  @property
  def parts(self) -> set[str]:
    """The names of the classes that the experiment uses."""
    return {name for _, name in self._read}

  def reads(self, binding: gin_syntax.Binding) -> bool:
    """Whether the experiment uses this binding."""
    return (binding.scope, binding.owner) in self._read

  def in_place_of(self, name: str) -> str:
    """The nearest choice that excludes a class; "" if no field accepts it.

    Such as "DqnConfig.optimizer is @Adam()".
    """
    level, seen = [name], {name}
    while level:
      holders = [pair for one in level for pair in self._holders(one)]
      for holder, field in holders:
        if holder in self.parts:
          return f"{holder}.{field} is {self.chosen[f'{holder}.{field}']!r}"
      level = [holder for holder, _ in holders if holder not in seen]
      seen.update(level)
    return ""

  def _holders(self, name: str) -> Iterator[tuple[str, str]]:
    """Yields the (class, field) pairs that accept a class."""
    for holder, kind in self._classes.items():
      for field in dataclasses.fields(kind):
        if self._classes.get(name) in fields.components_of(field):
          yield holder, field.name

  def _visit(
    self,
    reference: gin_syntax.Reference,
    scope: str,
    above: tuple[str, ...],
  ) -> None:
    """Records a class and, recursively, its components.

    Args:
      reference: the class to visit.
      scope: the enclosing gin scope.
      above: the classes being visited; a repeat is a cycle.
    """
    name, scope = reference.name, reference.scope or scope
    if name not in self._classes or name in above:
      return
    values: dict[str, Any] = {}
    for outer in _with_outer(scope):
      self._read.add((outer, name))
      values |= self._bound.get((outer, name), {})
    for field in dataclasses.fields(self._classes[name]):
      value, inner = self._resolve(_value(field, values), scope)
      self.chosen[f"{name}.{field.name}"] = value
      for one in value if isinstance(value, (tuple, list)) else (value,):
        one, within = self._resolve(one, inner)
        if isinstance(one, gin_syntax.Reference):
          self._visit(one, within, (*above, name))

  def _resolve(self, value: Any, scope: str) -> tuple[Any, str]:
    """Resolves macros; returns the value and its scope."""
    seen = set()
    while isinstance(value, gin_syntax.Macro) and value not in seen:
      seen.add(value)
      scope = value.name
      for outer in _with_outer(scope):
        names, _, last = outer.rpartition("/")
        value = self._bound.get((names, last), {}).get("", value)
    return value, scope


def _value(field: dataclasses.Field, values: Mapping[str, Any]) -> Any:
  """The value bound to a field, or its default."""
  if field.name in values:
    return values[field.name]
  factory = field.default_factory
  if factory is dataclasses.MISSING:
    return field.default
  if isinstance(factory, type) and factory in fields.components_of(field):
    return gin_syntax.Reference("", factory.__name__)
  return factory()


def _with_outer(scope: str) -> list[str]:
  """The scopes whose bindings apply within "a/b": "", "a" and "a/b"."""
  names = scope.split("/") if scope else []
  return ["/".join(names[:i]) for i in range(len(names) + 1)]


def check_all_read(
  bindings: Sequence[gin_syntax.Binding], classes: Mapping[str, type]
) -> list[str]:
  """Rejects bindings of unused classes.

  A later file may replace a component; bindings of the replaced one are not
  errors. A class must be in use at the end of its own file, or at the end of
  all.

  Args:
    bindings: the bindings of all texts, in their order.
    classes: name -> configuration dataclass.

  Returns:
    One line per replaced choice, naming the bindings that are now unused.

  Raises:
    UserError: a binding is unused; the message names the first one and the
      choice that excludes its class.
  """
  final = Choices(bindings, classes)
  earlier: dict[int, Choices] = {len(bindings): final}
  replaced: dict[str, list[str]] = {}
  for binding in bindings:
    if not binding.field or final.reads(binding):
      continue
    if binding.until not in earlier:
      earlier[binding.until] = Choices(bindings[: binding.until], classes)
    reason = final.in_place_of(binding.owner)
    if not earlier[binding.until].reads(binding):
      reason = reason or f"expected {binding.owner}.{binding.field}"
      raise errors.UserError(f"{binding.name} is read by nothing: {reason}")
    names = replaced.setdefault(reason, [])
    if binding.name not in names:
      names.append(binding.name)
  return [_warning(reason, names) for reason, names in replaced.items()]


def _warning(reason: str, names: Sequence[str]) -> str:
  first, *others = names
  if not others:
    return f"{reason}: {first} is read by nothing"
  plural = "bindings are" if len(others) > 1 else "binding are"
  return f"{reason}: {first} and {len(others)} more {plural} read by nothing"
