"""Runs the trials of a sweep as processes of this machine."""

import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Protocol

from agents_pipeline.runs import train_process
from agents_pipeline.sweeps import planned


class Job(Protocol):
  """A run under way."""

  def exit_code(self) -> int | None:
    """The exit code of the run; None while it runs."""

  def stop(self) -> None:
    """Asks the run to save and to end."""

  def last_line(self) -> str:
    """The last line that the run printed."""


class Executor(Protocol):
  """How the runs of a sweep are run."""

  def start(self, run: planned.PlannedRun) -> Job:
    """Starts a run, or resumes it where it stopped."""


class Processes:
  """An `Executor` of `train` processes."""

  def __init__(self, flags: Sequence[str]):
    """Remembers how to train.

    Args:
      flags: the flags of `train`, without --root_dir, --seed and what is
        varied.
    """
    self._flags = list(flags)

  def start(self, run: planned.PlannedRun) -> "_Process":
    """Starts `train`; what it prints goes to a file beside the run folder."""
    log = run.folder.root.with_suffix(".log")
    flags = [
      *self._flags,
      *(f"--gin_bindings={binding}" for binding in run.bindings),
      f"--seed={run.seed}",
      f"--root_dir={run.folder.root}",
    ]
    process = train_process.start(flags, log)
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
    return train_process.last_line(self._log)
