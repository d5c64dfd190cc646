"""Trains an experiment into a run folder, or resumes it where it stopped.

python -m agents_pipeline.apps.train --environment=CartPole-v1 \\
  --root_dir=runs/cartpole
python -m agents_pipeline.apps.train --gin_file=configs/dqn_cartpole.gin \\
  --root_dir=runs/dqn_cartpole
python -m agents_pipeline.apps.train --help_config=DqnConfig
"""

import dataclasses
import os
from collections.abc import Callable

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import (
  command_line,
  experiment_flags,
  help_config,
  signals,
)
from agents_pipeline.config import schema
from agents_pipeline.files import paths, run_folder
from agents_pipeline.runs import learner, learner_group

_ROOT_DIR = flags.DEFINE_string(
  "root_dir",
  None,
  "The run folder; a run that stopped there is resumed.",
  required=True,
)
experiment_flags.define()
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
_OVERWRITE = flags.DEFINE_bool(
  "overwrite", False, "Start over, removing the run in that folder."
)
_ALLOW_CHANGES = flags.DEFINE_bool(
  "allow_changes",
  False,
  "Let a run that is resumed learn with other settings from here on. Those of "
  "evaluations, videos, checkpoints and its length may always change.",
)
_ADDRESS = flags.DEFINE_string(
  "address",
  "",
  "The Ray cluster with the environments of EnvironmentConfig.vectorization "
  "= 'ray', or with the learners of TrainingConfig.num_learners: 'auto' or "
  "'host:port'. By default, Ray is started on this machine.",
)
help_config.define()


def main() -> int:
  """Trains as the flags say, and returns the exit code."""
  if not _ROOT_DIR.value:
    raise errors.UserError("--root_dir='': expected a run folder")
  root_dir = paths.from_text("--root_dir", _ROOT_DIR.value)
  stop_signals = signals.StopSignals(report=command_line.report)
  # Before TensorFlow, which takes seconds to import: mistakes show at once.
  experiment = experiment_flags.load()
  if _SEED.value is not None:
    experiment = dataclasses.replace(experiment, seed=_SEED.value)
  if _INITIAL_POLICY.value is not None:
    path = paths.from_text("--initial_policy", _INITIAL_POLICY.value)
    experiment = dataclasses.replace(
      experiment, initial_policy=str(path.absolute())
    )
  num_learners = experiment.training.num_learners
  is_on_ray = experiment.environment.vectorization == "ray" or num_learners > 1
  if _ADDRESS.value and not is_on_ray:
    raise errors.UserError(
      f"--address={_ADDRESS.value!r}: nothing of this experiment runs on Ray; "
      "expected EnvironmentConfig.vectorization = 'ray', or "
      "TrainingConfig.num_learners above 1"
    )
  place = learner.place_of(os.environ, num_learners)
  folder = run_folder.RunFolder(root_dir)
  stop_requested = lambda: bool(stop_signals.received)
  try:
    if num_learners > 1 and place is None:
      completed = _train_by_learners(experiment, folder, stop_requested)
    else:
      completed = _train(experiment, folder, place, stop_requested)
  except errors.LearnerLost:
    return learner.LOST
  return command_line.DONE if completed else stop_signals.exit_code


def _train(
  experiment: schema.Experiment,
  folder: run_folder.RunFolder,
  place: learner.Place | None,
  stop_requested: Callable[[], bool],
) -> bool:
  """Trains in this process; see `training_run.train`."""
  with command_line.quiet_imports():
    from agents_pipeline.runs import console, training_run
  if place is not None:
    folder = learner.folder_of(folder, place.rank)
  return training_run.train(
    experiment,
    folder,
    device=flags.FLAGS.device,
    deterministic=flags.FLAGS.deterministic,
    overwrite=_OVERWRITE.value,
    allow_changes=_ALLOW_CHANGES.value,
    address=_ADDRESS.value,
    place=place,
    console=console.Console(command_line.report, stop_requested),
  )


def _train_by_learners(
  experiment: schema.Experiment,
  folder: run_folder.RunFolder,
  stop_requested: Callable[[], bool],
) -> bool:
  """Trains in processes that it starts; see `learner_group.train`."""
  policy = experiment.initial_policy
  return learner_group.train(
    experiment.training.num_learners,
    [
      *experiment_flags.as_arguments(),
      f"--root_dir={folder.root}",
      f"--seed={experiment.seed}",
      *([f"--initial_policy={policy}"] if policy else []),
      *["--allow_changes"] * _ALLOW_CHANGES.value,
    ],
    folder,
    address=_ADDRESS.value,
    overwrite=_OVERWRITE.value,
    report=command_line.report,
    stop_requested=stop_requested,
  )


if __name__ == "__main__":
  command_line.run(main)
