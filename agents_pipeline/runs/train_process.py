"""A `train` process that another process starts, here or on a cluster."""

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from agents_pipeline import errors
from agents_pipeline.files import lock

# It is killed with its parent: left running, it would write to the folder that
# the next start of the same command writes to. This is set up before the
# package is imported, as the parent may be killed during the import.
_PROGRAM = """
import contextlib, ctypes, os, runpy, signal, sys
with contextlib.suppress(AttributeError, OSError):  # on Linux alone
  ctypes.CDLL(None).prctl({set_death_signal}, signal.SIGKILL)
if os.getppid() != {parent}:
  sys.exit(1)
signal.pthread_sigmask(signal.SIG_SETMASK, ())  # Ray's threads block some
runpy.run_module(
  "agents_pipeline.apps.train", run_name="__main__", alter_sys=True
)
"""
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.2
# A file system may keep the locks of a machine that died for minutes.
_SECONDS_TO_UNLOCK = 600.0


@dataclasses.dataclass(frozen=True)
class Launch:
  """How `train` is started in the actors of a Ray cluster.

  Attributes:
    flags: the flags of `train`.
    folder: the folder of the run or of the sweep.
    cwd: the folder where the paths in the flags begin.
    environ: the environment variables to train with.
  """

  flags: list[str]
  folder: pathlib.Path
  cwd: str
  environ: dict[str, str]

  @classmethod
  def from_here(cls, flags: Sequence[str], folder: pathlib.Path) -> "Launch":
    """A launch with the working folder and the PYTHONPATH of this process."""
    environ = {k: v for k, v in os.environ.items() if k == "PYTHONPATH"}
    return cls(list(flags), folder, os.getcwd(), environ)


def start(
  flags: Sequence[str],
  log: pathlib.Path,
  environ: Mapping[str, str] | None = None,
) -> subprocess.Popen:
  """Starts `train`, which ends with this process.

  Args:
    flags: the flags of `train`.
    log: the new file that gets what `train` prints.
    environ: the environment variables beside those of this process.
  """
  log.parent.mkdir(parents=True, exist_ok=True)
  program = _PROGRAM.format(
    set_death_signal=_PR_SET_PDEATHSIG, parent=os.getpid()
  )
  with log.open("wb") as file:
    return subprocess.Popen(
      [sys.executable, "-c", program, *flags],
      stdin=subprocess.DEVNULL,
      stdout=file,
      stderr=subprocess.STDOUT,
      start_new_session=True,  # Ctrl-C reaches the parent alone
      env=os.environ | dict(environ or {}),
    )


def last_line(log: os.PathLike) -> str:
  """The last line of what `train` printed, without what marks an error."""
  lines: list[str] = []
  with (
    contextlib.suppress(FileNotFoundError),
    open(log, encoding="utf-8", errors="replace") as file,
  ):
    lines = file.read().strip().splitlines()
  return lines[-1].removeprefix("error: ") if lines else "it printed nothing"


def wait_until_unlocked(
  folder: pathlib.Path, gives_up: Callable[[], bool]
) -> bool:
  """Waits until a run is unlocked, as after the death of its machine.

  Args:
    folder: the run folder.
    gives_up: a function that is asked again and again; True ends the waiting.

  Returns:
    Whether the lock was released, within ten minutes.
  """
  deadline = time.monotonic() + _SECONDS_TO_UNLOCK
  while time.monotonic() < deadline and not gives_up():
    with contextlib.suppress(lock.LockedError), lock.exclusive(folder):
      return True
    time.sleep(_POLL_SECONDS)
  return False


def prepare_worker(
  cwd: str, environ: Mapping[str, str], *, locked: pathlib.Path
) -> None:
  """Prepares a process on any machine to start `train` as the driver would.

  Args:
    cwd: the driver's working folder.
    environ: the driver's environment variables that `train` gets.
    locked: a folder that the driver has locked.

  Raises:
    UserError: this machine does not share the driver's disk, or its locks.
  """
  try:
    os.chdir(cwd)
  except OSError as error:
    raise errors.UserError(
      f"{os.uname().nodename} cannot work in {cwd!r} ({error.strerror}); "
      "expected a folder that all machines share"
    ) from None
  os.environ.update(environ)
  check_shared(locked)


def check_shared(folder: pathlib.Path) -> None:
  """Refuses a disk on which two machines could write to one folder.

  Args:
    folder: a folder that the driver has locked.

  Raises:
    UserError: the lock is not seen on this machine.
  """
  try:
    with lock.exclusive(folder):
      pass
  except lock.LockedError:
    return
  raise errors.UserError(
    f"--root_dir={str(folder)!r}: {os.uname().nodename} does not see that it "
    "is locked; expected a disk that all machines share, with locks (flock)"
  )
