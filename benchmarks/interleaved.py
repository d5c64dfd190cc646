"""Interleaved rounds, and ratios of the rates that the sides reach.

The machine is shared and its speed changes within minutes: whatever else runs
slows all sides of a round alike. So a ratio is taken within a round, and the
median over the rounds counts.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

# Amount of work -> rate per second, and the seconds that the call took.
Run = Callable[[int], tuple[float, float]]

_MIN_SHARE = 0.25  # of a turn, for a call to tell how long a turn is
_MAX_GROWTH = 16


class Ratio(NamedTuple):
  """The ratio of two sides' rates, over the rounds."""

  median: float
  low: float
  high: float


def ratio(ours: Sequence[float], other: Sequence[float]) -> Ratio:
  """Compares the rates of two sides, each [rounds]."""
  ratios = [a / b for a, b in zip(ours, other, strict=True)]
  return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def fitting_amount(run: Run, multiple: int, seconds: float) -> int:
  """Finds the amount of work that takes about so many seconds.

  Args:
    run: a function that does the work; its last call may take longer than
      wanted.
    multiple: the number that amounts are multiples of.
    seconds: the seconds that the work is to take.
  """
  amount = multiple
  while True:
    _, took = run(amount)
    if took >= _MIN_SHARE * seconds:
      return max(1, round(amount * seconds / took / multiple)) * multiple
    missing = seconds / max(took, 1e-6)
    amount = round(min(_MAX_GROWTH, max(2, missing / 2)) * amount)
    amount -= amount % multiple


def take_turns(
  turns: dict[str, Callable[[], float]], rounds: Iterable
) -> dict[str, list[float]]:
  """Gives every side one turn in every round.

  Args:
    turns: name of a side -> a function that runs it once and returns its rate.
    rounds: an iterable with one element per round.

  Returns:
    Name of a side -> its rates, [rounds].
  """
  rates: dict[str, list[float]] = {name: [] for name in turns}
  for _ in rounds:
    for name, turn in turns.items():
      rates[name].append(turn())
  return rates
