"""Trains an experiment into a run folder, or resumes it where it stopped.

python -m agents_pipeline.apps.train --environment=CartPole-v1 \\
  --root_dir=runs/cartpole
python -m agents_pipeline.apps.train --gin_file=configs/dqn_cartpole.gin \\
  --root_dir=runs/dqn_cartpole
python -m agents_pipeline.apps.train --help_config=DqnConfig
"""

import dataclasses

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line, help_config, signals
from agents_pipeline.config import gin_files, schema
from agents_pipeline.files import paths, run_folder

_ROOT_DIR = flags.DEFINE_string(
  "root_dir",
  None,
  "The run folder; a run that stopped there is resumed.",
  required=True,
)
_ENVIRONMENT = flags.DEFINE_string(
  "environment",
  None,
  "A gymnasium id to train on without a gin file: agent, network and numbers "
  "are chosen by its spaces.",
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
  "Let gin files import Python modules, which runs their code.",
)
_INITIAL_POLICY = flags.DEFINE_string(
  "initial_policy",
  None,
  "Begin with the weights of a run folder, a checkpoint or an exported policy; "
  "overrides Experiment.initial_policy.",
)
_SEED = flags.DEFINE_integer(
  "seed",
  None,
  "Seed of weights, environments, exploration and replay; overrides "
  "Experiment.seed.",
  lower_bound=0,
  upper_bound=schema.MAX_SEED,
)
_DEVICE = flags.DEFINE_enum(
  "device",
  "auto",
  ["auto", "cpu", "gpu"],
  "Where to run; 'auto' is a GPU if there is one and it is faster: for "
  "images, many tensor environments, wide layers.",
)
_DETERMINISTIC = flags.DEFINE_bool(
  "deterministic",
  True,
  "The same run for the same seed, on a GPU too; without it some programs are "
  "faster there.",
)
_OVERWRITE = flags.DEFINE_bool(
  "overwrite", False, "Start over, removing the run in that folder."
)
_ALLOW_CHANGES = flags.DEFINE_bool(
  "allow_changes",
  False,
  "Let a run that is resumed learn with other settings from here on. Those of "
  "evaluations, videos, checkpoints and its length may always change.",
)
help_config.define()


def main() -> int:
  """Trains as the flags say, and returns the exit code."""
  if not _ROOT_DIR.value:
    raise errors.UserError("--root_dir='': expected a run folder")
  root_dir = paths.from_text("--root_dir", _ROOT_DIR.value)
  stop_signals = signals.StopSignals(report=command_line.report)
  # Before TensorFlow, which takes seconds to import: mistakes show at once.
  experiment = _load_experiment()
  if _SEED.value is not None:
    experiment = dataclasses.replace(experiment, seed=_SEED.value)
  if _INITIAL_POLICY.value is not None:
    path = paths.from_text("--initial_policy", _INITIAL_POLICY.value)
    experiment = dataclasses.replace(
      experiment, initial_policy=str(path.absolute())
    )
  with command_line.quiet_imports():
    from agents_pipeline.runs import console, training_run
  completed = training_run.train(
    experiment,
    run_folder.RunFolder(root_dir),
    device=_DEVICE.value,
    deterministic=_DETERMINISTIC.value,
    overwrite=_OVERWRITE.value,
    allow_changes=_ALLOW_CHANGES.value,
    console=console.Console(
      print=command_line.report,
      stop_requested=lambda: bool(stop_signals.received),
    ),
  )
  return command_line.DONE if completed else stop_signals.exit_code


def _load_experiment() -> schema.Experiment:
  """What the flags say; for an environment alone, what fits it."""
  if _ENVIRONMENT.value is None:
    return gin_files.load_experiment(
      _GIN_FILES.value,
      _GIN_BINDINGS.value,
      allow_imports=_ALLOW_GIN_IMPORTS.value,
      report=command_line.report,
    )
  if _GIN_FILES.value:
    raise errors.UserError(
      f"--environment={_ENVIRONMENT.value!r} and --gin_file: expected one of "
      "them; --gin_bindings=\"EnvironmentConfig.name = '...'\" changes the "
      "environment of a gin file"
    )
  with command_line.quiet_imports():
    from agents_pipeline.runs import defaults
  return defaults.experiment_for(
    _ENVIRONMENT.value, _GIN_BINDINGS.value, command_line.report
  )


if __name__ == "__main__":
  command_line.run(main)
