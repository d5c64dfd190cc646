"""A grid: every combination of listed values, with every seed."""

from collections.abc import Sequence

from agents_pipeline.sweeps import parameters, planned, sweep_folder


class Grid:
  """Runs every trial with every seed; see `planned.Source`."""

  def __init__(
    self,
    trials: Sequence[parameters.Settings],
    num_seeds: int,
    folder: sweep_folder.SweepFolder,
  ):
    """Plans the runs; those that are finished will not be run again.

    Args:
      trials: the settings of each trial.
      num_seeds: the number of seeds of each trial, which are 0 to this - 1.
      folder: the folder of the sweep.
    """
    self.runs = {}
    for seed in range(num_seeds):  # one seed of everything first
      for trial, settings in enumerate(trials):
        run = planned.PlannedRun(trial, seed, settings, folder.run(trial, seed))
        state = planned.WAITING if run.result is None else planned.FINISHED
        self.runs[trial, seed] = run, state
    self._waiting = [
      run for run, state in self.runs.values() if state == planned.WAITING
    ]

  def next(self) -> planned.PlannedRun | None:
    """See `planned.Source`."""
    if not self._waiting:
      return None
    run = self._waiting.pop(0)
    self.runs[run.trial, run.seed] = run, planned.RUNNING
    return run

  def should_stop(self, run: planned.PlannedRun) -> bool:
    """Returns False: a grid runs to its end."""
    del run
    return False

  def ended(self, run: planned.PlannedRun, state: str) -> None:
    """See `planned.Source`."""
    self.runs[run.trial, run.seed] = run, state
