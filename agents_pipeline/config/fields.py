"""Configuration classes: dataclasses that gin binds, which check their fields.

`@config` makes a class one. `integer`, `number`, `choice` and the like declare
its fields. Creating an instance with an invalid value raises one line that
names the value and what was expected.
"""

import dataclasses
import math
import sys
from typing import Any, TypeVar

import gin
from typing_extensions import dataclass_transform

from agents_pipeline import errors

T = TypeVar("T")

# Every configuration class, by its name in gin files.
CLASSES: dict[str, type] = {}

INFINITY = math.inf  # a bound that bounds nothing
_WIDEST, _DEEPEST = 65_536, 100  # of layers
_LARGEST = 2**31 - 1  # of whole numbers, where a field does not say otherwise


@dataclasses.dataclass(frozen=True)
class _Number:
  """A number in [low, high]; whole says that it must be an int.

  above and below say that low and high themselves are excluded.
  """

  low: float
  high: float
  whole: bool
  above: bool
  optional: bool
  below: bool = False

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    if value is None and self.optional:
      return ""
    kinds = (int,) if self.whole else (int, float)
    fits = isinstance(value, kinds) and not isinstance(value, bool)
    largest = sys.float_info.max
    if self.whole and self.high == math.inf:
      largest = _LARGEST
    in_span = fits and self.low <= value <= min(self.high, largest)
    in_span = in_span and value >= -largest
    excluded = (self.above and value == self.low) or (
      self.below and value == self.high
    )
    if in_span and not excluded:
      return ""
    noun = "a whole number" if self.whole else "a number"
    if fits and largest < value <= self.high:
      return f"{noun} of at most {largest:,.16g}"
    if self.high < math.inf:
      left, right = "[("[self.above], "])"[self.below]
      span = f"in {left}{self.low:.16g}, {self.high:.16g}{right}"
    elif self.low > -math.inf:
      span = f"{'above' if self.above else 'of at least'} {self.low:g}"
    else:
      span = "that is finite"
    return f"{noun} {span}" + (" or None" if self.optional else "")


@dataclasses.dataclass(frozen=True)
class _Choice:
  """One of some strings."""

  choices: tuple[str, ...]

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    if value in self.choices:
      return ""
    names = ", ".join(repr(c) for c in self.choices)
    return f"one of {names}" + errors.nearest(value, self.choices)


@dataclasses.dataclass(frozen=True)
class _Instance:
  """An object of a type, or of one of several; named says how to write one."""

  type: type | tuple[type, ...]
  named: str

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    return "" if isinstance(value, self.type) else self.named


@dataclasses.dataclass(frozen=True)
class _Component:
  """An object of one of the configuration classes that extend a base."""

  base: type

  @property
  def classes(self) -> tuple[type, ...]:
    """The classes that there are, in the order of their definition."""
    return tuple(c for c in CLASSES.values() if issubclass(c, self.base))

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    if isinstance(value, self.classes):
      return ""
    names = [f"@{c.__name__}()" for c in self.classes]
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


@dataclasses.dataclass(frozen=True)
class _Either:
  """What fits one of two rules."""

  one: Any
  other: Any

  @property
  def classes(self) -> tuple[type, ...]:
    """Those of the second, if it has any."""
    return getattr(self.other, "classes", ())

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    problems = self.one.problem(value), self.other.problem(value)
    return " or ".join(problems) if all(problems) else ""


@dataclasses.dataclass(frozen=True)
class _WholeNumbers:
  """A tuple of positive whole numbers, such as layer widths."""

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    whole = _Number(1, _WIDEST, True, False, False)
    if isinstance(value, (tuple, list)) and not any(map(whole.problem, value)):
      deep = len(value) > _DEEPEST
      return f"at most {_DEEPEST} layers" if deep else ""
    return f"a tuple of whole numbers in [1, {_WIDEST}] such as (64, 64)"


@dataclasses.dataclass(frozen=True)
class _Arguments:
  """Keyword arguments: plain values by name."""

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    fits = isinstance(value, dict) and all(
      isinstance(name, str) and name.isidentifier() for name in value
    )
    if not fits:
      return "arguments by name such as {'is_slippery': False}"
    if _is_plain(value):
      return ""
    return "numbers, strings, None, True, False, and tuples, lists and dicts"


@dataclasses.dataclass(frozen=True)
class _Calls:
  """A tuple of names, each with its keyword arguments or without."""

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    expected = (
      "a tuple of names, each alone or with its arguments, such as "
      "('FlattenObservation', ('RescaleAction', {'min_action': -1.0, "
      "'max_action': 1.0}))"
    )
    fits = isinstance(value, (tuple, list)) and all(
      isinstance(one, str)
      or (
        isinstance(one, (tuple, list))
        and len(one) == 2
        and isinstance(one[0], str)
        and not _Arguments().problem(one[1])
      )
      for one in value
    )
    return "" if fits else expected


@dataclasses.dataclass(frozen=True)
class _ChoiceByKey:
  """One of some strings for each of any number of keys."""

  choices: tuple[str, ...]

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    fits = isinstance(value, dict) and all(isinstance(k, str) for k in value)
    one = _Choice(self.choices)
    if not fits:
      return f"keys such as {{'camera': {self.choices[-1]!r}}}"
    problems = (one.problem(choice) for choice in value.values())
    return next((f"of each key {p}" for p in problems if p), "")


def _is_plain(value: Any) -> bool:
  """Whether a text of it gives the same value back, and JSON nearly so."""
  if isinstance(value, dict):
    return all(isinstance(k, str) for k in value) and all(
      map(_is_plain, value.values())
    )
  if isinstance(value, (tuple, list)):
    return all(map(_is_plain, value))
  is_number = isinstance(value, (int, float)) and math.isfinite(value)
  return value is None or is_number or isinstance(value, str)


