"""Checks of a run folder: may this run be written there, or resumed there?"""

import os
import re
from collections.abc import Callable, Sequence

from agents_pipeline import errors
from agents_pipeline.config import gin_files, schema
from agents_pipeline.files import paths, run_folder
from agents_pipeline.runs import checkpoints, run_record

# These may differ when a run is resumed. They say when it ends and what is
# written, not how it learns.
_MAY_CHANGE = (
  "TrainingConfig.",
  "AtTheEnd.",
  "OnLastEpisodes.",
  "OnEvaluation.",
  "EvaluationConfig.",
  "CheckpointConfig.",
  "VideoConfig.",
  "Experiment.tracking",  # earlier versions had none
  "TrackingConfig.",
  "Mlflow.",
  "WandB.",
)
# Checkpoints depend on these, so they cannot change: how a difference begins,
# and what the run has begun with.
_CANNOT_CHANGE = (
  (r"Experiment\.agent:", "another agent"),
  # Earlier versions had one learner, and no field for it.
  (r"TrainingConfig\.num_learners: (?!\(not set\) -> 1$)", "other learners"),
  (r"Experiment\.initial_policy:", "another initial policy"),
  (r"\w+\.replay:", "another replay"),
  (r"PrioritizedReplay\.(alpha|epsilon):", "other priorities"),
)
_PRIORITIZED = "= @PrioritizedReplay()"
_WITH_PRIORITIES = (r"\w+\.n_step:", "other priorities")
# Earlier versions wrote the seed to run.json only, not to config.gin.
_SEED = "Experiment.seed"


def check_folder(folder: run_folder.RunFolder) -> None:
  """Checks that a folder can be created or written, and holds nothing else.

  Raises:
    UserError: the folder cannot be used; the message names it, or the first
      path that is in the way.
  """
  nearest = paths.nearest_existing("--root_dir", folder.root)
  if not nearest.is_dir() or not os.access(nearest, os.W_OK):
    reason = "is read-only" if nearest.is_dir() else "is not a folder"
    raise errors.UserError(
      f"--root_dir={str(folder.root)!r}: expected a writable folder, but "
      f"{str(nearest)!r} {reason}"
    )
  others = [path for path in folder.existing_paths if path != folder.traceback]
  if not folder.has_run and others:
    raise errors.UserError(
      f"--root_dir={str(folder.root)!r} is not a run folder, and holds "
      f"{others[0].name!r}; expected a run folder or a new one"
    )


def changes(
  folder: run_folder.RunFolder, config: str, *, allow_changes: bool
) -> list[str]:
  """What has changed since the run in a folder was saved.

  Args:
    folder: the run folder; without a run in it, nothing has changed.
    config: the configuration now, as gin text.
    allow_changes: whether settings of what is learned, and how, may change as
      well.

  Returns:
    "Class.field: old -> new" for each difference.

  Raises:
    UserError: a setting differs that must not.
    RunError: all checkpoints are damaged.
  """
  if not folder.has_run:
    return []
  saved = _saved_config(folder) or config
  changed = differences(saved, config)
  fixed = [line for line in changed if not line.startswith(_MAY_CHANGE)]
  if fixed and not allow_changes:
    more = f" and {len(fixed) - 1} more" if len(fixed) > 1 else ""
    raise errors.UserError(
      f"{folder.root} was started with another configuration ({fixed[0]}"
      f"{more}); expected the same, --allow_changes, another --root_dir, or "
      "--overwrite"
    )
  cannot_change = list(_CANNOT_CHANGE)
  if _PRIORITIZED in config:
    cannot_change.append(_WITH_PRIORITIES)
  for pattern, what in cannot_change:
    for line in changed:
      if re.match(pattern, line):
        raise errors.UserError(
          f"{folder.root} has begun with {what} ({line}); expected the same, "
          "another --root_dir, or --overwrite"
        )
  _check_seed(folder, saved, config)
  return changed


