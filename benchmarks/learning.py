"""Trains one configuration with several seeds, and says how each ended.

Every run is what a user runs: the `train` binary, into a folder of its own. A
run that is finished is not run again.

python -m benchmarks.learning --gin_file=configs/dqn_cartpole.gin \\
  --num_seeds=10 --root_dir=runs/dqn_cartpole_seeds \\
  --compare_with=runs/dqn_cartpole_seeds_before
"""

import concurrent.futures
import hashlib
import json
import math
import pathlib
from collections.abc import Sequence

import numpy as np
from absl import flags

from agents_pipeline.apps import command_line
from agents_pipeline.evaluation import statistics
from agents_pipeline.files import run_folder
from benchmarks import commands, comparison

_FLAGS = flags.FLAGS


def train_seeds(
  gin_file: str,
  seeds: Sequence[int],
  root: pathlib.Path,
  *,
  bindings: Sequence[str] = (),
  at_once: int = 1,
  code: pathlib.Path | None = None,
) -> list[dict]:
  """Trains every seed that is not finished, in root/seed_N.

  Args:
    gin_file: the configuration.
    seeds: the seeds.
    root: the folder of the runs.
    bindings: the gin bindings.
    at_once: the number of processes at a time.
    code: the clone whose code trains; None for this one.

  Returns:
    What the run of each seed reached, as in docs/learning/*.json.
  """

  def train(seed: int) -> dict:
    run = root / f"seed_{seed}"
    more = [f"--gin_bindings={binding}" for binding in bindings]
    commands.train(gin_file, run, f"--seed={seed}", *more, cwd=code)
    row = _row(seed, run_folder.RunFolder(run))
    took = "resumed" if row["seconds"] is None else f"{row['seconds']:.0f} s"
    command_line.report(
      f"seed {seed}: {row['mean_return']:.1f}, best policy of env step "
      f"{row['policy_env_steps']:,}, {took}"
    )
    return row

  with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
    return list(pool.map(train, seeds))


def digest_of_first_tenth(
  gin_file: str,
  row: dict,
  root: pathlib.Path,
  *,
  bindings: Sequence[str] = (),
  code: pathlib.Path | None = None,
) -> str:
  """Trains the first tenth of a seed; returns the digest of its metrics.

  Args:
    gin_file: the configuration.
    row: the row of the seed: what its run reached.
    root: the folder of the run root/seed_N, which is stopped after that tenth.
    bindings: the gin bindings.
    code: the clone whose code trains; None for this one.
  """
  seed, num_rows = row["seed"], row["early_rows"]
  run = run_folder.RunFolder(root / f"seed_{seed}")
  lines = lambda: run.metrics.read_bytes() if run.metrics.exists() else b""
  commands.train_until(
    lambda: lines().count(b"\n") > num_rows,
    gin_file,
    root / f"seed_{seed}",
    f"--seed={seed}",
    *(f"--gin_bindings={binding}" for binding in bindings),
    cwd=code,
  )
  return _digest(lines(), num_rows)


def _digest(metrics: bytes, num_rows: int | None = None) -> str:
  """The digest of the header and the first rows; None takes all rows."""
  lines = metrics.splitlines(keepends=True)
  if num_rows is not None:
    lines = lines[: num_rows + 1]
  return hashlib.sha256(b"".join(lines)).hexdigest()


def _row(seed: int, run: run_folder.RunFolder) -> dict:
  """What a finished run reached, and the digests of its metrics."""
  record = json.loads(run.run_record.read_text("utf-8"))
  metrics = run.metrics.read_bytes()
  num_early = math.ceil((metrics.count(b"\n") - 1) / 10)
  seconds = None  # of a resumed run, only those of its last start are known
  if len(record["starts"]) == 1:
    seconds = round(sum(record["seconds"].values()), 1)
  return {
    "seed": seed,
    "mean_return": record["mean_return"],
    "training_return": last_training_return(run.episodes, record["env_steps"]),
    "policy_env_steps": record["policy_env_steps"],
    "env_steps": record["env_steps"],
    "seconds": seconds,
    "metrics_sha256": _digest(metrics),
    "early_rows": num_early,
    "early_metrics_sha256": _digest(metrics, num_early),
  }


def last_training_return(
  episodes: pathlib.Path, env_steps: int
) -> float | None:
  """Mean return of the training episodes that end in a run's last twentieth.

  Args:
    episodes: the path of episodes.csv.
    env_steps: the env steps of the whole run.

  Returns:
    None where no episode ends there.
  """
  table = np.genfromtxt(episodes, delimiter=",", names=True, ndmin=1)
  last = table["episode_return"][table["env_steps"] > 0.95 * env_steps]
  return round(float(last.mean()), 2) if len(last) else None


def summary(rows: Sequence[dict]) -> dict[str, float]:
  """Interquartile mean over seeds, its 95 % interval, worst and best seed."""
  returns = np.array([row["mean_return"] for row in rows])
  low, high = statistics.bootstrap_interval(
    returns, statistic=statistics.interquartile_mean
  )
  return {
    "interquartile_mean": float(statistics.interquartile_mean(returns)),
    "low": low,
    "high": high,
    "worst": float(returns.min()),
    "best": float(returns.max()),
  }


def main() -> int:
  """Trains every seed, prints a summary, and returns the exit code."""
  before = {}
  if _FLAGS.compare_with:
    before = comparison.read_returns(pathlib.Path(_FLAGS.compare_with))
  rows = train_seeds(
    _FLAGS.gin_file,
    range(_FLAGS.num_seeds),
    pathlib.Path(_FLAGS.root_dir),
    bindings=_FLAGS.gin_bindings,
    at_once=_FLAGS.at_once,
  )
  found = summary(rows)
  print(
    f"{_FLAGS.gin_file}, {len(rows)} seeds: interquartile mean "
    f"{found['interquartile_mean']:.1f} (95 %: {found['low']:.1f} to "
    f"{found['high']:.1f}), worst {found['worst']:.1f}, best "
    f"{found['best']:.1f}"
  )
  if before:
    after = {row["seed"]: row["mean_return"] for row in rows}
    print("\n".join(comparison.describe(before, after)))
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_string("gin_file", None, "The configuration.", required=True)
  flags.DEFINE_multi_string("gin_bindings", [], "Single bindings.")
  flags.DEFINE_integer("num_seeds", 10, "Seeds 0 to this - 1.", lower_bound=1)
  flags.DEFINE_string("root_dir", None, "Of the run folders.", required=True)
  flags.DEFINE_integer("at_once", 1, "Processes at a time.", lower_bound=1)
  flags.DEFINE_string(
    "compare_with", None, "Run folders or a table of an earlier comparison."
  )
  command_line.run(main)
