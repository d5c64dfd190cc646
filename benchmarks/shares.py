"""Which share of a run's time went where.

It runs `train` as a person does, to its end, into a folder of its own, and
reads what the run leaves there: timing.csv has the time of the compiled calls,
and when each file was written tells the rest.

python -m benchmarks.shares [--configs=dqn_cartpole] [--output=FILE.json]
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from agents_pipeline.files import run_folder
from benchmarks import machine

CONFIGS = ("dqn_cartpole", "a2c_cartpole")

_START = "start: imports, building"
_TRAINING = "training calls, compiling included"
_BETWEEN = "between them: evaluation, saving, tables"
_EXPORT = "export"
_EVALUATION = "final evaluation"
_VIDEO = "two films"
_END = "end of the process"


def measure(config: str) -> dict:
  """Runs a configuration to its end.

  Args:
    config: its name in configs/.

  Returns:
    Its seconds in all, and those of each part.

  Raises:
    RunError: it failed.
  """
  with tempfile.TemporaryDirectory() as folder:
    run = run_folder.RunDirectory(pathlib.Path(folder) / "run")
    start = time.time()
    done = subprocess.run(
      [
        sys.executable, "-m", "agents_pipeline.apps.train",
        f"--gin_file=configs/{config}.gin", f"--root_dir={run.root}",
      ],
      capture_output=True,
      text=True,
    )  # fmt: skip
    end = time.time()
    if done.returncode:
      told = done.stderr.strip().splitlines() or ["it told nothing"]
      raise errors.RunError(f"{config}: {told[-1]}")
    return {
      "config": config,
      "seconds": end - start,
      "parts": _parts(run, start, end),
    }


def _parts(
  run: run_folder.RunDirectory, start: float, end: float
) -> dict[str, float]:
  """Seconds of each part; they add up to all of it."""
  built = _written(run.config)
  trained = _written(run.learning_curve)  # drawn when training is over
  exported = max(_written(run.policy), _written(run.tf_agents_policy))
  evaluated = _written(run.evaluation)
  filmed = max(evaluated, _written(run.videos))
  calls = _seconds_of_calls(run.timing)
  return {
    _START: built - start,
    _TRAINING: calls,
    _BETWEEN: trained - built - calls,
    _EXPORT: exported - trained,
    _EVALUATION: evaluated - exported,
    _VIDEO: filmed - evaluated,
    _END: end - filmed,
  }


def _written(path: pathlib.Path) -> float:
  """When a file was last written, or the last file of a folder; 0 if never."""
  files = [p for p in (path, *path.rglob("*")) if p.is_file()]
  return max((p.stat().st_mtime for p in files), default=0.0)


def _seconds_of_calls(timing: pathlib.Path) -> float:
  """What the compiled calls took: env steps of each interval by its rate."""
  seconds, before = 0.0, 0
  with timing.open(newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file):
      env_steps = int(row["env_steps"])
      seconds += (env_steps - before) / float(row["env_steps_per_second"])
      before = env_steps
  return seconds


def table(found: dict) -> str:
  """Seconds and shares of one run, 80 columns wide."""
  lines = [f"{found['config']}: {found['seconds']:.1f} s"]
  lines += [
    f"  {name:44}{seconds:>8.1f} s{seconds / found['seconds']:>8.1%}"
    for name, seconds in found["parts"].items()
  ]
  return "\n".join(lines)


def markdown(found: dict) -> str:
  """All runs, as Markdown."""
  runs = found["runs"]
  names = " | ".join(f"`{run['config']}`" for run in runs)
  lines = [f"| share of | {names} |", "| --- " * (1 + len(runs)) + "|"]
  for part in runs[0]["parts"]:
    cells = [
      f"{run['parts'][part] / run['seconds']:.1%} ({run['parts'][part]:.1f} s)"
      for run in runs
    ]
    lines.append(f"| {part} | {' | '.join(cells)} |")
  total = " | ".join(f"{run['seconds']:.1f} s" for run in runs)
  lines += [
    f"| in all | {total} |",
    "",
    f"{machine.origin_in_words(found['about'])}.",
  ]
  return "\n".join(lines)


def main() -> int:
  """Runs each configuration, prints the tables, and returns the exit code."""
  found: dict = {"about": machine.describe(), "runs": []}
  for config in flags.FLAGS.configs:
    command_line.say(f"trains {config} to its end")
    found["runs"].append(measure(config))
    print(table(found["runs"][-1]), flush=True)
  if flags.FLAGS.output:
    path = pathlib.Path(flags.FLAGS.output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_list("configs", list(CONFIGS), "Names in configs/.")
  flags.DEFINE_string("output", None, "A JSON file to write as well.")
  command_line.run(main)
