"""Exports policies as SavedModels, our own and TF-Agents'."""

import pathlib
from collections.abc import Callable

from agents_pipeline.config import observations, schema
from agents_pipeline.evaluation import served_policy
from agents_pipeline.files import run_folder
from agents_pipeline.runs import restored_policy
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
    "agent": agent_name(experiment),
    "env_steps": env_steps,
  }


def agent_name(experiment: schema.Experiment) -> str:
  """'dqn' or 'a2c', as policy.json has it."""
  return type(experiment.agent).__name__.removesuffix("Config").lower()


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
  checkpoint: str,
  policy_dir: pathlib.Path,
  report: Callable[[str], None],
) -> dict:
  """Exports a policy from a run folder, without building its environment.

  Args:
    folder: the run folder.
    checkpoint: see `restored_policy.restore`.
    policy_dir: folder to create.
    report: prints which checkpoints are damaged.

  Returns:
    The description of the policy.

  Raises:
    UserError: there is no such run or checkpoint, or the checkpoint is damaged.
    RunError: all checkpoints are damaged, or the policy cannot be written.
  """
  restored = restored_policy.restore(folder, checkpoint, report)
  description = about(restored.experiment, restored.env_steps)
  policy = restored.policy
  policy.serve(policy.network).save(policy_dir, description)
  return description
