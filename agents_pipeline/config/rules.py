"""What a value of a field has to fit: the rules of `fields`.

Each has a method `problem(value)`, which describes what was expected; "" where
the value is valid.
"""

import dataclasses
import math
import re
import sys
from typing import Any

from agents_pipeline import errors

# Every configuration class, by its name in gin files.
CLASSES: dict[str, type] = {}

_WIDEST, _DEEPEST = 65_536, 100  # of layers
_LARGEST = 2**31 - 1  # of whole numbers, where a field does not say otherwise


@dataclasses.dataclass(frozen=True)
class Number:
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
class Choice:
  """One of some strings."""

  choices: tuple[str, ...]

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    if value in self.choices:
      return ""
    names = ", ".join(map(repr, self.choices))
    names = "one of " * (len(self.choices) > 1) + names
    return names + errors.nearest(value, self.choices)


@dataclasses.dataclass(frozen=True)
class Instance:
  """An object of a type, or of one of several; named says how to write one."""

  type: type | tuple[type, ...]
  named: str

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    return "" if isinstance(value, self.type) else self.named


@dataclasses.dataclass(frozen=True)
class Component:
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
class Components:
  """A tuple of objects of classes that extend a base, of each at most one."""

  base: type

  @property
  def classes(self) -> tuple[type, ...]:
    """The classes that there are, in the order of their definition."""
    return Component(self.base).classes

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    if isinstance(value, (tuple, list)):
      kinds = [type(one) for one in value]
      if set(kinds) <= set(self.classes) and len(set(kinds)) == len(kinds):
        return ""
    names = [f"@{c.__name__}()" for c in self.classes]
    return f"a tuple of {' and '.join(names)}, each at most once: ({names[0]},)"


@dataclasses.dataclass(frozen=True)
class Either:
  """What fits one of two rules."""

  one: Any
  other: Any

  @property
  def classes(self) -> tuple[type, ...]:
    """The classes of the second rule, if it has any."""
    return getattr(self.other, "classes", ())

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    problems = self.one.problem(value), self.other.problem(value)
    return " or ".join(problems) if all(problems) else ""


@dataclasses.dataclass(frozen=True)
class WholeNumbers:
  """A tuple of positive whole numbers, such as layer widths."""

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    whole = Number(1, _WIDEST, True, False, False)
    if isinstance(value, (tuple, list)) and not any(map(whole.problem, value)):
      deep = len(value) > _DEEPEST
      return f"at most {_DEEPEST} layers" if deep else ""
    return f"a tuple of whole numbers in [1, {_WIDEST}] such as (64, 64)"


@dataclasses.dataclass(frozen=True)
class Numbers:
  """A tuple of numbers, each of which fits a rule; not empty."""

  each: Number

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    is_several = isinstance(value, (tuple, list)) and len(value) > 0
    if is_several and not any(map(self.each.problem, value)):
      return ""
    return f"a tuple, of each {self.each.problem(None)}"


@dataclasses.dataclass(frozen=True)
class Name:
  """A string that is not empty."""

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    is_name = isinstance(value, str) and value.strip()
    return "" if is_name else "a string that is not empty"


@dataclasses.dataclass(frozen=True)
class Texts:
  """A tuple of strings that are not empty."""

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    fits = isinstance(value, (tuple, list)) and not any(
      map(Name().problem, value)
    )
    return "" if fits else "a tuple of strings such as ('baseline', 'draft')"


@dataclasses.dataclass(frozen=True)
class TextByKey:
  """Strings by name."""

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    fits = isinstance(value, dict) and all(
      not Name().problem(key) and isinstance(text, str)
      for key, text in value.items()
    )
    return "" if fits else "strings by name such as {'team': 'control'}"


@dataclasses.dataclass(frozen=True)
class Function:
  """The name of a function of a module, or the function itself; or None."""

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    if value is None or re.fullmatch(r"[\w.]+:\w+", self.name_of(value)):
      return ""
    return (
      "a function of a module of yours such as @my_module.make_network, which "
      "is 'my_module:make_network', or None"
    )

  def name_of(self, value: Any) -> str:
    """'my_module:make_network' of what may be that function; else ""."""
    if isinstance(value, str):
      return value
    module = getattr(value, "__module__", None)
    if not callable(value) or module in (None, "__main__"):
      return ""  # another process could not import it
    return f"{module}:{getattr(value, '__qualname__', '')}"


@dataclasses.dataclass(frozen=True)
class Arguments:
  """Keyword arguments: plain values by name.

  Attributes:
    example: an example of them, for the message.
  """

  example: str

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    fits = isinstance(value, dict) and all(
      isinstance(name, str) and name.isidentifier() for name in value
    )
    if not fits:
      return f"arguments by name such as {self.example}"
    if _is_plain(value):
      return ""
    return (
      "numbers, strings, None, True, False, and tuples, lists and dicts of "
      "these, whose keys are strings"
    )


@dataclasses.dataclass(frozen=True)
class Calls:
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
        and not Arguments("").problem(one[1])
      )
      for one in value
    )
    return "" if fits else expected


@dataclasses.dataclass(frozen=True)
class ChoiceByKey:
  """One of some strings for each of any number of keys."""

  choices: tuple[str, ...]

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    fits = isinstance(value, dict) and all(isinstance(k, str) for k in value)
    one = Choice(self.choices)
    if not fits:
      return (
        f"keys such as {{'camera': {self.choices[-1]!r}}}, '0' for the first "
        "of a Tuple"
      )
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
class ConvLayers:
  """A tuple of triples of positive whole numbers, or None."""

  def problem(self, value: Any) -> str:
    """Describes the expected value; "" if `value` is valid."""
    if value is None:
      return ""
    fits = (
      isinstance(value, (tuple, list))
      and len(value) <= _DEEPEST
      and not any(
        WholeNumbers().problem(layer) or len(layer) != 3 for layer in value
      )
    )
    expected = (
      "a tuple of (filters, kernel size, stride) such as ((16, 3, 1),), or None"
    )
    return "" if fits else expected
