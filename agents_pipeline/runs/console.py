"""The person who started a run."""

import dataclasses
from collections.abc import Callable

from agents_pipeline.evaluation import evaluator


class Stopped(BaseException):
  """The person wants to stop, in the midst of something to be done again.

  No `Exception`: what an environment's renderer raises is told and passed over.
  """


@dataclasses.dataclass(frozen=True)
class Person:
  """Who to tell, and who may want to stop.

  Attributes:
    say: tells them a line.
    wants_to_stop: whether they asked for it.
  """

  say: Callable[[str], None]
  wants_to_stop: Callable[[], bool]

  def check(self) -> None:
    """Raises `Stopped` where they want to stop."""
    if self.wants_to_stop():
      raise Stopped

  def stops(self, act: evaluator.Act) -> evaluator.Act:
    """A policy that raises `Stopped` where they want to stop.

    Args:
      act: to be evaluated or filmed, which may take minutes.
    """

    def act_or_stop(observations):
      self.check()
      return act(observations)

    return act_or_stop
