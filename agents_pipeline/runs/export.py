"""Exports policies, in our formats and as TF-Agents' own."""

import json
import pathlib
import platform
from collections.abc import Callable

from agents_pipeline import errors
from agents_pipeline.config import observations, policy_formats, schema
from agents_pipeline.evaluation import (
  exporting,
  loaded_policy,
  policy_description,
  served_policy,
)
from agents_pipeline.files import run_folder
from agents_pipeline.runs import restored_policy, run_record
from agents_pipeline.runs import run as run_lib

_RESULT = ("mean_return", "interval_95", "standard_deviation", "num_episodes")


def about(experiment: schema.Experiment, env_steps: int) -> dict:
  """The description that is saved with a policy.

  Args:
    experiment: the experiment that the policy was trained by.
    env_steps: the env steps done when the policy's weights were taken.
  """
  return {
    **experiment.environment.to_json(),
    "observation": observations.to_json(experiment.environment.observation),
    "agent": agent_name(experiment),
    "env_steps": env_steps,
    "seed": experiment.seed,
    "packages": run_record.versions() | {"python": platform.python_version()},
  }


def agent_name(experiment: schema.Experiment) -> str:
  """'dqn', 'qr_dqn' or the like, as policy.json has it."""
  return experiment.agent.agent_name.lower().replace("-", "_")


def export_best(run: run_lib.Run) -> None:
  """Writes policy/ and tf_agents_policy/: the best policy of a run.

  Raises:
    RunError: a policy cannot be written.
  """
  pipeline, best = run.pipeline, run.pipeline.best
  pipeline.serve(best.network).save(
    run.folder.policy, about(run.experiment, int(best.env_steps))
  )
  served_policy.save_tf_agents_policy(
    pipeline.make_tf_agents_policy(best.network), run.folder.tf_agents_policy
  )


def add_result(folder: run_folder.RunFolder) -> None:
  """Adds the result in evaluation.json to policy.json and README.md of policy/.

  Raises:
    RunError: a file cannot be written.
  """
  description = loaded_policy.read_about(folder.policy)
  policy_description.replace(
    folder.policy, description | _result(folder, description["env_steps"])
  )


def _result(folder: run_folder.RunFolder, env_steps: int) -> dict:
  """The final evaluation, as a policy's description has it.

  Args:
    folder: the run folder.
    env_steps: the env steps of the policy; {} is returned where another policy
      was evaluated.

  Raises:
    UserError: evaluation.json is damaged.
  """
  if not folder.evaluation.exists():
    return {}
  try:
    content = json.loads(folder.evaluation.read_text("utf-8"))
    if content["policy_env_steps"] != env_steps:
      return {}
    return {"result": {name: content[name] for name in _RESULT}}
  except (OSError, ValueError, KeyError, TypeError) as error:
    raise errors.UserError(
      f"{folder.evaluation} cannot be read: {error}"
    ) from None


def export_from_checkpoint(
  folder: run_folder.RunFolder,
  checkpoint: str,
  policy_dir: pathlib.Path,
  report: Callable[[str], None],
  file_format: str = policy_formats.SAVED_MODEL,
) -> dict:
  """Exports a policy from a run folder, without its training environment.

  Args:
    folder: the run folder.
    checkpoint: the checkpoint; see `restored_policy.restore`.
    policy_dir: the folder to create.
    report: a function that prints which checkpoints are damaged.
    file_format: the format, one of `policy_formats.FORMATS`.

  Returns:
    The description of the policy.

  Raises:
    UserError: there is no such run or checkpoint, the checkpoint is damaged, or
      the policy cannot be converted to this format.
    RunError: all checkpoints are damaged, or the policy cannot be written.
  """
  restored = restored_policy.restore(folder, checkpoint, report)
  description = about(restored.experiment, restored.env_steps)
  description |= _result(folder, restored.env_steps)
  policy = restored.policy
  exporting.save(
    policy.serve(policy.network), policy_dir, description, file_format
  )
  return description
