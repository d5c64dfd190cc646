"""What whoever waits for a benchmark sees."""

import contextlib
import sys
import time
from collections.abc import Iterator

import tqdm

_BAR = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining} {desc}"


class Progress:
  """A bar on a terminal, plain lines elsewhere; both tell the time left."""

  def __init__(self, num_seconds: float):
    """Begins.

    Args:
      num_seconds: that all parts together should take. What is told goes by
        what the parts so far took.
    """
    self._total = num_seconds
    self._done = 0.0
    self._start = time.monotonic()
    self._bar = tqdm.tqdm(
      total=num_seconds,
      bar_format=_BAR,
      dynamic_ncols=True,
      disable=not sys.stderr.isatty(),
      leave=False,
    )

  def say(self, line: str) -> None:
    """Tells a line, above the bar."""
    self._bar.write(line, file=sys.stderr)
    sys.stderr.flush()

  @contextlib.contextmanager
  def part(self, title: str, num_seconds: float) -> Iterator[None]:
    """What is done within is a part.

    Args:
      title: is shown.
      num_seconds: that it should take.
    """
    if self._bar.disable:
      self.say(f"{title}{self._left()}")
    else:
      self._bar.set_description_str(title)
    yield
    self._done += num_seconds
    self._bar.update(num_seconds)

  def rounds(
    self, title: str, number: int, num_seconds: float
  ) -> Iterator[int]:
    """Goes through rounds, each of them a part.

    Args:
      title: of what is done in them.
      number: of rounds.
      num_seconds: that each should take.
    """
    for turn in range(number):
      with self.part(f"{title}, round {turn + 1} of {number}", num_seconds):
        yield turn

  def _left(self) -> str:
    if not 0 < self._done < self._total:
      return ""
    pace = (time.monotonic() - self._start) / self._done
    return f", {pace * (self._total - self._done):.0f} s left"

  def close(self) -> None:
    """Takes the bar away."""
    self._bar.close()
