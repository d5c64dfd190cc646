"""What every binary shares: one-line errors, exit codes, quiet, signals."""

import contextlib
import multiprocessing
import os
import pathlib
import re
import signal
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

import gin
from absl import app, flags
from absl import logging as absl_logging

from agents_pipeline import errors
from agents_pipeline.apps import process
from agents_pipeline.environments import display
from agents_pipeline.files import paths

DONE, FAILED, WRONG_INPUT = 0, 1, 2
_PATIENCE_SECONDS = 25  # who sends SIGTERM often sends SIGKILL after 30
_SIGNAL_BASE = 128  # a shell's exit code for a signal is this plus its number


def run(main: Callable[[], int]) -> None:
  """Runs a binary's main and exits with its code.

  Args:
    main: returns an exit code. `UserError` exits with 2, `RunError` and
      `OSError` (a full disk) with 1, each with one line.
  """

  def guarded(argv: Sequence[str]) -> None:
    try:
      # So that what lies half written is removed.
      for number in _stopping():
        if number != signal.SIGINT:  # KeyboardInterrupt does that
          signal.signal(number, _leave)
      if len(argv) > 1:
        raise errors.UserError(
          f"unexpected argument {argv[1]!r}: expected flags such as --help"
        )
      code = main()
    except errors.UserError as error:
      code = _tell(error, WRONG_INPUT)
    except KeyboardInterrupt:
      code = _SIGNAL_BASE + signal.SIGINT
    except _Leaving as leaving:
      code = _SIGNAL_BASE + leaving.number
    except (errors.RunError, OSError) as error:
      code = _tell(error, FAILED)
    sys.exit(code)

  process.prepare()
  app.run(guarded, flags_parser=_parse_flags)


def _stopping() -> tuple[signal.Signals, ...]:
  """The signals that stop a process, without SIGHUP under nohup."""
  if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    return (signal.SIGINT, signal.SIGTERM)
  return (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Leaving(BaseException):
  """Raised by a signal; no SystemExit, which an environment may mean."""

  def __init__(self, number: int):
    super().__init__()
    self.number = number


def _leave(number: int, frame: object) -> NoReturn:
  del frame
  # A terminal that closes sends it twice: by its shell, and by the system.
  signal.signal(signal.SIGHUP, signal.SIG_IGN)
  raise _Leaving(number)


def _parse_flags(argv: Sequence[str]) -> list[str]:
  for word in argv:
    if not paths.is_text(word):
      told = f"{word!r}: expected {sys.getfilesystemencoding()} text"
      sys.exit(_tell(told, WRONG_INPUT))
  try:
    return flags.FLAGS(argv)
  except (flags.Error, UnicodeDecodeError) as error:
    missing = re.match(
      r"flag (--\w+)=None: Flag .* must have a value", str(error)
    )
    told = f"{missing.group(1)} is required" if missing else str(error)
    if isinstance(error, UnicodeDecodeError):
      told = f"--flagfile: expected a file of flags ({error})"
    sys.exit(_tell(told, WRONG_INPUT))
  except SystemExit as leaving:  # absl exits with 1 after --help
    sys.exit(DONE if leaving.code == 1 else leaving.code)


def _tell(error: object, code: int) -> int:
  first = str(error).strip().split("\n")[0]
  # What was typed may hold anything; what is told is one line.
  shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in first)
  print(f"error: {shown}", file=sys.stderr, flush=True)
  return code


def check_writable(flag: str, output: pathlib.Path | None) -> None:
  """Raises UserError where nothing new can be written, before any work.

  Args:
    flag: that names it.
    output: of the person; None is fine.
  """
  if output is None:
    return
  nearest = paths.nearest_existing(flag, output)
  if nearest == output:
    raise errors.UserError(
      f"{flag}={str(output)!r} exists; expected a new name"
    )
  # As it is called until it is whole: it may be too long for that.
  paths.nearest_existing(flag, output.with_name(f".partial-{output.name}"))
  if not nearest.is_dir() or not os.access(nearest, os.W_OK):
    raise errors.UserError(f"{flag}={str(output)!r} cannot be written")


def say(line: str) -> None:
  """Tells the person a line."""
  print(line, file=sys.stderr, flush=True)


def print_result(line: str) -> None:
  """Writes to stdout what a binary was asked for.

  Raises:
    RunError: it is lost, as on a full disk. A reader who left is fine.
  """
  print(line, flush=True)
  lost = process.lost_output()
  if lost:
    raise errors.RunError(f"standard output cannot be written: {lost}")


@contextlib.contextmanager
def quiet_imports() -> Iterator[None]:
  """Imports of TensorFlow within say nothing, unless they fail.

  TensorFlow's libraries write to file descriptor 2 before they listen to any
  setting.
  """
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
  absl_logging.set_verbosity(absl_logging.ERROR)
  warnings.filterwarnings("ignore")
  sys.stderr.flush()
  kept = os.dup(2)
  with tempfile.TemporaryFile() as written:
    os.dup2(written.fileno(), 2)
    try:
      import tensorflow as tf

      from agents_pipeline.training import compiler_flags

      compiler_flags.check()
      tf.get_logger().setLevel("ERROR")
      tf.config.list_physical_devices()
      # TF-Agents registers classes with gin. Only ours can be configured: gin
      # files were parsed before, and an empty configuration binds nothing.
      # And it imports dm_control where that is installed, and with it a
      # renderer that may not get along with TensorFlow.
      with gin.unlock_config(), display.without_renderer():
        yield
    except errors.UserError:  # says all
      raise
    except BaseException:
      written.seek(0)
      with contextlib.suppress(OSError):  # nobody reads it
        os.write(kept, written.read())
      raise
    finally:
      sys.stderr.flush()
      os.dup2(kept, 2)
      os.close(kept)


def _leave_at_once(number: int) -> NoReturn:
  """Ends the process, and those of its environments."""
  for child in multiprocessing.active_children():
    child.kill()
  os._exit(_SIGNAL_BASE + number)


class StopSignals:
  """Remembers the first SIGINT, SIGTERM or SIGHUP; a second ends the process.

  So does a first one that is not heeded in time: what hangs cannot be saved. A
  terminal that closes sends SIGHUP twice, and services SIGTERM and SIGHUP, so a
  second signal that is SIGHUP changes nothing.

  Python's own handlers wait for a compiled call to end. So a thread of its own
  listens to the file descriptor that signals are written to at once.
  """

  def __init__(self):
    self.received = 0
    self._numbers = _stopping()
    for number in self._numbers:
      signal.signal(number, lambda number, frame: None)
    listening, written_to = socket.socketpair()
    written_to.setblocking(False)
    self._kept_open = written_to
    signal.set_wakeup_fd(written_to.fileno())
    threading.Thread(
      target=self._listen, args=(listening,), daemon=True
    ).start()

  def _listen(self, listening: socket.socket) -> None:
    while True:
      try:
        number = listening.recv(1)[0]
      except TimeoutError:
        say(f"nothing could be saved within {_PATIENCE_SECONDS} s: leaving")
        _leave_at_once(self.received)
      if number not in self._numbers:
        continue
      if self.received and number == signal.SIGHUP:
        continue
      if self.received:
        _leave_at_once(number)
      self.received = number
      say("stopping after this call; what is learnt will be saved")
      listening.settimeout(_PATIENCE_SECONDS)

  @property
  def exit_code(self) -> int:
    """What a shell reports for that signal."""
    return _SIGNAL_BASE + self.received
