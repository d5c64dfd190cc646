"""Exports policies as SavedModels, our own and TF-Agents'."""

import dataclasses
import pathlib
from collections.abc import Callable

import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.agents import pipeline as pipeline_lib
from agents_pipeline.config import gin_files, observations, schema
from agents_pipeline.evaluation import served_policy
from agents_pipeline.files import run_folder
from agents_pipeline.runs import checkpoints
from agents_pipeline.runs import run as run_lib


def about(experiment: schema.Experiment, env_steps: int) -> dict:
  """The description that is saved with a policy.

  Args:
    experiment: that it was trained by.
    env_steps: done when its weights were taken.
  """
  return {
    **experiment.environment.to_json(),
    "observation": observations.to_json(experiment.environment.observation),
    "agent": type(experiment.agent).__name__.removesuffix("Config").lower(),
    "env_steps": env_steps,
  }


def export_best(run: run_lib.Run) -> None:
  """Writes policy/ and tf_agents_policy/: the best policy of a run.

  Raises:
    RunError: they cannot be written.
  """
  pipeline, best = run.pipeline, run.pipeline.best
  pipeline.serve(best.network).save(
    run.folder.policy, about(run.experiment, int(best.env_steps))
  )
  served_policy.save_tf_agents_policy(
    pipeline.make_tf_agents_policy(best.network), run.folder.tf_agents_policy
  )


def export_from_checkpoint(
  folder: run_folder.RunFolder,
  checkpoint: str | None,
  policy_dir: pathlib.Path,
  report: Callable[[str], None],
) -> dict:
  """Exports a policy from a run folder, without building its environment.

  Args:
    folder: the run folder.
    checkpoint: path of a checkpoint, or its name in checkpoints/, to export the
      policy of that moment. None takes the newest checkpoint, and from it the
      best policy evaluated so far, or the policy of that moment if there was no
      evaluation since training began.
    policy_dir: folder to create.
    report: prints which checkpoints are damaged.

  Returns:
    The description of the policy.

  Raises:
    UserError: there is no such run or checkpoint, or the checkpoint is damaged.
    RunError: all checkpoints are damaged, or the policy cannot be written.
  """
  if not folder.has_run:
    raise errors.UserError(
      f"--root_dir={str(folder.root)!r}: expected a run folder, with config.gin"
    )
  if not checkpoints.newest_first(folder.checkpoints):
    raise errors.UserError(
      f"{folder.checkpoints}: no checkpoint to export from"
    )
  if checkpoint is None:
    restored = _restore_newest(folder, report)
  else:
    restored = _restore(_find(folder, checkpoint), prefer_best=False)
  description = about(restored.experiment, restored.env_steps)
  policy = restored.policy
  policy.serve(policy.network).save(policy_dir, description)
  return description


@dataclasses.dataclass(frozen=True)
class _RestoredPolicy:
  """A policy from a checkpoint.

  Attributes:
    experiment: the configuration that it was saved with.
    policy: its network has the restored weights.
    env_steps: done when these weights were taken.
  """

  experiment: schema.Experiment
  policy: pipeline_lib.Policy
  env_steps: int


def _restore_newest(
  folder: run_folder.RunFolder, report: Callable[[str], None]
) -> _RestoredPolicy:
  for path in checkpoints.until_intact(folder.checkpoints):
    with checkpoints.skip_damaged(report):
      return _restore(path, prefer_best=True)
  raise AssertionError("there is a checkpoint")


def _restore(path: pathlib.Path, *, prefer_best: bool) -> _RestoredPolicy:
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
  return _RestoredPolicy(experiment, policy, int(env_steps))


def _has_evaluation(path: pathlib.Path, about: checkpoints.About) -> bool:
  """Whether a policy was evaluated since training began."""
  evaluated_at = tf.Variable(-1, dtype=tf.int64)
  best = tf.train.Checkpoint(evaluated_at=evaluated_at)
  checkpoints.restore_part(path, about, {"best": best})
  return int(evaluated_at) > 0


def _find(folder: run_folder.RunFolder, checkpoint: str) -> pathlib.Path:
  """The checkpoint of a run that the user means.

  Raises:
    UserError: there is none of that name.
  """
  saved = {p.name: p for p in checkpoints.newest_first(folder.checkpoints)}
  typed = pathlib.Path(checkpoint)
  is_elsewhere = typed.name != checkpoint and (
    typed.parent.resolve() != folder.checkpoints.resolve()
  )
  if typed.name not in saved or is_elsewhere:
    raise errors.UserError(
      f"--checkpoint={checkpoint!r}: expected one of {', '.join(sorted(saved))}"
      f"{errors.nearest(typed.name, saved)}"
    )
  return saved[typed.name]
