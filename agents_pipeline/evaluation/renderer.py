"""The process that draws a video, as seen by the one that has the policy."""

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
import numpy as np
import psutil

from agents_pipeline import errors
from agents_pipeline.evaluation import recording

# What it runs; the import path comes first, for all that is imported then.
_PROGRAM = """
import sys
from multiprocessing import connection
to_policy = connection.Connection(int(sys.argv[1]))
sys.path[:] = to_policy.recv()
from agents_pipeline.evaluation import recording
recording.serve(to_policy)
"""
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_CLOSE = 10
_SECONDS_BETWEEN_CLOSING_LOOKS = 0.01
_SECONDS_PER_FRAME = 0.1  # at most, of completing a file
_MIN_PATIENCE_SECONDS = 60  # imports take long where much else is running
_MAX_TOLD = 2_000  # bytes, the end of what it printed


class Renderer:
  """A process that makes one video; a context that ends it.

  It is in a session of its own: Ctrl-C of a terminal does not reach it. What it
  prints is kept back.
  """

  def __init__(
    self, request: recording.Request, check: Callable[[], None] = lambda: None
  ):
    """Starts it.

    Args:
      request: the video.
      check: called again and again while waiting; it may raise to stop.

    Raises:
      RunError: it cannot be started.
    """
    self._name = request.environment.name
    self._check = check
    self._patience = max(
      _MIN_PATIENCE_SECONDS, request.environment.step_timeout_seconds
    )
    self._is_done = False
    self._printed = tempfile.TemporaryFile()  # noqa: SIM115, closed in _end
    self._connection, theirs = multiprocessing.Pipe()
    try:
      self._process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(theirs.fileno())],
        stdin=subprocess.DEVNULL,
        stdout=self._printed,
        stderr=subprocess.STDOUT,
        pass_fds=[theirs.fileno()],
        start_new_session=True,
      )
    except OSError as error:
      raise errors.RunError(
        f"the process that draws cannot be started: {error.strerror or error}"
      ) from None
    theirs.close()
    try:
      pickled = cloudpickle.dumps(request)
    except Exception as error:
      self._end()
      raise errors.RunError(
        f"environment {self._name!r} cannot be sent to the process that draws: "
        f"{type(error).__name__}: {error}"
      ) from None
    self._send(self._connection.send, sys.path)
    self._send(self._connection.send_bytes, pickled)

  def receive(self) -> np.ndarray | recording.Recorded:
    """Waits for an observation, or at the end for what was recorded.

    Raises:
      UserError: the environment cannot be made.
      RunError: it failed, or the process died or hangs.
      OSError: the file cannot be written.
    """
    try:
      self._wait()
      kind, content = self._connection.recv()
      if kind == "writing":
        self._patience += _SECONDS_PER_FRAME * content
        self._wait()
        kind, content = self._connection.recv()
    except (EOFError, ConnectionError):
      raise self._died() from None
    if kind == "failed":
      self._is_done = True
      raise content
    self._is_done = kind == "recorded"
    return content

  def act(self, action: Any) -> None:
    """Answers an observation."""
    self._send(self._connection.send, action)

  def _send(self, send, content) -> None:
    # Where it has died, `receive` tells of it.
    with contextlib.suppress(ConnectionError):
      send(content)

  def _wait(self) -> None:
    deadline = time.monotonic() + self._patience
    while not self._connection.poll(_SECONDS_BETWEEN_LOOKS):
      self._check()
      # Processes that it started may keep the connection open.
      if self._has_ended() and not self._connection.poll():
        raise EOFError
      if time.monotonic() > deadline:
        raise errors.EnvironmentFailure(
          f"environment {self._name!r}: the process that draws has not "
          f"answered for {self._patience:g} s"
        )

  def _has_ended(self) -> bool:
    """Whether the process is over, if not yet waited for.

    `Popen.poll` takes a lock, and keeps it where a signal's handler raises
    within: from then on `Popen.wait` would wait for ever.
    """
    try:
      status = psutil.Process(self._process.pid).status()
    except psutil.NoSuchProcess:
      return True
    return status == psutil.STATUS_ZOMBIE

  def _reap(self) -> int:
    """Waits for the end of the process, and returns its exit code."""
    if self._process.returncode is None:
      _, status = os.waitpid(self._process.pid, 0)
      self._process.returncode = os.waitstatus_to_exitcode(status)
    return self._process.returncode

  def _died(self) -> errors.EnvironmentFailure:
    code = self._reap()
    how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
    last = self._last_line()
    return errors.EnvironmentFailure(
      f"environment {self._name!r}: its renderer ended the process ({how})"
      + (f": {last}" if last else "")
    )

  def _last_line(self) -> str:
    """The last line that was printed, or ''."""
    size = self._printed.seek(0, os.SEEK_END)
    self._printed.seek(max(0, size - _MAX_TOLD))
    lines = self._printed.read().decode(errors="replace").split("\n")
    told = [shown for line in lines if (shown := " ".join(line.split()))]
    return told[-1][:200] if told else ""

  def __enter__(self) -> "Renderer":
    return self

  def __exit__(self, *exception) -> None:
    self._end()

  def _end(self) -> None:
    """Lets it close its environment, then kills it and all that it started."""
    self._connection.close()
    deadline = time.monotonic() + _SECONDS_TO_CLOSE
    while self._is_done and not self._has_ended():
      if time.monotonic() > deadline:
        break
      time.sleep(_SECONDS_BETWEEN_CLOSING_LOOKS)
    _kill_session(self._process.pid)
    self._reap()
    self._printed.close()


def _kill_session(session: int) -> None:
  """Kills every process of a session: ffmpeg has a group of its own in it."""
  for process in psutil.process_iter():
    with contextlib.suppress(OSError, psutil.Error):
      if os.getsid(process.pid) == session:
        process.kill()
