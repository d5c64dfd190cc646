"""What a sweep varies: `--vary="Adam.learning_rate = [1e-4, 1e-3]"`."""

import ast
import dataclasses
import itertools
import math
import re
from collections.abc import Callable, Sequence

from optuna import distributions

from agents_pipeline import errors

# A binding's name -> its value, as gin text.
Settings = dict[str, str]

_EXPECTED = (
  "expected 'Class.field = [1, 2]', or uniform(0.1, 0.9), "
  "loguniform(1e-5, 1e-2), int(1, 8) or choice('relu', 'tanh') in place of "
  "the list"
)


@dataclasses.dataclass(frozen=True)
class Parameter:
  """A field, and the values that it takes.

  Attributes:
    name: the name of the field, such as 'Adam.learning_rate'.
    distribution: Optuna's distribution. A categorical one is of gin texts.
    is_grid: whether the values were listed, so that a grid can be made of them.
  """

  name: str
  distribution: distributions.BaseDistribution
  is_grid: bool

  def text_of(self, value: str | float | int) -> str:
    """A value of the distribution as gin text."""
    return value if isinstance(value, str) else repr(value)


def parse(vary: Sequence[str]) -> list[Parameter]:
  """Reads the --vary flags.

  Raises:
    UserError: a flag cannot be read, or two are for one field.
  """
  found: dict[str, Parameter] = {}
  for text in vary:
    parameter = _parse(text)
    if parameter.name in found:
      raise errors.UserError(
        f"--vary={text!r}: {parameter.name} is varied already"
      )
    found[parameter.name] = parameter
  return list(found.values())


_REFERENCE = r"@[\w.]+(?:\(\))?"  # of gin


def num_combinations(parameters: Sequence[Parameter]) -> int:
  """How many trials `grid` would give."""
  return math.prod(len(_ends(parameter)) for parameter in parameters)


def grid(parameters: Sequence[Parameter]) -> list[Settings]:
  """Every combination of listed values; the last field varies fastest."""
  choices = [
    parameter.distribution.choices  # type: ignore[attr-defined]
    for parameter in parameters
  ]
  names = [parameter.name for parameter in parameters]
  return [
    dict(zip(names, values, strict=True))
    for values in itertools.product(*choices)
  ]


def corners(parameters: Sequence[Parameter]) -> list[Settings]:
  """Settings in which every value and every bound occurs, to check them."""
  ends = [_ends(parameter) for parameter in parameters]
  longest = max(map(len, ends), default=0)
  return [
    {
      parameter.name: parameter.text_of(values[min(i, len(values) - 1)])
      for parameter, values in zip(parameters, ends, strict=True)
    }
    for i in range(longest)
  ]


def _ends(parameter: Parameter) -> Sequence:
  distribution = parameter.distribution
  if isinstance(distribution, distributions.CategoricalDistribution):
    return distribution.choices
  return distribution.low, distribution.high  # type: ignore[attr-defined]


def _parse(text: str) -> Parameter:
  match = re.fullmatch(r"\s*(\w+\.\w+)\s*=\s*(.+?)\s*", text, re.S)
  if not match:
    raise errors.UserError(f"--vary={text!r}: {_EXPECTED}")
  name, values = match.groups()
  try:
    node = ast.parse(_with_quoted_references(values), mode="eval").body
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
      make = _DISTRIBUTIONS[node.func.id]
      arguments = [ast.literal_eval(argument) for argument in node.args]
      if node.keywords:
        raise ValueError
      return Parameter(name, make(*arguments), is_grid=False)
    listed = ast.literal_eval(node)
    if not isinstance(listed, list):
      raise ValueError
    return Parameter(name, _choice(*listed), is_grid=True)
  except (SyntaxError, ValueError, KeyError, TypeError):
    raise errors.UserError(f"--vary={text!r}: {_EXPECTED}") from None


def _with_quoted_references(text: str) -> str:
  """`@Class()` or `@module.function` as a string, for Python to read."""
  return re.sub(rf"(?<!['\"]){_REFERENCE}", lambda match: repr(match[0]), text)


def _gin_text(value: object) -> str:
  is_reference = isinstance(value, str) and re.fullmatch(_REFERENCE, value)
  return str(value) if is_reference else repr(value)


def _choice(*values: object) -> distributions.CategoricalDistribution:
  """A distribution of values without a repetition."""
  texts = list(map(_gin_text, values))
  if not texts or len(set(texts)) < len(texts):
    raise ValueError("expected different values")
  return distributions.CategoricalDistribution(texts)


def _float(log: bool) -> Callable[..., distributions.FloatDistribution]:
  def make(low: float, high: float) -> distributions.FloatDistribution:
    if not (-math.inf < low < high < math.inf and (low > 0 or not log)):
      raise ValueError("expected low < high, and low > 0 for a logarithm")
    return distributions.FloatDistribution(float(low), float(high), log=log)

  return make


def _int(low: int, high: int) -> distributions.IntDistribution:
  if not (isinstance(low, int) and isinstance(high, int) and low < high):
    raise ValueError("expected whole numbers, low < high")
  return distributions.IntDistribution(low, high)


_DISTRIBUTIONS: dict[str, Callable[..., distributions.BaseDistribution]] = {
  "uniform": _float(log=False),
  "loguniform": _float(log=True),
  "int": _int,
  "choice": _choice,
}
