"""Console output and stop requests."""

import dataclasses
from collections.abc import Callable

from agents_pipeline.evaluation import evaluator


class StopRequested(BaseException):
  """Aborts an evaluation or a video, which the resumed run repeats.

  A BaseException: those of a renderer, which are Exceptions, are reported, and
  the run continues.
  """


@dataclasses.dataclass(frozen=True)
class Console:
  """The user's end of a run.

  Attributes:
    print: prints a line to the user.
    stop_requested: whether the user has asked the run to stop.
  """

  print: Callable[[str], None]
  stop_requested: Callable[[], bool] = lambda: False

  def check_stop(self) -> None:
    """Raises `StopRequested` if a stop was requested."""
    if self.stop_requested():
      raise StopRequested

  def interruptible(self, act: evaluator.Act) -> evaluator.Act:
    """Wraps a policy to raise `StopRequested` once a stop is requested.

    Args:
      act: the policy of an evaluation or a video, which may take minutes.
    """

    def act_or_stop(observations):
      self.check_stop()
      return act(observations)

    return act_or_stop
