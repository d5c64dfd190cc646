"""The person who started a run."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Person:
  """Who to tell, and who may want to stop.

  Attributes:
    say: tells them a line.
    wants_to_stop: whether they asked for it.
  """

  say: Callable[[str], None]
  wants_to_stop: Callable[[], bool]
