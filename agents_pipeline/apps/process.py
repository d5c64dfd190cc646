"""Robust standard streams, and a reliable exit code."""

import atexit
import contextlib
import ctypes
import errno
import importlib.util
import io
import os
import pathlib
import select
import sys

# Errors of a closed pipe and of a closed terminal: nobody reads the output.
_NO_READER = (errno.EPIPE, errno.EIO)


def prepare() -> None:
  """Makes writes to the standard streams safe, and the exit code reliable."""
  _open_closed_descriptors()
  sys.stdout = _safe_stream(1, sys.stdout)
  sys.stderr = _safe_stream(2, sys.stderr)
  _configure_matplotlib()
  atexit.register(_skip_unloading)


def _open_closed_descriptors() -> None:
  """Opens missing descriptors 0 to 2, which the next open file would get."""
  for number in range(3):
    try:
      os.fstat(number)
    except OSError:
      os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
      os.set_inheritable(number, True)


def _configure_matplotlib() -> None:
  """Makes matplotlib independent of the user's settings.

  A process started from a notebook inherits a backend that may not be installed
  here, and importing matplotlib fails if a matplotlibrc is not valid text.
  """
  os.environ["MPLBACKEND"] = "agg"
  spec = importlib.util.find_spec("matplotlib")
  if spec and spec.origin:
    defaults = pathlib.Path(spec.origin).parent / "mpl-data" / "matplotlibrc"
    os.environ["MATPLOTLIBRC"] = str(defaults)


class _Output(io.FileIO):
  """A descriptor whose writes never fail.

  After an error, everything goes to /dev/null.

  Attributes:
    lost: why output was lost, such as "No space left on device"; None if none
      was lost, or if only its reader has gone.
  """

  def __init__(self, descriptor: int):
    super().__init__(descriptor, "w", closefd=False)
    self.lost: str | None = None

  def write(self, data) -> int:
    """Writes what it can, and returns the number of bytes written."""
    try:
      written = super().write(data)
      while written is None:  # O_NONBLOCK is set, and the pipe is full
        select.select([], [self], [])
        written = super().write(data)
      return written
    except OSError as error:
      if error.errno not in _NO_READER:
        self.lost = error.strerror
      devnull = os.open(os.devnull, os.O_WRONLY)
      os.dup2(devnull, self.fileno())
      os.close(devnull)
      return memoryview(data).nbytes


def _safe_stream(descriptor: int, stream) -> io.TextIOWrapper:
  """A stream with the settings of another, whose writes never fail.

  Args:
    descriptor: the file descriptor to write to.
    stream: `sys.stdout` or `sys.stderr`; None if it was closed.
  """
  if stream is not None:
    with contextlib.suppress(OSError, ValueError):
      stream.flush()
  return io.TextIOWrapper(
    io.BufferedWriter(_Output(descriptor)),
    encoding=getattr(stream, "encoding", None) or "utf-8",
    errors="backslashreplace",  # for characters that it cannot encode
    line_buffering=getattr(stream, "line_buffering", True),
    write_through=getattr(stream, "write_through", False),
  )


def lost_output() -> str | None:
  """Why output to stdout was lost; None if none was."""
  raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
  return raw.lost if isinstance(raw, _Output) else None


def _skip_unloading() -> None:
  """Ends the process, with its exit code, before C++ destructors run.

  Libraries that contain copies of the same third one, as TensorFlow and Mesa
  both contain LLVM, may crash in each other's destructors. glibc calls exit
  handlers in reverse order of registration, so this one, registered last, comes
  before the destructors; Python has shut down by then.
  """
  libc = ctypes.CDLL(None)
  libc.fflush(None)
  with contextlib.suppress(AttributeError):  # not glibc
    libc.on_exit(libc._exit, None)
