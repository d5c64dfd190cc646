"""What a process writes to, and how it ends, whatever surrounds it."""

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

# Who read has left: a closed pipe, or a terminal that is gone.
_NOBODY_READS = (errno.EPIPE, errno.EIO)


def prepare() -> None:
  """Makes the standard streams safe to write to, and the exit code certain."""
  _open_closed_descriptors()
  sys.stdout = _never_failing(1, sys.stdout)
  sys.stderr = _never_failing(2, sys.stderr)
  _draw_to_files()
  atexit.register(_skip_unloading)


def _open_closed_descriptors() -> None:
  """Otherwise the next file opened would get number 2, and be written into."""
  for number in range(3):
    try:
      os.fstat(number)
    except OSError:
      os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
      os.set_inheritable(number, True)


def _draw_to_files() -> None:
  """Makes matplotlib import, and draw alike, whatever a user has set.

  A process started from a notebook's cell is told of a backend that may not be
  installed here; a matplotlibrc that is not text ends the import.
  """
  os.environ["MPLBACKEND"] = "agg"
  found = importlib.util.find_spec("matplotlib")
  if found and found.origin:
    own = pathlib.Path(found.origin).parent / "mpl-data" / "matplotlibrc"
    os.environ["MATPLOTLIBRC"] = str(own)


class _Output(io.FileIO):
  """A descriptor that nobody may be reading; then nothing is written to it.

  Attributes:
    lost: why something written could not be kept, such as "No space left on
      device"; None where nothing was lost that anybody waited for.
  """

  def __init__(self, descriptor: int):
    super().__init__(descriptor, "w", closefd=False)
    self.lost: str | None = None

  def write(self, data) -> int:
    """Writes what it can; the rest goes to /dev/null."""
    try:
      while (written := super().write(data)) is None:  # O_NONBLOCK, and full
        select.select([], [self], [])
      return written
    except OSError as error:
      if error.errno not in _NOBODY_READS:
        self.lost = error.strerror
      nowhere = os.open(os.devnull, os.O_WRONLY)
      os.dup2(nowhere, self.fileno())
      os.close(nowhere)
      return memoryview(data).nbytes


def _never_failing(descriptor: int, stream) -> io.TextIOWrapper:
  """A stream such as this one, of which no write ever fails.

  Args:
    descriptor: of the stream.
    stream: `sys.stdout` or `sys.stderr`; None where it was closed.
  """
  if stream is not None:
    with contextlib.suppress(OSError, ValueError):
      stream.flush()
  return io.TextIOWrapper(
    io.BufferedWriter(_Output(descriptor)),
    encoding=getattr(stream, "encoding", None) or "utf-8",
    errors="backslashreplace",  # where the encoding lacks a letter
    line_buffering=getattr(stream, "line_buffering", True),
    write_through=getattr(stream, "write_through", False),
  )


def lost_output() -> str | None:
  """Why something written to stdout is lost; None where it is not."""
  raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
  return raw.lost if isinstance(raw, _Output) else None


def _skip_unloading() -> None:
  """Ends the process, with its code, before libraries unload themselves.

  Two that hold the same library, as TensorFlow and Mesa hold LLVM, may crash in
  each other's destructors. Of those that glibc calls at the end, the one that
  is registered last comes first; Python has finished by then.
  """
  libc = ctypes.CDLL(None)
  libc.fflush(None)
  with contextlib.suppress(AttributeError):  # a libc without it
    libc.on_exit(libc._exit, None)
