"""Exports: a policy as a SavedModel, and as TF-Agents writes it."""

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


def about(experiment: schema.Experiment, env_steps: int) -> dict:
  """What an exported policy says of itself."""
  return {
    "environment": experiment.environment.name,
    "observation": observations.to_json(experiment.environment.observation),
    "agent": type(experiment.agent).__name__.removesuffix("Config").lower(),
    "env_steps": env_steps,
  }


def export_from_checkpoint(
  run: run_folder.RunFolder,
  checkpoint: str | None,
  policy_dir: pathlib.Path,
  say: Callable[[str], None],
) -> dict:
  """Writes a policy/ from a run folder, without its code state or buffer.

  Args:
    run: the run folder.
    checkpoint: path, or name within checkpoints/; its policy as it was then.
      None takes the newest one, and of it the best policy that evaluations
      found; where the only one was before training, the policy as it is.
    policy_dir: where to write.
    say: is told which checkpoints are damaged.

  Returns:
    What the policy says of itself.

  Raises:
    UserError: there is no such run, or no such checkpoint.
  """
  if not run.has_run:
    raise errors.UserError(
      f"--root_dir={str(run.root)!r}: expected a run folder, with config.gin"
    )
  known = {path.name: path for path in checkpoints.all_in(run.checkpoints)}
  if not known:
    raise errors.UserError(f"{run.checkpoints}: no checkpoint to export from")
  env_steps = tf.Variable(0, dtype=tf.int64)
  made: list[tuple[schema.Experiment, pipeline_lib.Policy]] = []

  def restore(path: pathlib.Path, about: checkpoints.About) -> None:
    # What it was saved with counts, whatever config.gin says by now.
    experiment = gin_files.load_experiment([], [about.config])
    built = building.build_policy(experiment)
    counted = tf.train.Checkpoint(env_steps=env_steps)
    best = tf.train.Checkpoint(network=built.network, env_steps=env_steps)
    takes_best = checkpoint is None and _is_evaluated(path, about)
    checkpoints.restore_part(
      path,
      about,
      {"best": best}
      if takes_best
      else {"network": built.network, "statistics": counted},
    )
    made.append((experiment, built))

  if checkpoint is None:
    checkpoints.newest(run.checkpoints, restore, say)
  else:
    checkpoints.use(_named(run, checkpoint, known), restore)
  ((experiment, built),) = made
  policy = built.serve(built.network)
  told = about(experiment, int(env_steps))
  policy.save(policy_dir, told)
  return told


def _is_evaluated(path: pathlib.Path, about: checkpoints.About) -> bool:
  """Whether a policy was evaluated since training began."""
  evaluated_at = tf.Variable(-1, dtype=tf.int64)
  checkpoints.restore_part(
    path, about, {"best": tf.train.Checkpoint(evaluated_at=evaluated_at)}
  )
  return int(evaluated_at) > 0


def _named(
  run: run_folder.RunFolder,
  checkpoint: str,
  known: dict[str, pathlib.Path],
) -> pathlib.Path:
  """The checkpoint that a person names.

  Raises:
    UserError: there is none of that name.
  """
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


def export_best(pipeline, experiment: schema.Experiment, run) -> None:
  """Writes policy/ and tf_agents_policy/ of the best policy of a run."""
  best = pipeline.best
  pipeline.serve(best.network).save(
    run.policy, about(experiment, int(best.env_steps))
  )
  served_policy.save_tf_agents_policy(
    pipeline.make_tf_agents_policy(best.network), run.tf_agents_policy
  )
