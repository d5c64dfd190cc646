"""May a run go on in this folder, and is there anything left to do?"""

import os
from collections.abc import Callable

from agents_pipeline import errors
from agents_pipeline.config import gin_files, schema
from agents_pipeline.files import paths, run_folder
from agents_pipeline.runs import checkpoints, run_record

# May differ when a run goes on: they only say how far.
_EXTENDABLE = ("TrainingConfig.num_env_steps", "TrainingConfig.num_episodes")
# An earlier version wrote the seed into run.json alone, not into config.gin.
_SEED = "Experiment.seed"


def check(run: run_folder.RunFolder, text: str) -> None:
  """Refuses to go on with a run that is another one.

  Args:
    run: the run folder; one that holds no run is fine.
    text: the configuration now.

  Raises:
    UserError: its run has another configuration or seed. How far the run goes
      may differ.
    RunError: all its checkpoints are damaged.
  """
  if not run.has_run:
    return
  begun_with = _begun_with(run) or text
  changed = [
    line
    for line in gin_files.differences(begun_with, text)
    if not line.startswith((*_EXTENDABLE, f"{_SEED}:"))
  ]
  if changed:
    raise errors.UserError(
      f"{run.root} was begun with another configuration ({changed[0]}"
      f"{f' and {len(changed) - 1} more' if len(changed) > 1 else ''}); "
      "expected the same, another --root_dir, or --overwrite"
    )
  seed = gin_files.values(text)[_SEED]
  # None: its folder was about to be removed.
  begun = (run_record.read(run.run_record) or {}).get("seed")
  begun = gin_files.values(begun_with).get(_SEED, begun)
  if begun not in (seed, None):
    raise errors.UserError(
      f"seed {seed}: {run.root} was begun with seed {begun}; expected the "
      "same, another --root_dir, or --overwrite"
    )


def _begun_with(run: run_folder.RunFolder) -> str | None:
  """The configuration of what there is to go on with.

  config.gin, which is there for people, counts only before a checkpoint is.
  """
  saved = checkpoints.newest(run.checkpoints)
  if saved:
    path, about = saved
    checkpoints.check_format(path, about)
    return about.config
  if not run.config.exists():
    return None
  try:
    return run.config.read_text("utf-8")
  except (OSError, ValueError) as error:
    raise errors.UserError(f"{run.config} cannot be read: {error}") from None


def tell_versions(saved: checkpoints.About, say: Callable[[str], None]) -> None:
  """Says which packages are others than a checkpoint was saved with."""
  now = run_record.versions()
  for name, version in saved.packages.items():
    if now.get(name) != version:
      say(
        f"{name} is {now.get(name)}, and was {version} when this was saved: "
        "its numbers may differ in their last bits from here on"
      )


def check_place(run: run_folder.RunFolder) -> None:
  """Refuses a folder that cannot be made, or that holds something else.

  Raises:
    UserError: naming the folder, or the first thing in the way.
  """
  nearest = paths.nearest_existing("--root_dir", run.root)
  if not nearest.is_dir() or not os.access(nearest, os.W_OK):
    why = "may only be read" if nearest.is_dir() else "is in the way"
    raise errors.UserError(
      f"--root_dir={str(run.root)!r}: expected a folder that can be written, "
      f"but {str(nearest)!r} {why}"
    )
  others = [path for path in run.existing_paths if path != run.traceback]
  if not run.has_run and others:
    raise errors.UserError(
      f"--root_dir={str(run.root)!r} is no run folder and holds "
      f"{others[0].name!r}; expected a run folder or a new one"
    )


def is_finished(
  run: run_folder.RunFolder, experiment: schema.Experiment
) -> bool:
  """Whether the run there has reached the end of this experiment.

  And what it left for people and servers is still there.
  """
  record = run_record.read(run.run_record) or {}
  reached = is_reached(
    experiment.training, record.get("env_steps", 0), record.get("episodes", 0)
  )
  is_there = run.policy.exists() and run.evaluation.exists()
  return (
    record.get("outcome") == "finished"
    and (reached or record.get("stopped_early", False))
    and is_there
  )


def is_reached(
  training: schema.TrainingConfig, env_steps: int, num_episodes: int
) -> bool:
  """Whether so many env steps or episodes are all of a run."""
  limit = training.num_episodes
  return env_steps >= training.num_env_steps or (
    limit is not None and num_episodes >= limit
  )


def what_is_finished(
  run: run_folder.RunFolder, experiment: schema.Experiment
) -> str:
  """One line for a run that there is nothing left to do for."""
  record = run_record.read(run.run_record) or {}
  how_far = f"{record.get('env_steps', 0):,} env steps"
  if record.get("stopped_early", False):
    return (
      f"{run.root} is finished: it succeeded after {how_far}; --overwrite "
      "begins anew"
    )
  limit = "num_env_steps"
  if record.get("env_steps", 0) < experiment.training.num_env_steps:
    limit = "num_episodes"
    how_far = f"{record.get('episodes', 0):,} episodes"
  return (
    f"{run.root} is finished: {how_far}; --overwrite begins anew, a larger "
    f"TrainingConfig.{limit} goes on"
  )