def _check_seed(folder: run_folder.RunFolder, saved: str, config: str) -> None:
  """Refuses another seed: the run has drawn from the first one."""
  seed = gin_files.values(config)[_SEED]
  # None if the process was killed while it removed this run.
  recorded = (run_record.read(folder.run_record) or {}).get("seed")
  saved_seed = gin_files.values(saved).get(_SEED, recorded)
  if saved_seed not in (seed, None):
    raise errors.UserError(
      f"seed {seed}: {folder.root} was started with seed {saved_seed}; "
      "expected the same, another --root_dir, or --overwrite"
    )


def differences(saved: str, config: str) -> list[str]:
  """Returns "Class.field: old -> new" for each change but the seed's."""
  return [
    line
    for line in gin_files.differences(saved, config)
    if not line.startswith(f"{_SEED}:")
  ]


def _saved_config(folder: run_folder.RunFolder) -> str | None:
  """The configuration to resume with, as gin text.

  The configuration of the newest checkpoint counts. config.gin, which users may
  edit, only counts before the first checkpoint.
  """
  saved = checkpoints.newest(folder.checkpoints)
  if saved:
    path, about = saved
    checkpoints.check_format(path, about)
    return about.config
  if not folder.config.exists():
    return None
  try:
    return folder.config.read_text("utf-8")
  except (OSError, ValueError) as error:
    raise errors.UserError(f"{folder.config} cannot be read: {error}") from None


def report_version_changes(
  saved: checkpoints.About, report: Callable[[str], None]
) -> None:
  """Reports packages whose version differs from that of a checkpoint."""
  current = run_record.versions()
  for package, version in saved.packages.items():
    if current.get(package) != version:
      report(
        f"{package} is {current.get(package)}, but was {version} when this was "
        "saved: numbers may differ in their last bits from here on"
      )


def is_finished(
  folder: run_folder.RunFolder, experiment: schema.Experiment
) -> bool:
  """Whether a run has ended, and its policy and evaluation still exist.

  Args:
    folder: the run folder.
    experiment: the configuration, which says how long the run is to be.
  """
  record = run_record.read(folder.run_record) or {}
  reached_end = is_end_reached(
    experiment.training, record.get("env_steps", 0), record.get("episodes", 0)
  )
  results_exist = folder.policy.exists() and folder.evaluation.exists()
  return (
    record.get("outcome") == "finished"
    and (reached_end or record.get("stopped_early", False))
    and results_exist
  )


def is_end_reached(
  training: schema.TrainingConfig, env_steps: int, num_episodes: int
) -> bool:
  """Whether a run has as many env steps or episodes as configured.

  Args:
    training: the configuration.
    env_steps: the env steps done since the beginning of the run.
    num_episodes: the episodes that ended since the beginning of the run.
  """
  limit = training.num_episodes
  return env_steps >= training.num_env_steps or (
    limit is not None and num_episodes >= limit
  )


def finished_message(
  folder: run_folder.RunFolder,
  experiment: schema.Experiment,
  changed: Sequence[str],
) -> str:
  """One line about a run that is finished, and what can be done about it.

  Args:
    folder: the run folder.
    experiment: the configuration now.
    changed: the settings changed since the run was saved, without effect.
  """
  record = run_record.read(folder.run_record) or {}
  length = f"{record.get('env_steps', 0):,} env steps"
  without_effect = (
    f"; until then, these changes have no effect: {', '.join(changed)}"
    if changed
    else ""
  )
  if record.get("stopped_early", False):
    return (
      f"{folder.root} is finished: it succeeded after {length}; --overwrite "
      f"starts over{without_effect}"
    )
  limit = "num_env_steps"
  if record.get("env_steps", 0) < experiment.training.num_env_steps:
    limit = "num_episodes"
    length = f"{record.get('episodes', 0):,} episodes"
  return (
    f"{folder.root} is finished: {length}; --overwrite starts over, a larger "
    f"TrainingConfig.{limit} continues{without_effect}"
  )
