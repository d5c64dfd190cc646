"""Measures sides in turns; the results are plain data, which JSON can hold."""

import contextlib
import dataclasses
import pathlib
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

import tqdm

from benchmarks import interleaved, workloads
from benchmarks import processes as processes_lib

UNIT = "env steps/s"
_BAR = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining} {desc}"
_TURNS_TO_FIT = 0.6  # what finding the amount of a turn takes, about


class Progress:
  """A bar on a terminal, plain lines elsewhere; both show the time left."""

  def __init__(self, num_seconds: float):
    """Expects all parts to take so long; what they really take corrects it."""
    self._done = 0.0
    self._start = time.monotonic()
    self._bar = tqdm.tqdm(
      total=num_seconds,
      bar_format=_BAR,
      dynamic_ncols=True,
      disable=not sys.stderr.isatty(),
      leave=False,
    )
    self.close = self._bar.close

  def report(self, line: str) -> None:
    """Prints a line above the bar."""
    self._bar.write(line, file=sys.stderr)
    sys.stderr.flush()

  @contextlib.contextmanager
  def part(self, title: str, num_seconds: float) -> Iterator[None]:
    """Shows the block as one part, expected to take so long."""
    if self._bar.disable:
      left = self._bar.total - self._done
      pace = (time.monotonic() - self._start) / max(self._done, 1e-6)
      is_known = self._done and left > 0
      self.report(title + (f", {pace * left:.0f} s left" if is_known else ""))
    self._bar.set_description_str(title)
    yield
    self._done += num_seconds
    self._bar.update(num_seconds)

  def rounds(
    self, title: str, num_rounds: int, num_seconds: float
  ) -> Iterator[int]:
    """Shows rounds, each a part that is expected to take so long."""
    for turn in range(num_rounds):
      with self.part(f"{title}, round {turn + 1} of {num_rounds}", num_seconds):
        yield turn


class Bench:
  """Groups of sides, measured one after the other; a context that ends them."""

  def __init__(
    self,
    groups: Mapping[str, Sequence[str]],
    sides: Mapping[str, processes_lib.Side],
    num_rounds: int,
    seconds_per_turn: float,
    logs: pathlib.Path,
    *,
    seconds_to_build: float,
    other_seconds: float = 0.0,
  ):
    """Prepares the sides; nothing is built or measured yet.

    Args:
      groups: title -> the names of the sides that take turns.
      sides: name -> side; sides in no group are not built.
      num_rounds: the number of turns of each side in a group.
      seconds_per_turn: the seconds that a turn takes, about.
      logs: the folder for what the sides print.
      seconds_to_build: the seconds expected for building all sides.
      other_seconds: the seconds expected for what else `progress` shows.
    """
    names = [side for group in groups.values() for side in group]
    self._groups = groups
    self.sides = {name: sides[name] for name in names}
    self._num_rounds = num_rounds
    self._seconds_per_turn = seconds_per_turn
    self._seconds_to_build = seconds_to_build
    self._processes = processes_lib.Processes(self.sides, logs)
    self.problems = self._processes.problems
    self.amounts: dict[str, int] = {}  # side -> env steps of a turn
    turns = len(names) * num_rounds + _TURNS_TO_FIT * len(self.sides)
    self.progress = Progress(
      turns * seconds_per_turn + seconds_to_build + other_seconds
    )

  def __enter__(self) -> "Bench":
    return self

  def __exit__(self, *error) -> None:
    self.progress.close()
    self._processes.__exit__(*error)

  def build(self) -> None:
    """Builds all sides; says what became of each."""
    with self.progress.part("imports and compiles", self._seconds_to_build):
      self._processes.build(self.progress.report)

  def rates(self, title: str) -> dict[str, list[float]]:
    """Measures a group, interleaved; its sides are built or have a problem.

    Returns:
      Side -> env steps per second, [rounds]; 0 once it has a problem.
    """
    self._fit(title)
    running = [side for side in self._groups[title] if side in self.amounts]
    return interleaved.take_turns(
      {side: lambda side=side: self._turn(side) for side in running},
      self.progress.rounds(
        title, self._num_rounds, self._seconds_per_turn * len(running)
      ),
    )

  def _fit(self, title: str) -> None:
    """Finds how many env steps a turn of each side has."""
    missing = [side for side in self._groups[title] if side not in self.amounts]
    seconds = _TURNS_TO_FIT * self._seconds_per_turn * len(missing)
    with self.progress.part(f"{title}, warms up", seconds):
      for side in missing:
        if side in self.problems:
          continue
        with contextlib.suppress(processes_lib.SideError):
          self.amounts[side] = interleaved.fitting_amount(
            lambda amount, side=side: self._processes.run(side, amount),
            self.sides[side].multiple,
            self._seconds_per_turn,
          )

  def _turn(self, side: str) -> float:
    if side not in self.problems:
      with contextlib.suppress(processes_lib.SideError):
        return self._processes.run(side, self.amounts[side])[0]
    return 0.0


def measure(bench: Bench, name: str, work: workloads.Workload) -> dict:
  """Measures a workload: the rates of every round, and the ratios."""
  rates = bench.rates(work.title)

  def describe(side: str) -> dict:
    title = {"title": bench.sides[side].title}
    if side in bench.problems:
      return title | {"problem": bench.problems[side]}
    return title | {
      "env_steps_per_turn": bench.amounts[side],
      "rate": statistics.median(rates[side]),
      "rates": rates[side],
    }

  return {
    "name": name,
    "title": work.title,
    "unit": UNIT,
    "sides": {side: describe(side) for side in work.sides},
    "comparisons": [
      compare(comparison, rates, bench.problems)
      for comparison in work.comparisons
    ],
  }


def compare(
  comparison: workloads.Comparison,
  rates: Mapping[str, list[float]],
  problems: Mapping[str, str],
) -> dict:
  """Compares two sides by their rates [rounds], unless one has a problem."""
  found = dataclasses.asdict(comparison)
  for side in (comparison.ours, comparison.other):
    if side in problems:
      return found | {"problem": problems[side]}
  ratio = interleaved.ratio(rates[comparison.ours], rates[comparison.other])
  wanted = comparison.wanted
  is_reached = None if wanted is None else ratio.median >= wanted
  return found | {**ratio._asdict(), "reached": is_reached}
