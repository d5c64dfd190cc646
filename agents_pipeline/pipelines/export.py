"""Exports: a policy as a SavedModel, and as TF-Agents writes it."""

import pathlib

import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.evaluation import served_policy
from agents_pipeline.experiment import (
  config,
  gin_files,
  observations,
  run_directory,
)
from agents_pipeline.pipelines import building
from agents_pipeline.records import checkpoints


def about(experiment: config.Experiment, env_steps: int) -> dict:
  """What an exported policy says of itself."""
  return {
    "environment": experiment.environment.name,
    "observation": observations.to_json(experiment.environment.observation),
    "agent": type(experiment.agent).__name__.removesuffix("Config").lower(),
    "env_steps": env_steps,
  }


def export_from_checkpoint(
  run: run_directory.RunDirectory,
  checkpoint: str | None,
  policy_dir: pathlib.Path,
) -> dict:
  """Writes a policy/ from a run folder, without its code state or buffer.

  Args:
    run: the run folder.
    checkpoint: path, or name within checkpoints/; its policy as it was then.
      None takes the best policy of the newest one.
    policy_dir: where to write.

  Returns:
    What the policy says of itself.

  Raises:
    UserError: there is no such run, or no such checkpoint.
  """
  if not run.is_begun:
    raise errors.UserError(
      f"--root_dir={str(run.root)!r}: expected a run folder, with config.gin"
    )
  path = _find_checkpoint(run, checkpoint)
  experiment = gin_files.load_experiment([run.config])
  built = building.build_policy(experiment)
  env_steps = tf.Variable(0, dtype=tf.int64)
  if checkpoint is None:
    best = tf.train.Checkpoint(network=built.network, env_steps=env_steps)
    checkpoints.restore_part(path, {"best": best})
  else:
    statistics = tf.train.Checkpoint(env_steps=env_steps)
    checkpoints.restore_part(
      path, {"network": built.network, "statistics": statistics}
    )
  policy = built.serve(built.network)
  told = about(experiment, int(env_steps))
  policy.save(policy_dir, told)
  return told


def _find_checkpoint(
  run: run_directory.RunDirectory, checkpoint: str | None
) -> str:
  known = {
    p.name.removesuffix(".index"): str(p).removesuffix(".index")
    for p in run.checkpoints.glob("*.index")
  }
  if not known:
    raise errors.UserError(f"{run.checkpoints}: no checkpoint to export from")
  if checkpoint is None:
    return tf.train.latest_checkpoint(str(run.checkpoints)) or known[max(known)]
  name = pathlib.Path(checkpoint).name
  elsewhere = name != checkpoint and (
    pathlib.Path(checkpoint).parent.resolve() != run.checkpoints.resolve()
  )
  if name not in known or elsewhere:
    raise errors.UserError(
      f"--checkpoint={checkpoint!r}: expected one of {', '.join(sorted(known))}"
      f"{errors.nearest(name, known)}"
    )
  return known[name]


def export_best(pipeline, experiment: config.Experiment, run) -> None:
  """Writes policy/ and tf_agents_policy/ of the best policy of a run."""
  best = pipeline.best
  pipeline.serve(best.network).save(
    run.policy, about(experiment, int(best.env_steps))
  )
  served_policy.save_tf_agents_policy(
    pipeline.make_tf_agents_policy(best.network), run.tf_agents_policy
  )
