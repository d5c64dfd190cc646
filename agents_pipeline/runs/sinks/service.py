"""What a tracking service offers, and the process that talks to it.

Clients of such services start threads, set environment variables, take over
handlers, and wait for servers. In a process of their own, none of that reaches
training. It imports no TensorFlow.
"""

import importlib
import pathlib
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import connection
from typing import Any, NamedTuple, Protocol

from agents_pipeline import errors

_SECONDS_TO_CLOSE = 60  # when the run was killed


class About(NamedTuple):
  """What a service is told of a run.

  Attributes:
    id: the id of the run: the same at every start of the run, and of no other
      run.
    name: the name to show.
    folder: the run folder, absolute.
    config: the configuration, as gin text.
    parameters: "Class.field" -> its value, bool, int, float or str.
  """

  id: str
  name: str
  folder: pathlib.Path
  config: str
  parameters: Mapping[str, Any]


class Opened(NamedTuple):
  """What a service answers.

  Attributes:
    env_steps: the env steps of the last row that the service has; -1 without
      any.
    where: the place where the run can be looked at.
  """

  env_steps: int
  where: str


class Row(NamedTuple):
  """What one result adds to a service.

  Attributes:
    env_steps: the env steps of the result, greater than those of the rows
      before.
    seconds: the time when it was measured, in seconds since 1970.
    values: tag -> value.
    videos: the paths of the videos.
  """

  env_steps: int
  seconds: float
  values: Mapping[str, float | int]
  videos: Sequence[pathlib.Path] = ()


class Service(Protocol):
  """The client of a tracking service, for one run.

  What `connect` raises ends the run before it begins. Other methods but `close`
  may raise anything, and are then called again later.
  """

  def connect(self) -> None:
    """Checks that the service can be used; changes nothing.

    Raises:
      UserError: the service cannot be used; the message says why.
    """

  def open(self, about: About) -> Opened:
    """Begins to show the run, or goes on with it."""

  def write(self, rows: Sequence[Row]) -> int:
    """Adds rows, but not those that an earlier call added before it failed.

    Returns:
      The env steps of the last row that the service has.
    """

  def finish(
    self, env_steps: int, values: Mapping[str, float], videos: Sequence
  ) -> None:
    """Adds what the end of the run measured, by tag, and final videos."""

  def close(self, outcome: str) -> None:
    """Ends this start of the run: nothing follows in this process.

    Args:
      outcome: the outcome, 'finished', 'stopped' or 'failed'.
    """


def load_package(name: str, needed_by: str) -> Any:
  """Imports a package that a service needs.

  Args:
    name: the name of the package, as it is installed and imported.
    needed_by: the name of what was chosen, for messages.

  Raises:
    UserError: the package cannot be imported; the message has the command that
      installs it.
  """
  try:
    return importlib.import_module(name)
  except Exception as error:
    reason = f"cannot be imported ({first_line(error)})"
    if isinstance(error, ModuleNotFoundError) and error.name == name:
      reason = "is not installed"
    raise errors.UserError(
      f"{needed_by} needs the package {name}, which {reason}: "
      f"{sys.executable} -m pip install {name}"
    ) from None


def serve(parent: connection.Connection, service: Service) -> None:
  """Calls a service until the run has ended.

  Args:
    parent: the connection to the parent, which sends (method, arguments), and
      gets ("done", result), ("refused", reason) or ("failed", reason) for each.
    service: the service.
  """
  method = ""
  while method != "close":
    try:
      method, arguments = parent.recv()
    except EOFError:  # the run was killed
      signal.alarm(_SECONDS_TO_CLOSE)
      service.close("stopped")
      return
    try:
      answer = "done", getattr(service, method)(*arguments)
    except errors.UserError as error:
      answer = "refused", str(error)
    except Exception as error:  # whatever a client raises of its server
      answer = "failed", first_line(error)
    try:
      parent.send(answer)
    except OSError:
      method = ""  # `recv` tells


def first_line(error: Exception) -> str:
  """What an error says, in one line of at most 200 characters."""
  return errors.first_line(error)[:200]
