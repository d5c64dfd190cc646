"""Runs the trials of a sweep as processes of this machine."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Protocol

from agents_pipeline.sweeps import planned

# Killed with the sweep, so that nothing is left running in a folder that the
# same command is to go on with; before the package is imported, which takes
# long enough for the sweep to be killed meanwhile.
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


class Job(Protocol):
  """A run under way."""

  def exit_code(self) -> int | None:
    """Its exit code; None while it runs."""

  def stop(self) -> None:
    """Asks it to save and to end."""

  def last_line(self) -> str:
    """The last line that it printed."""


class Executor(Protocol):
  """How the runs of a sweep are run."""

  def start(self, run: planned.PlannedRun) -> Job:
    """Starts a run, or resumes it where it stopped."""


class Processes:
  """An `Executor` of `train` processes."""

  def __init__(self, flags: Sequence[str]):
    """Remembers how to train.

    Args:
      flags: of `train`, without --root_dir, --seed and what is varied.
    """
    self._flags = list(flags)

  def start(self, run: planned.PlannedRun) -> "_Process":
    """Starts `train`; what it prints goes to a file beside the run folder."""
    log = run.folder.root.with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [
      sys.executable,
      "-c",
      _PROGRAM.format(set_death_signal=_PR_SET_PDEATHSIG, parent=os.getpid()),
      *self._flags,
      *(f"--gin_bindings={binding}" for binding in run.bindings),
      f"--seed={run.seed}",
      f"--root_dir={run.folder.root}",
    ]
    with log.open("wb") as file:
      process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=file,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches the sweep alone
      )
    return _Process(process, log)


class _Process:
  """A `train` process; see `Job`."""

  def __init__(self, process: subprocess.Popen, log: os.PathLike):
    self._process = process
    self._log = log

  def exit_code(self) -> int | None:
    """See `Job`."""
    return self._process.poll()

  def stop(self) -> None:
    """See `Job`."""
    if self._process.poll() is None:
      self._process.send_signal(signal.SIGTERM)

  def last_line(self) -> str:
    """See `Job`."""
    return last_line(self._log)


def last_line(log: os.PathLike) -> str:
  """The last line of what `train` printed, without what marks an error."""
  lines: list[str] = []
  with (
    contextlib.suppress(FileNotFoundError),
    open(log, encoding="utf-8", errors="replace") as file,
  ):
    lines = file.read().strip().splitlines()
  return lines[-1].removeprefix("error: ") if lines else "it printed nothing"
