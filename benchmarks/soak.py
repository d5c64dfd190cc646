"""Whether a long run grows: resident memory at its start, middle and end.

python -m benchmarks.soak
"""

import gc
import os
import pathlib
import tempfile

import psutil
from absl import app, flags

from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.files import run_folder
from agents_pipeline.runs import (
  checkpoints,
  console,
  stopwatch,
  training_session,
)

_COMPILED = flags.DEFINE_integer(
  "compiled", 1_000_000, "Iterations as one XLA program."
)
_HOST = flags.DEFINE_integer("host", 100_000, "Iterations around Python.")

_PARTS = 20  # the first part is left out: it compiles and fills the buffer
_CONFIG = (
  "DqnConfig.hidden_layers = (100,)",
  "DqnConfig.batch_size = 64",
  "ReplayConfig.capacity_env_steps = 10_000",
  "TrainingConfig.log_period_env_steps = 1_000",
  "TrainingConfig.checkpoint_period_env_steps = 10_000",
  "EvaluationConfig.period_env_steps = 20_000",
  "EvaluationConfig.num_episodes_while_training = 5",
)


def soak(*bindings: str) -> list[tuple[int, float]]:
  """Trains with all that a run writes: (env steps, MiB) at every part."""
  experiment = gin_files.load_experiment(
    ["configs/dqn_cartpole.gin"], (*_CONFIG, *bindings)
  )
  seeds = seeding.Seeds(0)
  pipeline = building.build(experiment, seeds)
  total = experiment.training.num_env_steps
  seen: list[tuple[int, float]] = []
  process = psutil.Process(os.getpid())

  def look() -> bool:
    env_steps = int(pipeline.statistics.env_steps)
    if env_steps * _PARTS // total > len(seen):
      gc.collect()
      seen.append((env_steps, process.memory_info().rss / 2**20))
    return False

  with tempfile.TemporaryDirectory() as folder:
    run = run_folder.RunDirectory(pathlib.Path(folder))
    keeper = checkpoints.Checkpoints(run.checkpoints, pipeline.tracked)
    whom = console.Person(print, look)
    training_session.TrainingSession(
      experiment,
      run,
      pipeline,
      seeds,
      keeper,
      whom,
      stopwatch.Stopwatch(),
      resumes=False,
    ).train()
  look()
  pipeline.close()
  return seen


def main(argv) -> None:
  """Soaks both forms, and prints a table."""
  del argv
  print("| iterations | start | middle | end | end / start |")
  print("| --- | --- | --- | --- | --- |")
  for name, backend, count in (
    ("compiled", "tensor", _COMPILED.value),
    ("around Python", "gymnasium", _HOST.value),
  ):
    seen = soak(
      f"EnvironmentConfig.backend = '{backend}'",
      f"TrainingConfig.num_env_steps = {count}",
    )
    start, middle, end = (
      seen[i][1] for i in (0, len(seen) // 2, len(seen) - 1)
    )
    print(
      f"| {count:,} {name} | {start:,.0f} MiB | {middle:,.0f} MiB | "
      f"{end:,.0f} MiB | {end / start:.3f} |",
      flush=True,
    )
    print("  all: " + ", ".join(f"{mib:,.0f}" for _, mib in seen), flush=True)


if __name__ == "__main__":
  app.run(main)
