"""The policy of a run, from one of its checkpoints."""

import dataclasses
import pathlib
from collections.abc import Callable

import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.agents import pipeline as pipeline_lib
from agents_pipeline.config import gin_files, schema
from agents_pipeline.files import run_folder
from agents_pipeline.runs import checkpoints

BEST, LATEST = "best", "latest"


@dataclasses.dataclass(frozen=True)
class RestoredPolicy:
  """A policy from a checkpoint.

  Attributes:
    experiment: the configuration that the policy was saved with.
    policy: the policy, whose network has the restored weights.
    env_steps: the env steps done when these weights were taken.
  """

  experiment: schema.Experiment
  policy: pipeline_lib.Policy
  env_steps: int


def restore(
  folder: run_folder.RunFolder,
  checkpoint: str,
  report: Callable[[str], None],
) -> RestoredPolicy:
  """Restores a policy, without its training environment.

  Args:
    folder: the run folder.
    checkpoint: the path of a checkpoint, or its name in checkpoints/, for the
      policy of that moment; 'latest' is the newest one. 'best' is the best
      policy evaluated so far, or the latest if there was no evaluation since
      training began.
    report: a function that prints which checkpoints are damaged.

  Raises:
    UserError: there is no such run or checkpoint, or the checkpoint is damaged.
    RunError: all checkpoints are damaged.
  """
  if not folder.has_run:
    raise errors.UserError(
      f"--root_dir={str(folder.root)!r}: expected a run folder, with config.gin"
    )
  if not checkpoints.newest_first(folder.checkpoints):
    raise errors.UserError(f"{folder.checkpoints}: there is no checkpoint yet")
  if checkpoint not in (BEST, LATEST):
    return restore_from(_find(folder, checkpoint))
  for path in checkpoints.until_intact(folder.checkpoints):
    with checkpoints.skip_damaged(report):
      return restore_from(path, prefer_best=checkpoint == BEST)
  raise AssertionError("there is a checkpoint")


def restore_from(
  path: pathlib.Path, *, prefer_best: bool = False
) -> RestoredPolicy:
  """Restores the policy of a checkpoint.

  Args:
    path: the path of the checkpoint.
    prefer_best: whether to take the best policy evaluated so far, if there is
      one.

  Raises:
    UserError: the checkpoint is damaged, or of another version.
  """
  description = checkpoints.read_about(path)
  # Not config.gin, which users may have edited since.
  experiment = gin_files.load_experiment([], [description.config])
  policy = building.build_policy(experiment)
  env_steps = tf.Variable(0, dtype=tf.int64)
  objects = {
    "network": policy.network,
    "statistics": tf.train.Checkpoint(env_steps=env_steps),
  }
  if prefer_best and _has_evaluation(path, description):
    best = tf.train.Checkpoint(network=policy.network, env_steps=env_steps)
    objects = {"best": best}
  checkpoints.restore_part(path, description, objects)
  return RestoredPolicy(experiment, policy, int(env_steps))


def _has_evaluation(path: pathlib.Path, about: checkpoints.About) -> bool:
  """Whether `BestPolicy` was offered or took a network since training began."""
  evaluated_at = tf.Variable(-1, dtype=tf.int64)
  best = tf.train.Checkpoint(evaluated_at=evaluated_at)
  checkpoints.restore_part(path, about, {"best": best})
  return int(evaluated_at) > 0


def _find(folder: run_folder.RunFolder, checkpoint: str) -> pathlib.Path:
  """The checkpoint of a run that the user means.

  Raises:
    UserError: there is no checkpoint of that name.
  """
  saved = {p.name: p for p in checkpoints.newest_first(folder.checkpoints)}
  typed = pathlib.Path(checkpoint)
  is_elsewhere = typed.name != checkpoint and (
    typed.parent.resolve() != folder.checkpoints.resolve()
  )
  if typed.name not in saved or is_elsewhere:
    names = [BEST, LATEST, *sorted(saved)]
    raise errors.UserError(
      f"--checkpoint={checkpoint!r}: expected one of {', '.join(names)}"
      f"{errors.nearest(typed.name, names)}"
    )
  return saved[typed.name]
