"""Where the time of one start of a run goes."""

import contextlib
import time
from collections.abc import Iterable, Iterator


class Stopwatch:
  """Adds up what each part takes; what is no part is not told.

  Attributes:
    seconds: of each part so far, in the order they first came.
  """

  def __init__(self):
    self.seconds: dict[str, float] = {}

  @contextlib.contextmanager
  def part(self, name: str) -> Iterator[None]:
    """Counts what is done within as that part's."""
    start = time.monotonic()
    try:
      yield
    finally:
      spent = time.monotonic() - start
      self.seconds[name] = self.seconds.get(name, 0.0) + spent

  def each(self, name: str, items: Iterable) -> Iterator:
    """The items, whose making counts as that part's."""
    iterator = iter(items)
    while True:
      with self.part(name):
        try:
          item = next(iterator)
        except StopIteration:
          return
      yield item

  def to_json(self) -> dict[str, float]:
    """Seconds of each part, as run.json has them."""
    return {name: round(spent, 2) for name, spent in self.seconds.items()}

  def __str__(self) -> str:
    """The share of each part."""
    total = sum(self.seconds.values()) or 1.0
    return ", ".join(
      f"{name} {spent / total:.0%}" for name, spent in self.seconds.items()
    )
