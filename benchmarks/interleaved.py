"""Sides that take turns, and ratios of what they reach.

The machine is shared and its speed changes within minutes: whatever else it
does slows all sides alike, so a ratio is of one round, and the median of the
rounds counts.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

# amount of work -> rate per second, and the seconds that it took in all.
Run = Callable[[int], tuple[float, float]]

_LEAST_SHARE = 0.25  # of a turn, that its amount is judged by
_MOST_GROWTH = 16


class Ratio(NamedTuple):
  """Of two sides, over the rounds."""

  median: float
  low: float
  high: float

  @property
  def spread(self) -> float:
    """How far the rounds are apart, as a share of their median."""
    return (self.high - self.low) / self.median


def ratio(ours: Sequence[float], other: Sequence[float]) -> Ratio:
  """Compares two sides.

  Args:
    ours: the rate of each round.
    other: likewise, of the same rounds.
  """
  ratios = [a / b for a, b in zip(ours, other, strict=True)]
  return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def fitting_amount(run: Run, multiple: int, seconds: float) -> int:
  """Finds how much work takes about so long.

  Args:
    run: of the side; the last call may last longer than wanted.
    multiple: amounts are multiples of it.
    seconds: wanted.
  """
  amount = multiple
  while True:
    _, took = run(amount)
    if took >= _LEAST_SHARE * seconds:
      return max(1, round(amount * seconds / took / multiple)) * multiple
    missing = seconds / max(took, 1e-6)
    amount = round(min(_MOST_GROWTH, max(2, missing / 2)) * amount)
    amount -= amount % multiple


def take_turns(
  turns: dict[str, Callable[[], float]], rounds: Iterable
) -> dict[str, list[float]]:
  """Lets every side take its turn in every round.

  Args:
    turns: name -> does a turn and returns its rate.
    rounds: as many as this has elements.

  Returns:
    name -> its rate in each round.
  """
  rates: dict[str, list[float]] = {name: [] for name in turns}
  for _ in rounds:
    for name, turn in turns.items():
      rates[name].append(turn())
  return rates
