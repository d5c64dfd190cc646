"""Configuration classes: dataclasses that gin binds, which check their fields.

`@config` makes a class one. `integer`, `number`, `choice` and the like declare
its fields. Creating an instance with an invalid value raises one line that
names the value and what was expected.
"""

import dataclasses
import math
from typing import Any, TypeVar

import gin
from typing_extensions import dataclass_transform

from agents_pipeline import errors
from agents_pipeline.config import rules

T = TypeVar("T")

# Every configuration class, by its name in gin files.
CLASSES = rules.CLASSES

INFINITY = math.inf  # a bound that bounds nothing

# Those that Keras knows by name.
ACTIVATIONS = (
  "elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "linear", "mish",
  "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign",
  "swish", "tanh",
)  # fmt: skip


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
  return _field(default, rules.Number(low, high, True, False, optional))


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
    above: whether low itself is excluded.
    below: whether high itself is excluded.
    optional: whether None is accepted too.
  """
  return _field(default, rules.Number(low, high, False, above, optional, below))


def choice(default: Any, *choices: str) -> Any:
  """Declares a field that holds one of some strings.

  Args:
    default: the first of the strings; gin.REQUIRED if there is no default.
    *choices: the other strings.
  """
  first = () if default is gin.REQUIRED else (default,)
  return _field(default, rules.Choice((*first, *choices)))


def widths(default: tuple[int, ...]) -> Any:
  """Declares a field that holds a tuple of positive ints."""
  return _field(default, rules.WholeNumbers())


def numbers(
  default: tuple[float, ...],
  low: float = 0.0,
  high: float = math.inf,
  *,
  above: bool = False,
  below: bool = False,
) -> Any:
  """Declares a field that holds a tuple of numbers; each as `number` has it."""
  each = rules.Number(low, high, False, above, False, below)
  return _field(default, rules.Numbers(each))


def activation(default: str) -> Any:
  """Declares a field that holds the name of one of Keras' activations."""
  return choice(default, *(n for n in ACTIVATIONS if n != default))


def conv_layers() -> Any:
  """Declares a field of (filters, kernel size, stride) per layer, or None."""
  return _field(None, rules.ConvLayers())


def arguments(example: str) -> Any:
  """Declares a field that holds keyword arguments, by default none."""
  return dataclasses.field(
    default_factory=dict, metadata={"rule": rules.Arguments(example)}
  )


def function() -> Any:
  """Declares a field that holds the name of a function, by default None.

  Such as 'my_module:make_network'; the function itself becomes its name.
  """
  return _field(None, rules.Function())


def choice_by_key(*choices: str) -> Any:
  """Declares a field of one of some strings by key, by default of no key."""
  return dataclasses.field(
    default_factory=dict, metadata={"rule": rules.ChoiceByKey(choices)}
  )


def calls() -> Any:
  """Declares a field that holds names with keyword arguments, by default none.

  Each is stored as (name, arguments).
  """
  return _field((), rules.Calls())


def text(default: Any, *, optional: bool = False) -> Any:
  """Declares a field that holds a string, or None if optional."""
  if optional:
    kinds = str, type(None)
    return _field(default, rules.Instance(kinds, "a string or None"))
  return _field(default, rules.Instance(str, "a string"))


def name(default: str) -> Any:
  """Declares a field that holds a string that is not empty."""
  return _field(default, rules.Name())


def texts() -> Any:
  """Declares a field that holds a tuple of strings, by default of none."""
  return _field((), rules.Texts())


def texts_by_key() -> Any:
  """Declares a field that holds strings by name, by default none."""
  return dataclasses.field(
    default_factory=dict, metadata={"rule": rules.TextByKey()}
  )


def switch(default: bool) -> Any:
  """Declares a field that holds True or False."""
  return _field(default, rules.Instance(bool, "True or False"))


def switch_or(default: bool, *choices: str) -> Any:
  """Declares a field that holds True, False or one of some strings."""
  switch_rule = rules.Instance(bool, "True or False")
  return _field(default, rules.Either(switch_rule, rules.Choice(choices)))


