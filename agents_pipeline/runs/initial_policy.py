"""The weights that a new run begins with: those of a trained policy."""

import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.config import schema
from agents_pipeline.evaluation import loaded_policy, served_policy
from agents_pipeline.files import run_folder
from agents_pipeline.runs import checkpoints, export, restored_policy


def load(
  experiment: schema.Experiment, report: Callable[[str], None]
) -> list[np.ndarray] | None:
  """Reads the weights that an experiment is to begin with.

  Args:
    experiment: the experiment; its `initial_policy` is a run folder, of which
      the best policy is taken, a checkpoint or an exported policy.
    report: a function that prints which checkpoints are damaged.

  Returns:
    One array for each variable of the network; None if the network keeps its
    own weights.

  Raises:
    UserError: there is no policy, or it is of another agent or other shapes.
  """
  if experiment.initial_policy is None:
    return None
  agent, weights = _read(pathlib.Path(experiment.initial_policy), report)
  given = f"--initial_policy={experiment.initial_policy!r}"
  if agent not in (export.agent_name(experiment), None):
    raise errors.UserError(
      f"{given} was trained by {agent.upper().replace('_', '-')}; expected a "
      f"policy of {experiment.agent.agent_name}"
    )
  found = [weight.shape for weight in weights]
  network = building.build_policy(experiment).network
  expected = [tuple(variable.shape) for variable in network.variables]
  if found != expected:
    raise errors.UserError(
      f"{given} has weights of shapes {_in_words(found)}; expected "
      f"{_in_words(expected)}"
    )
  return weights


def _read(
  path: pathlib.Path, report: Callable[[str], None]
) -> tuple[str | None, list[np.ndarray]]:
  """The agent that a policy was trained by, if known, and its weights."""
  if (path / "saved_model.pb").exists():
    about = loaded_policy.read_about(path)
    return about.get("agent"), _weights_of_saved_model(path)
  folder = run_folder.RunFolder(path)
  if (path / checkpoints.ABOUT).exists():
    restored = restored_policy.restore_from(path)
  elif folder.has_run:
    restored = restored_policy.restore(folder, restored_policy.BEST, report)
  else:
    raise errors.UserError(
      f"--initial_policy={str(path)!r}: expected a run folder, one of its "
      "checkpoints, or an exported policy"
    )
  weights = [v.numpy() for v in restored.policy.network.variables]
  return export.agent_name(restored.experiment), weights


def _weights_of_saved_model(path: pathlib.Path) -> list[np.ndarray]:
  """The variables of a `ServedPolicy`, in the order of its network."""
  try:
    reader = tf.train.load_checkpoint(str(path / "variables/variables"))
    names = sorted(
      (
        name
        for name in reader.get_variable_to_shape_map()
        if name.startswith(served_policy.VARIABLES)
      ),
      key=lambda name: int(name.split("/")[1]),
    )
    if not names:
      raise ValueError("it is none that this project exports")
    return [np.asarray(reader.get_tensor(name)) for name in names]
  except (tf.errors.OpError, ValueError) as error:
    raise errors.UserError(
      f"--initial_policy={str(path)!r}: this SavedModel cannot be read: "
      f"{errors.first_line(error)}"
    ) from None


def _in_words(shapes: Sequence[tuple[int, ...]]) -> str:
  return ", ".join("x".join(map(str, shape)) or "()" for shape in shapes)
