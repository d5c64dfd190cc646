"""Seconds from the command to the first train step.

It runs what a person runs, `train` of configs/dqn_cartpole.gin, into a folder
of its own, and watches what the run writes there; when the row of the first
train step is written, the run is killed. One setting differs from the file's:
a row of metrics is due one env step after train steps begin, so that there is
such a row. What the run does before its first train step it does here too: it
evaluates the untrained policy in 20 episodes, and collects 1,000 env steps.

python -m benchmarks.start [--rounds=3]
"""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from agents_pipeline.files import run_folder

_GIN_FILE = "configs/dqn_cartpole.gin"
_NUM_ENV_STEPS_BEFORE = 1_000  # in that file: collected before the first
_BINDING = f"TrainingConfig.log_period_env_steps = {_NUM_ENV_STEPS_BEFORE + 1}"
_POLL_SECONDS = 0.005
_MOST_SECONDS = 120.0

TITLE = "from command to first train step, DQN, tensor CartPole"
# What is seen last of each part.
PARTS = (
  "imports",
  "builds",
  "evaluates untrained",
  "collects 1,000 steps",
  "first train step",
)


def measure() -> dict[str, float]:
  """Starts a run, and kills it after its first train step.

  Returns:
    The seconds of each of `PARTS`. Their sum is that from command to first
    train step.

  Raises:
    RunError: the run ended before, or took too long.
  """
  with tempfile.TemporaryDirectory() as folder:
    run = run_folder.RunDirectory(pathlib.Path(folder) / "run")
    told = pathlib.Path(folder) / "told"
    start = time.perf_counter()
    with told.open("wb") as file:
      process = subprocess.Popen(
        [
          sys.executable, "-m", "agents_pipeline.apps.train",
          f"--gin_file={_GIN_FILE}", f"--root_dir={run.root}",
          f"--gin_bindings={_BINDING}",
        ],
        stdout=file,
        stderr=file,
      )  # fmt: skip
    try:
      reached = [_wait(seen, process, told) for seen in _signs(run)]
    finally:
      process.kill()
      process.wait()
  before = [start, *reached]
  return {
    part: now - then
    for part, then, now in zip(PARTS, before, reached, strict=False)
  }


def _signs(run: run_folder.RunDirectory) -> list:
  """What says that each of `PARTS` is over: [] bool each."""

  def has_row(env_steps: int) -> bool:
    # Rows are written whole, and unbuffered.
    return run.metrics.exists() and any(
      line.startswith(f"{env_steps},")
      for line in run.metrics.read_text().splitlines()
    )

  return [
    run.root.exists,
    run.run_record.exists,
    lambda: has_row(0),
    lambda: has_row(_NUM_ENV_STEPS_BEFORE),
    lambda: has_row(_NUM_ENV_STEPS_BEFORE + 1),
  ]


def _wait(seen, process: subprocess.Popen, told: pathlib.Path) -> float:
  """When something was first seen."""
  until = time.perf_counter() + _MOST_SECONDS
  while not seen():
    if process.poll() is not None or time.perf_counter() > until:
      lines = told.read_text(errors="replace").strip().splitlines()
      raise errors.RunError(
        "the run reached no first train step: "
        f"{lines[-1] if lines else 'it told nothing'}"
      )
    time.sleep(_POLL_SECONDS)
  return time.perf_counter()


def result(runs: list[dict[str, float]], most: float) -> dict:
  """What JSON and tables hold of several.

  Args:
    runs: of `measure`.
    most: seconds wanted.
  """
  seconds = [sum(parts.values()) for parts in runs]
  median = statistics.median(seconds)
  return {
    "title": TITLE,
    "seconds": seconds,
    "median": median,
    "low": min(seconds),
    "high": max(seconds),
    "parts": {
      part: statistics.median(parts[part] for parts in runs) for part in PARTS
    },
    "wanted": most,
    "reached": median <= most,
  }


def main() -> int:
  """Measures, prints each, and returns the exit code."""
  rounds = flags.FLAGS.rounds
  for turn in range(rounds):
    parts = measure()
    told = ", ".join(f"{part} {parts[part]:.2f}" for part in PARTS)
    print(
      f"{turn + 1} of {rounds}: {sum(parts.values()):.2f} s: {told}", flush=True
    )
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_integer("rounds", 3, "Runs.", lower_bound=1)
  command_line.run(main)
