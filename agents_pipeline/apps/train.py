"""Trains an experiment into a run folder, or goes on where it stopped.

python -m agents_pipeline.apps.train --gin_file=configs/dqn_cartpole.gin \\
  --root_dir=runs/dqn_cartpole
"""

import dataclasses

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from agents_pipeline.config import gin_files, schema
from agents_pipeline.files import paths, run_folder

_ROOT_DIR = flags.DEFINE_string(
  "root_dir", None, "The run folder; a run that stopped goes on.", required=True
)
_GIN_FILES = flags.DEFINE_multi_string(
  "gin_file", [], "Configuration; later files override earlier ones."
)
_GIN_BINDINGS = flags.DEFINE_multi_string(
  "gin_bindings", [], "Single bindings, such as 'DqnConfig.gamma = 0.9'."
)
_ALLOW_GIN_IMPORTS = flags.DEFINE_bool(
  "allow_gin_imports",
  False,
  "gin files may import Python modules, which runs their code.",
)
_SEED = flags.DEFINE_integer(
  "seed",
  None,
  "Of everything random; overrides Experiment.seed.",
  lower_bound=0,
  upper_bound=schema.MAX_SEED,
)
_DEVICE = flags.DEFINE_enum(
  "device",
  "auto",
  ["auto", "cpu", "gpu"],
  "What runs; 'auto' is a GPU "
  "where there is one and the networks are large enough.",
)
_OVERWRITE = flags.DEFINE_bool(
  "overwrite", False, "Begin anew, removing the run that is there."
)


def main() -> int:
  """Reads the flags, trains, and returns the exit code."""
  if not _ROOT_DIR.value:
    raise errors.UserError("--root_dir='': expected a run folder")
  root_dir = paths.from_text("--root_dir", _ROOT_DIR.value)
  stop = command_line.StopSignals()
  # Before TensorFlow, which takes seconds to import: mistakes are told at once.
  experiment = gin_files.load_experiment(
    _GIN_FILES.value,
    _GIN_BINDINGS.value,
    allow_imports=_ALLOW_GIN_IMPORTS.value,
    say=command_line.say,
  )
  if _SEED.value is not None:
    experiment = dataclasses.replace(experiment, seed=_SEED.value)
  with command_line.quiet_imports():
    from agents_pipeline.runs import console, training_run
  complete = training_run.train(
    experiment,
    run_folder.RunFolder(root_dir),
    device=_DEVICE.value,
    overwrite=_OVERWRITE.value,
    person=console.Person(
      say=command_line.say, wants_to_stop=lambda: bool(stop.received)
    ),
  )
  return command_line.DONE if complete else stop.exit_code


if __name__ == "__main__":
  command_line.run(main)
