"""Shows how far the trials of a sweep are, in a terminal or as lines."""

import sys
from collections import Counter
from collections.abc import Callable

import rich.console
import rich.live
import rich.table

from agents_pipeline.sweeps import planned, summary

_ORDER = (planned.RUNNING, planned.WAITING)  # of interest before the others


class Lines:
  """Prints a line when the state of a run changes."""

  def __init__(self, source: planned.Source, report: Callable[[str], None]):
    """Prints how many runs an earlier start has finished, if any.

    Args:
      source: the source whose runs are shown.
      report: a function that prints a line.
    """
    self._source = source
    self._report = report
    self._states = {key: state for key, (_, state) in source.runs.items()}
    num_finished = Counter(self._states.values())[planned.FINISHED]
    if num_finished:
      report(f"{num_finished} of {len(self._states)} runs are finished already")

  def __enter__(self) -> "Lines":
    return self

  def __exit__(self, *_) -> None:
    self.update()

  def update(self) -> None:
    """Prints what has changed since the last call."""
    for key, (run, state) in self._source.runs.items():
      if state == self._states.get(key, planned.WAITING):
        continue
      self._states[key] = state
      line = f"trial {run.trial}, seed {run.seed}: {state}"
      if state == planned.FINISHED:
        line += f", mean return {run.result:.1f}"
      elif state == planned.RUNNING:
        line += f", {run.description}"
      self._report(line)


class Live:
  """A table that is drawn anew in place: one row per trial."""

  def __init__(self, source: planned.Source):
    """Prepares the table; it appears in a `with` block.

    Args:
      source: the source whose runs are shown.
    """
    self._source = source
    self._console = rich.console.Console(file=sys.stderr)
    self._live = rich.live.Live(
      console=self._console, auto_refresh=False, transient=False
    )

  def __enter__(self) -> "Live":
    self._live.__enter__()
    return self

  def __exit__(self, *exception) -> None:
    self.update()
    self._live.__exit__(*exception)

  def update(self) -> None:
    """Draws the table."""
    self._live.update(make(self._source.runs), refresh=True)


def make(runs: summary.Runs) -> rich.table.Table:
  """The table of trials: what runs first, then the trials from the best on."""
  of_trials = summary.by_trial(runs)
  states = Counter(state for _, state in runs.values())
  title = ", ".join(f"{count} {state}" for state, count in states.items())
  table = rich.table.Table(title=f"{len(of_trials)} trials: {title}")
  names = list(
    dict.fromkeys(name for run, _ in runs.values() for name in run.settings)
  )
  table.add_column("trial", justify="right")
  for name in names:
    table.add_column(name.rpartition(".")[2], overflow="fold")
  for name in ("seeds", "env steps", "evaluation", "result"):
    table.add_column(name, justify="right")
  best = summary.best_trial(runs)
  for trial in sorted(of_trials, key=lambda t: _rank(of_trials[t])):
    settings = of_trials[trial][0][0].settings
    table.add_row(
      f"{trial}",
      *(settings[name] for name in names),
      *_progress(of_trials[trial]),
      style="bold" if trial == best else None,
    )
  return table


def _rank(of_trial: list[tuple[planned.PlannedRun, str]]) -> tuple:
  states = {state for _, state in of_trial}
  for place, state in enumerate(_ORDER):
    if state in states:
      return place, 0.0
  value = summary.value_of(of_trial)
  return len(_ORDER), -value if value is not None else float("inf")


def _progress(of_trial: list[tuple[planned.PlannedRun, str]]) -> list[str]:
  """Seeds done, env steps and evaluation of what runs, and the result."""
  num_done = sum(state == planned.FINISHED for _, state in of_trial)
  running = [run for run, state in of_trial if state == planned.RUNNING]
  steps = [f"{run.env_steps:,}" for run in running]
  evaluations = [
    f"{run.evaluations[-1][1]:.1f}" if run.evaluations else "-"
    for run in running
  ]
  value = summary.value_of(of_trial)
  others = {
    state for _, state in of_trial if state in (planned.FAILED, planned.PRUNED)
  }
  result = f"{value:.1f}" if value is not None else ", ".join(sorted(others))
  return [
    f"{num_done}/{len(of_trial)}",
    " ".join(steps),
    " ".join(evaluations),
    result,
  ]
