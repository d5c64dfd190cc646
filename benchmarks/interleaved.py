"""Sides that take turns, and the table of how they compare.

The machine is shared and its speed changes within minutes: whatever else it
does slows all sides alike, so a ratio is of one round, and the median of the
rounds counts.
"""

import dataclasses
import statistics
from collections.abc import Callable

from agents_pipeline.apps import command_line


@dataclasses.dataclass(frozen=True)
class Side:
  """One of those compared.

  Attributes:
    run: amount of work -> rate per second.
    amount: of one turn, about two seconds' worth.
  """

  run: Callable[[int], float]
  amount: int


def measure(
  sides: dict[str, Side], baseline: str, num_rounds: int
) -> dict[str, dict]:
  """Lets every side take its turn in every round.

  Args:
    sides: name -> side.
    baseline: the name of the one that ratios are to.
    num_rounds: turns of each.

  Returns:
    name -> rates, their median, the median ratio and its range.
  """
  for side in sides.values():
    side.run(side.amount // 10)  # compiles
  rates: dict[str, list[float]] = {name: [] for name in sides}
  for turn in range(num_rounds):
    command_line.say(f"round {turn + 1} of {num_rounds}")
    for name, side in sides.items():
      rates[name].append(side.run(side.amount))
  found = {}
  for name, own in rates.items():
    ratios = [a / b for a, b in zip(own, rates[baseline], strict=True)]
    found[name] = {
      "median": statistics.median(own),
      "ratio": statistics.median(ratios),
      "ratio_range": [min(ratios), max(ratios)],
      "rates": own,
    }
  return found


def show(found: dict[str, dict], unit: str, baseline: str) -> None:
  """Prints a table of what `measure` found, 80 columns wide."""
  print(f"{'':36}{unit:>16}{f'times {baseline}':>28}")
  for name, row in found.items():
    low, high = row["ratio_range"]
    print(
      f"{name:36}{row['median']:>16,.0f}{row['ratio']:>10,.3g}"
      f"  ({low:,.3g} to {high:,.3g})"
    )