def component(make_default: Any, base: type, *, optional: bool = False) -> Any:
  """Declares a field that holds another configuration object.

  Args:
    make_default: a function that makes the default, or None where that is None;
      gin.REQUIRED if there is no default.
    base: the base class: every configuration class that extends it fits; a gin
      file binds `@ClassName()`.
    optional: whether None is accepted too.
  """
  rule: Any = rules.Component(base)
  if optional:
    rule = rules.Either(rules.Instance(type(None), "None"), rule)
  metadata = {"rule": rule}
  if make_default is None or make_default is gin.REQUIRED:
    return dataclasses.field(default=make_default, metadata=metadata)
  return dataclasses.field(default_factory=make_default, metadata=metadata)


def components(base: type) -> Any:
  """Declares a field that holds a tuple of configuration objects, or ().

  Args:
    base: the base class: every configuration class that extends it fits, each
      at most once; a gin file binds `(@ClassName(), ...)`.
  """
  return _field((), rules.Components(base))


def number_or(default: float, base: type) -> Any:
  """Declares a field of a number above 0, or of a configuration object."""
  number_above_0 = rules.Number(0.0, math.inf, False, True, False)
  return _field(default, rules.Either(number_above_0, rules.Component(base)))


def components_of(field: dataclasses.Field) -> tuple[type, ...]:
  """The configuration classes that fit a field; () where it holds a value."""
  return getattr(field.metadata["rule"], "classes", ())


@dataclass_transform(frozen_default=True)
def config(cls: type[T]) -> type[T]:
  """Makes a class a frozen dataclass that gin binds and that checks its fields.

  What no single field shows is checked by a method `validate(self)`, if the
  class has one; it raises UserError. Fields of its own come after those of its
  bases, or right after the one that a base names as `OWN_FIELDS_AFTER`.
  """

  def check_fields(self):
    check(self)
    if hasattr(self, "validate"):
      self.validate()

  cls.__post_init__ = check_fields  # type: ignore[attr-defined]
  made = dataclasses.dataclass(frozen=True)(cls)
  if (after := getattr(cls, "OWN_FIELDS_AFTER", None)) is not None:
    _move_own_fields(made, after)
  made = gin.configurable(made)
  CLASSES[made.__name__] = made
  return made


def _move_own_fields(made: type, after: str) -> None:
  """Puts the fields of a class right after one that it inherits.

  As config.gin and the reference list them: beside their kin.
  """
  known: dict = made.__dataclass_fields__  # type: ignore[attr-defined]
  own = {name: known.pop(name) for name in made.__annotations__}
  for name in list(known):
    known[name] = known.pop(name)
    if name == after:
      known.update(own)


def _short(value: Any) -> str:
  """How a value is written; cut in the middle where that is long."""
  text = repr(value)
  return text if len(text) <= 100 else f"{text[:60]}...{text[-20:]}"


def check(config: Any) -> None:
  """Compares every field of a dataclass instance with its declaration.

  Numbers that need not be whole become floats: to TensorFlow, 1 is not 1.0.
  Names without arguments get none.

  Raises:
    UserError: a field does not fit; the message names the first one and what
      would.
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
    numeric = rule.one if isinstance(rule, rules.Either) else rule
    takes_floats = isinstance(numeric, rules.Number) and not numeric.whole
    if takes_floats and isinstance(value, (int, float)):
      object.__setattr__(config, field.name, float(value))
    if isinstance(rule, rules.Numbers):
      object.__setattr__(config, field.name, tuple(map(float, value)))
    if isinstance(rule, rules.Function) and value is not None:
      object.__setattr__(config, field.name, rule.name_of(value))
    if isinstance(rule, rules.Calls):
      pairs = ((x, {}) if isinstance(x, str) else (x[0], x[1]) for x in value)
      object.__setattr__(config, field.name, tuple(pairs))
