"""Measures what a run spends its time on."""

import contextlib
import time
from collections.abc import Iterable, Iterator


class Stopwatch:
  """Adds up the time of named parts; other time is not recorded.

  Attributes:
    seconds: part -> seconds so far, in order of first use.
  """

  def __init__(self):
    self.seconds: dict[str, float] = {}

  @contextlib.contextmanager
  def part(self, name: str) -> Iterator[None]:
    """Adds the time of a `with` block to a part."""
    start = time.monotonic()
    try:
      yield
    finally:
      elapsed = time.monotonic() - start
      self.seconds[name] = self.seconds.get(name, 0.0) + elapsed

  def each(self, name: str, items: Iterable) -> Iterator:
    """Yields the items; the time to produce each is added to a part."""
    iterator = iter(items)
    while True:
      with self.part(name):
        try:
          item = next(iterator)
        except StopIteration:
          return
      yield item

  def to_json(self) -> dict[str, float]:
    """Seconds of each part, for run.json."""
    return {name: round(seconds, 2) for name, seconds in self.seconds.items()}

  def __str__(self) -> str:
    """Each part's share of the recorded time."""
    total = sum(self.seconds.values()) or 1.0
    return ", ".join(
      f"{name} {seconds / total:.0%}" for name, seconds in self.seconds.items()
    )
