"""Whether a long run grows: resident memory at its start, middle and end.

python -m benchmarks.soak
"""

import gc
import pathlib
import tempfile

import psutil
from absl import flags

from agents_pipeline.agents import building
from agents_pipeline.apps import command_line
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.files import run_folder
from agents_pipeline.runs import (
  checkpoints,
  console,
  logger,
  training_session,
)
from agents_pipeline.runs import run as run_lib

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


def soak(*bindings: str) -> list[float]:
  """Trains, writing all that a run writes; returns MiB at each part's end."""
  experiment = gin_files.load_experiment(
    ["configs/dqn_cartpole.gin"], (*_CONFIG, *bindings)
  )
  seeds = seeding.Seeds(0)
  pipeline = building.build(experiment, seeds)
  total = experiment.training.num_env_steps
  resident: list[float] = []

  def sample() -> bool:
    env_steps = int(pipeline.statistics.env_steps)
    if env_steps * _PARTS // total > len(resident):
      gc.collect()
      resident.append(psutil.Process().memory_info().rss / 2**20)
    return False  # does not stop the run

  with tempfile.TemporaryDirectory() as folder:
    root = run_folder.RunFolder(pathlib.Path(folder))
    saved = checkpoints.Checkpoints(root.checkpoints, pipeline.tracked)
    run = run_lib.Run(
      experiment, root, pipeline, seeds, saved, console.Console(print, sample)
    )
    with logger.Logger(run, resumed=False) as log:
      training_session.TrainingSession(run, log, resumed=False).train()
  sample()
  pipeline.close()
  return resident


def main() -> int:
  """Trains in both forms, prints a table, and returns the exit code."""
  print("| iterations | start | middle | end | end / start |")
  print("| --- | --- | --- | --- | --- |")
  for name, backend, count in (
    ("compiled", "tensor", flags.FLAGS.compiled),
    ("around Python", "gymnasium", flags.FLAGS.host),
  ):
    resident = soak(
      f"EnvironmentConfig.backend = '{backend}'",
      f"TrainingConfig.num_env_steps = {count}",
    )
    start, middle, end = (
      resident[i] for i in (0, len(resident) // 2, len(resident) - 1)
    )
    print(
      f"| {count:,} {name} | {start:,.0f} MiB | {middle:,.0f} MiB | "
      f"{end:,.0f} MiB | {end / start:.3f} |\n"
      f"  all: {', '.join(f'{mib:,.0f}' for mib in resident)}",
      flush=True,
    )
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_integer("compiled", 1_000_000, "Iterations as one XLA program.")
  flags.DEFINE_integer("host", 100_000, "Iterations around Python.")
  command_line.run(main)
