"""Which share of a run's time went where.

It trains as a user does, to the end, and reads the run folder: timing.csv has
the time of the compiled calls; when files were written gives the rest.

python -m benchmarks.shares [--configs=dqn_cartpole] [--output=FILE.json]
"""

import csv
import pathlib
import tempfile
import time

from absl import flags

from agents_pipeline.apps import command_line
from agents_pipeline.files import run_folder
from benchmarks import commands, machine

CONFIGS = ("dqn_cartpole", "a2c_cartpole")


def measure(config: str) -> dict:
  """Trains with configs/CONFIG.gin.

  Returns:
    The seconds of the run, and the seconds of each part.

  Raises:
    RunError: the run failed.
  """
  with tempfile.TemporaryDirectory() as folder:
    run = run_folder.RunFolder(pathlib.Path(folder) / "run")
    start = time.time()
    commands.train(f"configs/{config}.gin", run.root)
    end = time.time()
    return {
      "config": config,
      "seconds": end - start,
      "parts": _parts(run, start, end),
    }


def _parts(
  run: run_folder.RunFolder, start: float, end: float
) -> dict[str, float]:
  """Seconds of each part; they add up to the whole run's."""
  built = _written(run.config)
  trained = _written(run.learning_curve)  # drawn when training is over
  exported = max(_written(run.policy), _written(run.tf_agents_policy))
  evaluated = _written(run.evaluation)
  recorded = max(evaluated, _written(run.videos))
  calls = _seconds_of_calls(run.timing)
  return {
    "start: imports, building": built - start,
    "training calls, compiling included": calls,
    "between them: evaluation, saving, tables": trained - built - calls,
    "export": exported - trained,
    "final evaluation": evaluated - exported,
    "two videos": recorded - evaluated,
    "end of the process": end - recorded,
  }


def _written(path: pathlib.Path) -> float:
  """When a file was last written, or the last file of a folder; 0 if never."""
  files = [p for p in (path, *path.rglob("*")) if p.is_file()]
  return max((p.stat().st_mtime for p in files), default=0.0)


def _seconds_of_calls(timing: pathlib.Path) -> float:
  """Seconds of the compiled calls: each row's env steps by its rate."""
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


def main() -> int:
  """Trains with each configuration, prints tables, returns the exit code."""
  found: dict = {"about": machine.describe(), "runs": []}
  for config in flags.FLAGS.configs:
    command_line.report(f"trains {config} to its end")
    found["runs"].append(measure(config))
    print(table(found["runs"][-1]), flush=True)
  if flags.FLAGS.output:
    commands.write_json(pathlib.Path(flags.FLAGS.output), found)
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_list("configs", list(CONFIGS), "Names in configs/.")
  flags.DEFINE_string("output", None, "A JSON file to write as well.")
  command_line.run(main)
