"""Whether two sets of seeds learned differently, or chance explains it.

python -m benchmarks.comparison runs/before runs/after
"""

import json
import pathlib
import sys

import numpy as np

from agents_pipeline import errors
from agents_pipeline.evaluation import statistics

STATISTICS = {
  "mean": statistics.mean,
  "interquartile mean": statistics.interquartile_mean,
}


def read_returns(path: pathlib.Path) -> dict[int, float]:
  """Seed -> final mean return, of the run folders PATH/seed_N or a JSON table.

  Raises:
    UserError: there are no returns.
  """
  if path.is_file():
    rows = json.loads(path.read_text("utf-8"))["seeds"]
    return {row["seed"]: row["mean_return"] for row in rows}
  found = {}
  for file in path.glob("seed_*/evaluation.json"):
    seed = int(file.parent.name.removeprefix("seed_"))
    found[seed] = json.loads(file.read_text("utf-8"))["mean_return"]
  if not found:
    raise errors.UserError(
      f"{str(path)!r}: expected a folder with finished runs seed_N, or a table"
    )
  return dict(sorted(found.items()))


def differences(
  before: dict[int, float], after: dict[int, float], statistic: str
) -> np.ndarray:
  """Bootstrapped differences of a statistic, after minus before: [resamples].

  Where both have the same seeds, pairs are resampled: what a seed's first
  weights and episodes decide is the same in both.
  """
  compute, rng = STATISTICS[statistic], np.random.default_rng(0)
  old = np.array(list(before.values()))
  if before.keys() == after.keys():
    new = np.array([after[seed] for seed in before])
    drawn = statistics.resample(len(old), rng)
    return compute(new[drawn]) - compute(old[drawn])
  new = np.array(list(after.values()))
  new_drawn = statistics.resample(len(new), rng)
  old_drawn = statistics.resample(len(old), rng)
  return compute(new[new_drawn]) - compute(old[old_drawn])


def describe(before: dict[int, float], after: dict[int, float]) -> list[str]:
  """A line for each statistic: the difference, its interval, the probability.

  The probability that the two differ is 1 less the two-sided bootstrap p-value:
  near 1 chance does not explain the difference, below 0.95 it may.
  """
  paired = "paired" if before.keys() == after.keys() else "unpaired"
  lines = [f"{len(before)} and {len(after)} seeds, {paired}"]
  for name, compute in STATISTICS.items():
    found = differences(before, after, name)
    low, high = np.percentile(found, [2.5, 97.5])
    old, new = (
      float(compute(np.array(list(one.values())))) for one in (before, after)
    )
    lines.append(
      f"{name} {old:.1f} -> {new:.1f}: difference {new - old:+.1f} "
      f"(95 %: {low:+.1f} to {high:+.1f}), probability that they differ "
      f"{probability_of_difference(found):.3f}"
    )
  return lines


def probability_of_difference(found: np.ndarray) -> float:
  """1 less the two-sided p-value of bootstrapped differences [resamples]."""
  at_most, at_least = np.mean(found <= 0), np.mean(found >= 0)
  return 1 - min(1.0, 2 * float(min(at_most, at_least)))


def main() -> None:
  """Compares the two folders or tables that are named."""
  if len(sys.argv) != 3:
    sys.exit("error: expected two folders or tables")
  try:
    before, after = (read_returns(pathlib.Path(arg)) for arg in sys.argv[1:])
  except errors.UserError as error:
    sys.exit(f"error: {error}")
  print("\n".join(describe(before, after)))


if __name__ == "__main__":
  main()
