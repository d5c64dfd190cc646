"""Seconds from the command to the first train step.

It starts `train` of configs/dqn_cartpole.gin as a user does, into a folder of
its own, and watches what appears there; when the row of the first train step is
written, the run is killed. One setting differs from the file's: a row of
metrics is due one env step after train steps begin, so that there is such a
row. What the run does before its first train step it does here too: it
evaluates the untrained policy in 20 episodes, and collects 1,000 env steps.

python -m benchmarks.start [--rounds=3]
"""

import pathlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from agents_pipeline.files import run_folder
from benchmarks import commands

_GIN_FILE = "configs/dqn_cartpole.gin"
_NUM_ENV_STEPS_BEFORE = 1_000  # in that file: collected before the first
_BINDING = f"TrainingConfig.log_period_env_steps = {_NUM_ENV_STEPS_BEFORE + 1}"
_POLL_SECONDS = 0.005
_MAX_SECONDS = 120.0

TITLE = "from command to first train step, DQN, tensor CartPole"


def measure() -> dict[str, float]:
  """Starts a run, and kills it after its first train step.

  Returns:
    The seconds of each part, named by what it does last. Their sum is the time
    from the command to the first train step.

  Raises:
    RunError: the run ended before, or took too long.
  """
  with tempfile.TemporaryDirectory() as folder:
    run = run_folder.RunFolder(pathlib.Path(folder) / "run")
    printed = pathlib.Path(folder) / "printed"
    before, seconds = time.perf_counter(), {}
    with printed.open("wb") as file:
      process = subprocess.Popen(
        commands.train_command(
          _GIN_FILE, run.root, f"--gin_bindings={_BINDING}"
        ),
        stdout=file,
        stderr=file,
      )
    try:
      for part, is_over in _ends_of_parts(run).items():
        now = _wait(is_over, process, printed)
        seconds[part], before = now - before, now
    finally:
      process.kill()
      process.wait()
  return seconds


def _ends_of_parts(
  run: run_folder.RunFolder,
) -> dict[str, Callable[[], bool]]:
  """Part of the start -> whether it is over."""

  def has_row(env_steps: int) -> bool:
    # Rows are written whole, and unbuffered.
    return run.metrics.exists() and any(
      line.startswith(f"{env_steps},")
      for line in run.metrics.read_text().splitlines()
    )

  return {
    "imports": run.root.exists,
    "builds": run.run_record.exists,
    "evaluates untrained": lambda: has_row(0),
    "collects 1,000 steps": lambda: has_row(_NUM_ENV_STEPS_BEFORE),
    "first train step": lambda: has_row(_NUM_ENV_STEPS_BEFORE + 1),
  }


def _wait(
  is_over: Callable[[], bool],
  process: subprocess.Popen,
  printed: pathlib.Path,
) -> float:
  """Waits until a part is over, and returns the time."""
  deadline = time.perf_counter() + _MAX_SECONDS
  while not is_over():
    if process.poll() is not None or time.perf_counter() > deadline:
      raise errors.RunError(
        "the run reached no first train step: "
        + commands.last_line(printed.read_text(errors="replace"))
      )
    time.sleep(_POLL_SECONDS)
  return time.perf_counter()


def summarize(runs: list[dict[str, float]], max_seconds: float) -> dict:
  """Summarizes several results of `measure`; says if they took too long."""
  seconds = [sum(parts.values()) for parts in runs]
  median = statistics.median(seconds)
  return {
    "title": TITLE,
    "seconds": seconds,
    "median": median,
    "low": min(seconds),
    "high": max(seconds),
    "parts": {
      part: statistics.median(parts[part] for parts in runs) for part in runs[0]
    },
    "wanted": max_seconds,
    "reached": median <= max_seconds,
  }


def main() -> int:
  """Measures, prints each, and returns the exit code."""
  rounds = flags.FLAGS.rounds
  for turn in range(rounds):
    parts = measure()
    text = ", ".join(f"{part} {parts[part]:.2f}" for part in parts)
    print(
      f"{turn + 1} of {rounds}: {sum(parts.values()):.2f} s: {text}", flush=True
    )
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_integer("rounds", 3, "Runs.", lower_bound=1)
  command_line.run(main)
