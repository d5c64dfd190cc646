"""Trains one configuration with several seeds, and tells how each ended.

Every run is what a user runs: the `train` binary, into a folder of its own. A
run that is finished is not run again.

python -m benchmarks.learning --gin_file=configs/dqn_cartpole.gin \\
  --num_seeds=10 --root_dir=runs/dqn_cartpole_seeds
"""

import concurrent.futures
import json
import pathlib
import subprocess
import sys

import numpy as np
from absl import flags

from agents_pipeline.apps import command_line

_GIN_FILE = flags.DEFINE_string("gin_file", None, "What.", required=True)
_GIN_BINDINGS = flags.DEFINE_multi_string(
  "gin_bindings", [], "Single bindings."
)
_NUM_SEEDS = flags.DEFINE_integer("num_seeds", 10, "Seeds 0 to this - 1.")
_ROOT_DIR = flags.DEFINE_string("root_dir", None, "Where.", required=True)
_AT_ONCE = flags.DEFINE_integer("at_once", 1, "Processes at a time.")


def _train(seed: int) -> dict:
  root = pathlib.Path(_ROOT_DIR.value) / f"seed_{seed}"
  subprocess.run(
    [
      sys.executable, "-m", "agents_pipeline.apps.train",
      f"--gin_file={_GIN_FILE.value}", f"--root_dir={root}", f"--seed={seed}",
      *(f"--gin_bindings={b}" for b in _GIN_BINDINGS.value),
    ],
    check=True,
    stderr=subprocess.DEVNULL,
  )  # fmt: skip
  found = json.loads((root / "evaluation.json").read_text())
  about = json.loads((root / "policy/assets.extra/policy.json").read_text())
  low, high = found["interval_95"]
  command_line.say(
    f"seed {seed}: {found['mean_return']:.1f} ({low:.1f} to {high:.1f}), "
    f"best policy of env step {about['env_steps']:,}"
  )
  return found


def main() -> int:
  """Trains every seed, prints a summary, and returns the exit code."""
  with command_line.quiet_imports():
    from agents_pipeline.evaluation import evaluator
  with concurrent.futures.ThreadPoolExecutor(_AT_ONCE.value) as pool:
    found = list(pool.map(_train, range(_NUM_SEEDS.value)))
  means = sorted(f["mean_return"] for f in found)
  low, high = evaluator.bootstrap_interval(
    means, statistic=evaluator.interquartile_mean
  )
  print(
    f"{found[0]['environment']}, {len(means)} seeds of "
    f"{found[0]['num_episodes']} greedy episodes: interquartile mean "
    f"{evaluator.interquartile_mean(np.array(means)):.1f} (95 %: {low:.1f} to "
    f"{high:.1f}), worst {means[0]:.1f}, best {means[-1]:.1f}"
  )
  return command_line.DONE


if __name__ == "__main__":
  command_line.run(main)
