"""Starts and supervises the process that records a video."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import cloudpickle
import psutil

from agents_pipeline import errors
from agents_pipeline.environments import display
from agents_pipeline.evaluation import recording

# The process gets the import path first: it is needed by the imports below.
_PROGRAM = """
import sys
from multiprocessing import connection
parent = connection.Connection(int(sys.argv[1]))
sys.path[:] = parent.recv()
from agents_pipeline.evaluation import recording
recording.serve(parent)
"""
_POLL_SECONDS = 0.5
_CLOSE_TIMEOUT_SECONDS = 10
_CLOSE_POLL_SECONDS = 0.01
_MAX_SECONDS_PER_FRAME = 0.1  # of completing a file
_MIN_TIMEOUT_SECONDS = 60  # imports take long on a busy machine
_MAX_OUTPUT_BYTES = 2_000  # read from the end of what it printed


class Renderer:
  """A process that records one video; a context manager that ends it.

  The process is in a session of its own, so that Ctrl-C in a terminal does not
  reach it. What it prints is not shown.
  """

  def __init__(
    self, request: recording.Request, check: Callable[[], None] = lambda: None
  ):
    """Starts the process.

    Args:
      request: the video to record.
      check: a function that is called periodically while waiting; it may raise
        to stop.

    Raises:
      RunError: the process cannot be started.
    """
    self._name = request.environment.name
    self._check = check
    self._timeout = max(
      _MIN_TIMEOUT_SECONDS, request.environment.step_timeout_seconds
    )
    self._is_done = False
    self._output = tempfile.TemporaryFile()  # noqa: SIM115, closed in _end
    self._connection, theirs = multiprocessing.Pipe()
    try:
      self._process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(theirs.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=self._output,
        stderr=subprocess.STDOUT,
        pass_fds=[theirs.fileno()],
        env=None if request.path else display.environ_with_windows(),
        start_new_session=True,
      )
    except OSError as error:
      raise errors.RunError(
        f"the video process cannot be started: {error.strerror or error}"
      ) from None
    theirs.close()
    try:
      pickled = cloudpickle.dumps(request)
    except Exception as error:
      self._end()
      raise errors.RunError(
        f"environment {self._name!r} cannot be sent to the video process: "
        f"{type(error).__name__}: {error}"
      ) from None
    self._send(self._connection.send, sys.path)
    self._send(self._connection.send_bytes, pickled)

  def receive(self) -> Any:
    """Waits for the next observation, or at the end for the recording.

    Returns:
      An observation [...] or its leaves by name, or a `Recording`.

    Raises:
      UserError: the environment cannot be made.
      RunError: the environment failed, or the process died or hangs.
      OSError: the file cannot be written.
    """
    try:
      self._wait()
      kind, content = self._connection.recv()
      if kind == "writing":
        self._timeout += _MAX_SECONDS_PER_FRAME * content
        self._wait()
        kind, content = self._connection.recv()
    except (EOFError, ConnectionError):
      raise self._death() from None
    if kind == "failed":
      self._is_done = True
      raise content
    self._is_done = kind == "recorded"
    return content

  def act(self, action: Any) -> None:
    """Answers an observation with an action."""
    self._send(self._connection.send, action)

  def _send(self, send, content) -> None:
    # If the process has died, `receive` raises.
    with contextlib.suppress(ConnectionError):
      send(content)

  def _wait(self) -> None:
    deadline = time.monotonic() + self._timeout
    while not self._connection.poll(_POLL_SECONDS):
      self._check()
      # Its own subprocesses may keep the connection open.
      if self._has_ended() and not self._connection.poll():
        raise EOFError
      if time.monotonic() > deadline:
        raise errors.EnvironmentFailure(
          f"environment {self._name!r}: the video process has not "
          f"answered for {self._timeout:g} s"
        )

  def _has_ended(self) -> bool:
    """Returns whether the process has ended, also before it is reaped.

    Unlike `Popen.poll`, which takes a lock and does not release it if a signal
    handler raises inside: after that `Popen.wait` would block forever.
    """
    try:
      status = psutil.Process(self._process.pid).status()
    except psutil.NoSuchProcess:
      return True
    return status == psutil.STATUS_ZOMBIE

  def _reap(self) -> int:
    """Waits until the process ends and returns its exit code."""
    if self._process.returncode is None:
      _, status = os.waitpid(self._process.pid, 0)
      self._process.returncode = os.waitstatus_to_exitcode(status)
    return self._process.returncode

  def _death(self) -> errors.EnvironmentFailure:
    code = self._reap()
    cause = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
    line = self._last_line()
    return errors.EnvironmentFailure(
      f"environment {self._name!r}: its renderer ended the process ({cause})"
      + (f": {line}" if line else "")
    )

  def _last_line(self) -> str:
    """Returns the last line that the process printed, or ''."""
    size = self._output.seek(0, os.SEEK_END)
    self._output.seek(max(0, size - _MAX_OUTPUT_BYTES))
    lines = self._output.read().decode(errors="replace").split("\n")
    lines = [text for line in lines if (text := " ".join(line.split()))]
    return lines[-1][:200] if lines else ""

  def __enter__(self) -> "Renderer":
    return self

  def __exit__(self, *exception) -> None:
    self._end()

  def _end(self) -> None:
    """Lets the process close its environment, then kills its whole session."""
    self._connection.close()
    deadline = time.monotonic() + _CLOSE_TIMEOUT_SECONDS
    while self._is_done and not self._has_ended():
      if time.monotonic() > deadline:
        break
      time.sleep(_CLOSE_POLL_SECONDS)
    _kill_session(self._process.pid)
    self._reap()
    self._output.close()


def _kill_session(session: int) -> None:
  """Kills every process of a session; ffmpeg is in another process group."""
  for process in psutil.process_iter():
    with contextlib.suppress(OSError, psutil.Error):
      if os.getsid(process.pid) == session:
        process.kill()
