"""Console output and stop requests."""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator

from agents_pipeline.evaluation import evaluator

_SLOW_SECONDS = 5.0


class StopRequested(BaseException):
  """Aborts an evaluation or a video, which the resumed run repeats.

  A BaseException, so that `videos.try_record`, which reports every Exception of
  a renderer and lets the run continue, does not catch it.
  """


@dataclasses.dataclass(frozen=True)
class Console:
  """The user's end of a run.

  Attributes:
    print: a function that prints a line to the user.
    stop_requested: a function that tells whether the user has asked the run to
      stop.
  """

  print: Callable[[str], None]
  stop_requested: Callable[[], bool] = lambda: False

  def check_stop(self) -> None:
    """Raises `StopRequested` if a stop was requested."""
    if self.stop_requested():
      raise StopRequested

  @contextlib.contextmanager
  def print_if_slow(self, what: str) -> Iterator[None]:
    """Prints what a `with` block does, once it has taken five seconds.

    Args:
      what: the words to print, such as "evaluating 10 episodes".
    """
    timer = threading.Timer(_SLOW_SECONDS, self.print, [f"{what} ..."])
    timer.daemon = True
    timer.start()
    try:
      yield
    finally:
      timer.cancel()

  def interruptible(self, act: evaluator.Act) -> evaluator.Act:
    """Wraps a policy to raise `StopRequested` once a stop is requested.

    Args:
      act: the policy of an evaluation or a video, which may take minutes.
    """

    def act_or_stop(observations):
      self.check_stop()
      return act(observations)

    return act_or_stop
