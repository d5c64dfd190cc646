"""Measures works by a pool of workers, and says what was found as plain data.

What is found is what JSON can hold: the report and the chart are made of it.
"""

import contextlib
import statistics
from collections.abc import Mapping

from benchmarks import interleaved, rows, sides, worker_pool
from benchmarks import progress as progress_lib

UNIT = "env steps/s"
_SHARE_TO_FIT = 0.6  # of a turn, that finding its amount takes


class Bench:
  """Works, measured one after the other."""

  def __init__(
    self,
    pool: worker_pool.WorkerPool,
    known: Mapping[str, sides.Side],
    num_rounds: int,
    seconds_per_turn: float,
    progress: progress_lib.Progress,
  ):
    """Wires it; nothing is measured.

    Args:
      pool: in which the sides are built.
      known: the sides, by name.
      num_rounds: turns of each side.
      seconds_per_turn: how long each should be.
      progress: is told of every round.
    """
    self._pool = pool
    self._known = known
    self._num_rounds = num_rounds
    self._seconds_per_turn = seconds_per_turn
    self._progress = progress
    self._amounts: dict[str, int] = {}

  @staticmethod
  def num_seconds(
    works: Mapping[str, rows.Work], num_rounds: int, seconds_per_turn: float
  ) -> float:
    """How long these works should take."""
    turns = sum(len(work.sides) for work in works.values())
    fitted = len({side for work in works.values() for side in work.sides})
    return seconds_per_turn * (turns * num_rounds + _SHARE_TO_FIT * fitted)

  def measure(self, name: str, work: rows.Work) -> dict:
    """Measures one work.

    Args:
      name: of it.
      work: its sides are built, or have a problem.

    Returns:
      The rates of every round, and the ratios.
    """
    self._fit(work)
    names = [side for side in work.sides if side in self._amounts]
    rates = interleaved.take_turns(
      {side: lambda side=side: self._turn(side) for side in names},
      self._progress.rounds(
        work.title, self._num_rounds, self._seconds_per_turn * len(names)
      ),
    )
    problems = self._pool.problems
    return {
      "name": name,
      "title": work.title,
      "unit": UNIT,
      "sides": {
        side: {
          "title": self._known[side].title,
          **(
            {"problem": problems[side]}
            if side in problems
            else {
              "env_steps_per_turn": self._amounts[side],
              "rate": statistics.median(rates[side]),
              "rates": rates[side],
            }
          ),
        }
        for side in work.sides
      },
      "comparisons": [
        compare(comparison, rates, problems) for comparison in work.comparisons
      ],
    }

  def _fit(self, work: rows.Work) -> None:
    """Finds the amounts of sides that have none yet."""
    missing = [s for s in work.sides if s not in self._amounts]
    wanted = _SHARE_TO_FIT * self._seconds_per_turn * len(missing)
    with self._progress.part(f"{work.title}, warms up", wanted):
      for side in missing:
        if side in self._pool.problems:
          continue
        with contextlib.suppress(worker_pool.Problem):
          self._amounts[side] = interleaved.fitting_amount(
            lambda amount, side=side: self._pool.run(side, amount),
            self._known[side].multiple,
            self._seconds_per_turn,
          )

  def _turn(self, side: str) -> float:
    """A rate; 0 of a side that fails, whose problem is told instead."""
    if side in self._pool.problems:
      return 0.0
    with contextlib.suppress(worker_pool.Problem):
      return self._pool.run(side, self._amounts[side])[0]
    return 0.0


def compare(
  comparison: rows.Comparison,
  rates: Mapping[str, list[float]],
  problems: Mapping[str, str],
) -> dict:
  """What is found of two sides.

  Args:
    comparison: of them.
    rates: side -> its rate in each round.
    problems: side -> why it has none.
  """
  found = {
    "ours": comparison.ours,
    "other": comparison.other,
    "wanted": comparison.least,
  }
  for side in (comparison.ours, comparison.other):
    if side in problems:
      return found | {"problem": problems[side]}
  ratio = interleaved.ratio(rates[comparison.ours], rates[comparison.other])
  reached = (
    None if comparison.least is None else (ratio.median >= comparison.least)
  )
  return found | {**ratio._asdict(), "reached": reached}
