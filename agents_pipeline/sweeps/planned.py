"""The runs of a sweep: what each is to be, and how far it is."""

import dataclasses
from typing import Protocol

from agents_pipeline.files import run_folder, tables
from agents_pipeline.runs import run_record
from agents_pipeline.sweeps import parameters

FINISHED, FAILED, PRUNED, RUNNING, WAITING = (
  "finished",
  "failed",
  "pruned",
  "running",
  "waiting",
)


@dataclasses.dataclass(frozen=True)
class PlannedRun:
  """A run of a sweep: one trial with one seed.

  Attributes:
    trial: the number of the trial, from 0.
    seed: the seed of the run.
    settings: the settings that the trial varies.
    folder: the run folder.
  """

  trial: int
  seed: int
  settings: parameters.Settings
  folder: run_folder.RunFolder

  @property
  def bindings(self) -> list[str]:
    """The settings as gin bindings."""
    return [f"{name} = {text}" for name, text in self.settings.items()]

  @property
  def description(self) -> str:
    """The settings in words, for messages."""
    return ", ".join(self.bindings) or "the experiment as it is"

  @property
  def result(self) -> float | None:
    """The mean return of the run's final evaluation; None before its end."""
    record = run_record.read(self.folder.run_record) or {}
    finished = record.get("outcome") == FINISHED
    return record.get("mean_return") if finished else None

  @property
  def evaluations(self) -> list[tuple[int, float]]:
    """(env steps, mean return) of each evaluation so far."""
    return [
      (int(row["env_steps"]), float(row["evaluation_return"]))  # type: ignore[arg-type]
      for row in tables.read(self.folder.metrics)
      if row.get("evaluation_return") is not None
    ]

  @property
  def env_steps(self) -> int:
    """Env steps of the last row of metrics.csv."""
    rows = tables.read(self.folder.metrics)
    return int(rows[-1]["env_steps"] or 0) if rows else 0


class Source(Protocol):
  """Says what to run next, and learns how it ended.

  Attributes:
    runs: all runs that are known so far, by trial and seed, with their states.
  """

  runs: dict[tuple[int, int], tuple[PlannedRun, str]]

  def next(self) -> PlannedRun | None:
    """The run to start now; None if there is none, now or ever."""

  def should_stop(self, run: PlannedRun) -> bool:
    """Whether a run that is under way is not worth its time."""

  def ended(self, run: PlannedRun, state: str) -> None:
    """Called with 'finished', 'failed' or 'pruned' when a run has ended."""
