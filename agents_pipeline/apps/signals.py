"""SIGINT, SIGTERM and SIGHUP: exit codes, cleaning up, graceful stops."""

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import NoReturn

_GRACE_SECONDS = 25  # service managers send SIGKILL 30 s after SIGTERM


class Terminated(BaseException):
  """Raised by a signal, so that `finally` blocks clean up.

  Not a SystemExit, which code of an environment may raise for its own reasons.

  Attributes:
    number: the number of the signal.
  """

  def __init__(self, number: int):
    super().__init__()
    self.number = number


def exit_code(number: int) -> int:
  """The exit code that a shell reports for a signal."""
  return 128 + number


def raise_on_signals() -> None:
  """Makes SIGTERM and SIGHUP raise `Terminated` in the main thread.

  SIGINT raises KeyboardInterrupt, as Python has it.
  """
  for number in _handled():
    if number != signal.SIGINT:
      signal.signal(number, _terminate)


def _terminate(number: int, frame: object) -> NoReturn:
  del frame
  # A closing terminal sends SIGHUP twice: from its shell and from the kernel.
  signal.signal(signal.SIGHUP, signal.SIG_IGN)
  raise Terminated(number)


def _handled() -> tuple[signal.Signals, ...]:
  """The signals that stop a process: under nohup, SIGHUP is not one."""
  if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    return (signal.SIGINT, signal.SIGTERM)
  return (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
  """Records the first stop signal; the second one ends the process.

  The process also ends if it has not stopped 25 s after the first signal. A
  second signal that is SIGHUP is ignored: closing terminals send it twice, and
  service managers send it after SIGTERM.

  Python runs signal handlers only between two bytecodes, hence not during a
  compiled call. So a thread reads the signals from a socket, which
  `signal.set_wakeup_fd` makes the interpreter write to at once.

  Attributes:
    received: the number of the first signal, 0 before it.
  """

  def __init__(self, report: Callable[[str], None]):
    """Installs the handlers and starts the thread.

    Args:
      report: a function that prints a line to the user.
    """
    self.received = 0
    self._report = report
    self._numbers = _handled()
    for number in self._numbers:
      signal.signal(number, lambda number, frame: None)
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    self._writer = writer  # kept open
    signal.set_wakeup_fd(writer.fileno())
    threading.Thread(target=self._listen, args=(reader,), daemon=True).start()

  def _listen(self, reader: socket.socket) -> None:
    while True:
      try:
        number = reader.recv(1)[0]
      except TimeoutError:
        self._report(
          f"no checkpoint could be saved within {_GRACE_SECONDS} s: exiting"
        )
        _exit_now(self.received)
      if number not in self._numbers:
        continue
      if self.received and number == signal.SIGHUP:
        continue
      if self.received:
        _exit_now(number)
      self.received = number
      self._report("stopping after this call; a checkpoint will be saved")
      reader.settimeout(_GRACE_SECONDS)

  @property
  def exit_code(self) -> int:
    """The exit code that a shell reports for the signal received."""
    return exit_code(self.received)


def _exit_now(number: int) -> NoReturn:
  """Ends this process and those of its environments."""
  for child in multiprocessing.active_children():
    child.kill()
  os._exit(exit_code(number))
