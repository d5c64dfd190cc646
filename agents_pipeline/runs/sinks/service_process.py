"""Starts the process that talks to a tracking service, and asks it."""

import contextlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from agents_pipeline import errors
from agents_pipeline.config import tracking

# The process gets the import path first: it is needed by the imports below.
_PROGRAM = """
import importlib, sys
from multiprocessing import connection
parent = connection.Connection(int(sys.argv[1]))
sys.path[:] = parent.recv()
from agents_pipeline.runs.sinks import service
module = importlib.import_module(sys.argv[2])
service.serve(parent, module.make_service(parent.recv()))
"""
_SECONDS_TO_CONNECT = 60.0  # the first import on a busy machine takes long


class Failure(Exception):
  """A service has not done what it was asked; its message is the reason."""


class ServiceProcess:
  """Talks to a service; one request at a time.

  The process is in a session of its own, so that Ctrl-C does not reach it. What
  it prints is not shown. If the process that trains is killed, the other one
  closes the tracked run and ends.

  Attributes:
    name: the name of the service's settings, such as "Mlflow".
    is_busy: whether an answer has yet to come.
  """

  def __init__(
    self, module: str, config: tracking.Tracker, environ: Mapping[str, str]
  ):
    """Starts the process.

    Args:
      module: the name of a module with `make_service(config)`, which returns a
        `Service`.
      config: the settings of the service.
      environ: environment variables of the process that a user has not set.

    Raises:
      RunError: the process cannot be started.
    """
    self.name = type(config).__name__
    self.is_busy = False
    self._connection, theirs = multiprocessing.Pipe()
    try:
      self._process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(theirs.fileno()), module],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
        env={**environ, **os.environ},
        start_new_session=True,
      )
    except OSError as error:
      raise errors.RunError(
        f"the process of @{self.name}() cannot be started: "
        f"{error.strerror or error}"
      ) from None
    theirs.close()
    self._send(sys.path)
    self._send(config)

  def connect(self) -> None:
    """Waits until the service can be used.

    Raises:
      UserError: the service cannot be used; the message says why.
    """
    try:
      self.ask("connect")
      if not self.has_answer(_SECONDS_TO_CONNECT):
        raise Failure(f"no answer for {_SECONDS_TO_CONNECT:.0f} s")
      self.answer()
    except Failure as error:
      raise errors.UserError(f"@{self.name}(): {error}") from None

  def ask(self, method: str, *arguments: Any) -> None:
    """Asks for a call of a method of `Service`."""
    self.is_busy = True
    self._send((method, arguments))

  def has_answer(self, seconds: float) -> bool:
    """Whether `answer` need not wait; waits for it some seconds at most."""
    try:
      return self._connection.poll(seconds)
    except OSError:
      return True

  def answer(self) -> Any:
    """Returns what the method returned.

    Raises:
      UserError: the service refuses the call.
      Failure: the call failed, or the process has died.
    """
    try:
      kind, content = self._connection.recv()
    except (EOFError, OSError):
      raise Failure("its process has ended") from None
    self.is_busy = False
    if kind == "refused":
      raise errors.UserError(content)
    if kind == "failed":
      raise Failure(content)
    return content

  def end(self, seconds: float = 0.0) -> None:
    """Ends the process; kills it if it has not ended by itself in `seconds`."""
    self._connection.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
      self._process.wait(seconds)
    self._process.kill()
    self._process.wait()

  def _send(self, content: Any) -> None:
    # If the process has died, `answer` tells.
    with contextlib.suppress(OSError):
      self._connection.send(content)