@dataclasses.dataclass(frozen=True)
class _ConvLayers:
  """A tuple of triples of positive whole numbers, or None."""

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    if value is None:
      return ""
    fits = (
      isinstance(value, (tuple, list))
      and len(value) <= _DEEPEST
      and not any(
        _WholeNumbers().problem(layer) or len(layer) != 3 for layer in value
      )
    )
    expected = (
      "a tuple of (filters, kernel size, stride) such as ((16, 3, 1),), or None"
    )
    return "" if fits else expected


def _field(default: Any, rule: Any) -> Any:
  return dataclasses.field(default=default, metadata={"rule": rule})


def integer(
  default: Any,
  low: float = 1,
  high: float = math.inf,
  *,
  optional: bool = False,
) -> Any:
  """Declares a field that holds an int in [low, high], or None if optional."""
  return _field(default, _Number(low, high, True, False, optional))


def number(
  default: Any,
  low: float = 0.0,
  high: float = math.inf,
  *,
  above: bool = False,
  below: bool = False,
  optional: bool = False,
) -> Any:
  """Declares a field that holds a finite number in [low, high].

  Args:
    default: the value when none is bound.
    low: the least value.
    high: the greatest value.
    above: low itself is excluded.
    below: high itself is excluded.
    optional: None is accepted too.
  """
  return _field(default, _Number(low, high, False, above, optional, below))


def choice(default: str, *choices: str) -> Any:
  """Declares a field that holds one of some strings."""
  return _field(default, _Choice((default, *choices)))


def widths(default: tuple[int, ...]) -> Any:
  """Declares a field that holds a tuple of positive ints."""
  return _field(default, _WholeNumbers())


def conv_layers() -> Any:
  """Declares (filters, kernel size, stride) of each layer, by default None."""
  return _field(None, _ConvLayers())


def arguments() -> Any:
  """Declares a field that holds keyword arguments, by default none."""
  return dataclasses.field(
    default_factory=dict, metadata={"rule": _Arguments()}
  )


def choice_by_key(*choices: str) -> Any:
  """Declares a field of one of some strings by key, by default of no key."""
  return dataclasses.field(
    default_factory=dict, metadata={"rule": _ChoiceByKey(choices)}
  )


def calls() -> Any:
  """Declares a field that holds names with keyword arguments, by default none.

  Each is stored as (name, arguments).
  """
  return _field((), _Calls())


def text(default: Any, *, optional: bool = False) -> Any:
  """Declares a field that holds a string, or None if optional."""
  if optional:
    return _field(default, _Instance((str, type(None)), "a string or None"))
  return _field(default, _Instance(str, "a string"))


def switch(default: bool) -> Any:
  """Declares a field that holds True or False."""
  return _field(default, _Instance(bool, "True or False"))


def switch_or(default: bool, *choices: str) -> Any:
  """Declares a field that holds True, False or one of some strings."""
  switch_rule = _Instance(bool, "True or False")
  return _field(default, _Either(switch_rule, _Choice(choices)))


def component(make_default: Any, base: type) -> Any:
  """Declares a field that holds another configuration object.

  Args:
    make_default: makes the default; gin.REQUIRED where there is none.
    base: every configuration class that extends it fits; a gin file binds
      `@ClassName()`.
  """
  metadata = {"rule": _Component(base)}
  if make_default is gin.REQUIRED:
    return dataclasses.field(default=make_default, metadata=metadata)
  return dataclasses.field(default_factory=make_default, metadata=metadata)


def number_or(default: float, base: type) -> Any:
  """Declares a field of a number above 0, or of a configuration object."""
  number_above_0 = _Number(0.0, math.inf, False, True, False)
  return _field(default, _Either(number_above_0, _Component(base)))


def components_of(field: dataclasses.Field) -> tuple[type, ...]:
  """The configuration classes that fit a field; () where it holds a value."""
  return getattr(field.metadata["rule"], "classes", ())


@dataclass_transform(frozen_default=True)
def config(cls: type[T]) -> type[T]:
  """Makes a class a frozen dataclass that gin binds and that checks its fields.

  What no single field shows is checked by a method `validate(self)`, if the
  class has one; it raises UserError.
  """

  def check_fields(self):
    check(self)
    if hasattr(self, "validate"):
      self.validate()

  cls.__post_init__ = check_fields  # type: ignore[attr-defined]
  made = gin.configurable(dataclasses.dataclass(frozen=True)(cls))
  CLASSES[made.__name__] = made
  return made


def _short(value: Any) -> str:
  """How a value is written; cut in the middle where that is long."""
  text = repr(value)
  return text if len(text) <= 100 else f"{text[:60]}...{text[-20:]}"


def check(config: Any) -> None:
  """Compares every field of a dataclass instance with its declaration.

  Numbers that need not be whole become floats: to TensorFlow, 1 is not 1.0.
  Names without arguments get none.

  Raises:
    UserError: naming the first field that does not fit and what would.
  """
  for field in dataclasses.fields(config):
    value = getattr(config, field.name)
    rule = field.metadata["rule"]
    problem = rule.problem(value)
    if problem:
      raise errors.UserError(
        f"{type(config).__name__}.{field.name} = {_short(value)}: expected "
        f"{problem}"
      )
    if isinstance(rule, _Number) and not rule.whole and value is not None:
      object.__setattr__(config, field.name, float(value))
    if isinstance(rule, _Calls):
      pairs = ((x, {}) if isinstance(x, str) else (x[0], x[1]) for x in value)
      object.__setattr__(config, field.name, tuple(pairs))
