"""Keeps some runs of a sweep under way until there is nothing left to run."""

import dataclasses
import time
from collections.abc import Callable

from agents_pipeline.sweeps import planned, processes

_POLL_SECONDS = 0.5
_MAX_RESTARTS = 3  # of a process that was killed
_STOPPED = frozenset({129, 130, 143})  # exit codes of a run that has saved


@dataclasses.dataclass
class _Active:
  """A run under way."""

  run: planned.PlannedRun
  job: processes.Job
  num_restarts: int = 0
  is_pruned: bool = False


def run(
  source: planned.Source,
  executor: processes.Executor,
  at_once: int,
  *,
  update: Callable[[], None],
  report: Callable[[str], None],
  wants_to_stop: Callable[[], bool],
) -> bool:
  """Runs everything that a source plans.

  Args:
    source: the source, which says what to run, and learns how it ended.
    executor: the executor that starts the runs.
    at_once: the number of runs at a time.
    update: a function that is called whenever something may have changed.
    report: a function that gets a line on each run that failed.
    wants_to_stop: a function that tells whether the user wants to stop; runs
      under way are saved.

  Returns:
    Whether everything has been run; False if the user wanted to stop.
  """
  active: list[_Active] = []
  while True:
    if wants_to_stop():
      _stop(active)
      return False
    while len(active) < at_once and (planned_run := source.next()):
      active.append(_Active(planned_run, executor.start(planned_run)))
    if not active:
      update()
      return True
    update()
    time.sleep(_POLL_SECONDS)
    active = [
      one for one in active if not _has_ended(one, source, executor, report)
    ]


def _has_ended(
  active: _Active,
  source: planned.Source,
  executor: processes.Executor,
  report: Callable[[str], None],
) -> bool:
  """Whether a run has ended; one that was killed is started again."""
  code = active.job.exit_code()
  if code is None:
    if not active.is_pruned and source.should_stop(active.run):
      active.is_pruned = True
      active.job.stop()
    return False
  if active.run.result is not None:
    source.ended(active.run, planned.FINISHED)
  elif active.is_pruned:
    source.ended(active.run, planned.PRUNED)
  elif (code < 0 or code in _STOPPED) and active.num_restarts < _MAX_RESTARTS:
    active.num_restarts += 1
    active.job = executor.start(active.run)
    return False
  else:
    report(
      f"trial {active.run.trial}, seed {active.run.seed} failed: "
      f"{active.job.last_line()}"
    )
    source.ended(active.run, planned.FAILED)
  return True


def _stop(active: list[_Active]) -> None:
  """Has every run save and end."""
  for one in active:
    one.job.stop()
  while None in [one.job.exit_code() for one in active]:  # asks each of them
    time.sleep(_POLL_SECONDS / 10)
