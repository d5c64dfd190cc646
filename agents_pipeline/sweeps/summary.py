"""What a sweep has found: trials.csv, best.gin, and which trial is best."""

import csv
import io
from collections.abc import Mapping

import numpy as np

from agents_pipeline import errors
from agents_pipeline.evaluation import statistics
from agents_pipeline.runs import run_record
from agents_pipeline.sweeps import planned, sweep_folder

Runs = Mapping[tuple[int, int], tuple[planned.PlannedRun, str]]


def by_trial(runs: Runs) -> dict[int, list[tuple[planned.PlannedRun, str]]]:
  """The runs of each trial with their states, in order of their seeds."""
  found: dict[int, list] = {}
  for key in sorted(runs):
    found.setdefault(key[0], []).append(runs[key])
  return found


def value_of(runs: list[tuple[planned.PlannedRun, str]]) -> float | None:
  """The interquartile mean over a trial's seeds; None unless all finished."""
  results = [run.result for run, _ in runs]
  if any(result is None for result in results):
    return None
  return float(statistics.interquartile_mean(np.array(results)))


def best_trial(runs: Runs) -> int | None:
  """The trial with the highest value, the first of equals; None if none has."""
  values = {
    trial: value
    for trial, of_trial in by_trial(runs).items()
    if (value := value_of(of_trial)) is not None
  }
  return max(values, key=lambda trial: values[trial]) if values else None


def write(folder: sweep_folder.SweepFolder, runs: Runs) -> int | None:
  """Writes trials.csv, and best.gin of the best trial.

  The same runs give the same files, whenever and how often they were started.

  Returns:
    The best trial; None if none has ended.

  Raises:
    RunError: a file cannot be written, or config.gin of the best trial cannot
      be read.
  """
  run_record.write_text(folder.table, _table(runs))
  best = best_trial(runs)
  if best is None:
    folder.best.unlink(missing_ok=True)
    return None
  of_trial = by_trial(runs)[best]
  first = of_trial[0][0]
  try:
    config = first.folder.config.read_text("utf-8")
  except OSError as error:
    raise errors.RunError(
      f"{first.folder.config} cannot be read: {error.strerror}"
    ) from None
  seeds = "1 seed" if len(of_trial) == 1 else f"{len(of_trial)} seeds"
  run_record.write_text(
    folder.best,
    f"# Trial {best} of {len(by_trial(runs))}: {first.description}\n"
    f"# Interquartile mean over {seeds}: {value_of(of_trial):.6g}\n\n{config}",
  )
  return best


def _table(runs: Runs) -> str:
  names = list(
    dict.fromkeys(name for run, _ in runs.values() for name in run.settings)
  )
  text = io.StringIO()
  columns = ["trial", "seed", *names, "state", "mean_return", "low", "high"]
  columns += ["env_steps", "policy_env_steps"]
  writer = csv.DictWriter(text, columns, lineterminator="\n")
  writer.writeheader()
  for of_trial in by_trial(runs).values():
    for run, state in of_trial:
      writer.writerow(
        {"trial": run.trial, "seed": run.seed, "state": state}
        | run.settings
        | _results(run)
      )
  return text.getvalue()


def _results(run: planned.PlannedRun) -> dict[str, object]:
  """The results of a finished run; {} of any other."""
  record = run_record.read(run.folder.run_record) or {}
  if record.get("outcome") != planned.FINISHED:
    return {}
  low, high = record["interval_95"]
  return {
    "mean_return": record["mean_return"],
    "low": low,
    "high": high,
    "env_steps": record["env_steps"],
    "policy_env_steps": record["policy_env_steps"],
  }
