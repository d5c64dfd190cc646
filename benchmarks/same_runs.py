"""Whether a change of the code left every run as it was, to the byte.

git clone . ../before && git -C ../before checkout COMMIT
python -m benchmarks.same_runs --before=../before

Every file of configs/, shortened, is trained with seed 0 in a clone of the
commit before and in this one; where its environment exists as TensorFlow ops,
also with gymnasium's own. metrics.csv, episodes.csv, the final weights and
those of the exported policy must be the same.
"""

import concurrent.futures
import hashlib
import pathlib
import re
import shutil
import subprocess

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from agents_pipeline.runs import checkpoints
from benchmarks import commands

ROOT = pathlib.Path(__file__).parents[1]
_FLAGS = flags.FLAGS

_SHORT = (
  "TrainingConfig.num_env_steps = 2_000",
  "TrainingConfig.log_period_env_steps = 500",
  "TrainingConfig.checkpoint_period_env_steps = 1_000",
  "EvaluationConfig.period_env_steps = 1_000",
  "EvaluationConfig.num_episodes_while_training = 2",
  "EvaluationConfig.num_episodes = 2",
)
# Of the agents that learn from a replay.
_SHORT_REPLAY = (
  "{}.num_random_env_steps = 200",
  "{}.num_env_steps_before_training = 200",
)
_MORE_BINDINGS = {
  "dqn_cartpole_episodic": (
    "TrainingConfig.num_episodes = 8",
    "DqnConfig.num_train_steps_per_iteration = 50",
  ),
  "dqn_cartpole_pixels": ("TrainingConfig.num_env_steps = 500",),
  "dqn_atari": (
    "TrainingConfig.num_env_steps = 400",
    "ReplayConfig.capacity_env_steps = 1_000",
  ),
}
_TENSOR = ("CartPole", "Acrobot", "MountainCar", "Pendulum", "FlappyBall")


def cases(configs: pathlib.Path) -> dict[str, tuple[str, list[str]]]:
  """Name of a case -> its gin file, and the bindings that shorten it."""
  found = {}
  for path in sorted(configs.glob("*.gin")):
    name, text = path.stem, path.read_text("utf-8")
    (agent,) = re.findall(r"^Experiment\.agent = @(\w+)\(\)", text, re.M)
    bindings = [*_SHORT]
    if agent != "A2cConfig":
      bindings += [binding.format(agent) for binding in _SHORT_REPLAY]
    bindings += _MORE_BINDINGS.get(name, ())
    found[name] = f"configs/{path.name}", bindings
    if "@ImageObservation" not in text and any(
      f"EnvironmentConfig.name = '{task}" in text for task in _TENSOR
    ):
      host = "EnvironmentConfig.backend = 'gymnasium'"
      found[f"{name}:gymnasium"] = f"configs/{path.name}", [*bindings, host]
  return found


def digests(run: pathlib.Path) -> dict[str, str]:
  """SHA-256 of the results of a finished run, by their names."""
  import tensorflow as tf  # after agents_pipeline, which chooses its Keras

  found = {
    name: hashlib.sha256((run / name).read_bytes()).hexdigest()
    for name in ("metrics.csv", "episodes.csv")
  }
  newest, _ = checkpoints.newest(run / "checkpoints")
  for name, path, within in (
    ("policy", run / "policy/variables/variables", ""),
    ("final weights", newest, "network/"),
  ):
    reader = tf.train.load_checkpoint(str(path))
    weights = sorted(
      f"{array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
      for key in reader.get_variable_to_shape_map()
      if key.startswith(within)
      for array in [reader.get_tensor(key)]
      if hasattr(array, "shape")
    )  # by value: a layer may have another name
    assert weights, path
    found[name] = hashlib.sha256("\n".join(weights).encode()).hexdigest()
  return found


def compare(
  name: str, gin_file: str, bindings: list[str], root: pathlib.Path
) -> str:
  """Trains a case in both clones; returns what differs, or ""."""
  before = pathlib.Path(_FLAGS.before).absolute()
  commit = subprocess.run(
    ["git", "rev-parse", "HEAD"], cwd=before, capture_output=True, text=True
  ).stdout.strip()
  folder = name.replace(":", "_")
  old, new = root / commit / folder, root / "now" / folder
  shutil.rmtree(new, ignore_errors=True)
  shorten = [f"--gin_bindings={binding}" for binding in bindings]
  for clone, run in ((before, old), (ROOT, new)):
    try:
      commands.train(gin_file, run, "--seed=0", *shorten, cwd=clone)
    except errors.RunError as error:
      return str(error)
  ours, theirs = digests(old), digests(new)
  return ", ".join(key for key in ours if ours[key] != theirs[key])


def main() -> int:
  """Compares every case, and returns the exit code."""
  known = cases(ROOT / "configs")
  chosen = commands.choose(_FLAGS.only, known)
  root = pathlib.Path(_FLAGS.root_dir).absolute()
  num_different = 0
  with concurrent.futures.ThreadPoolExecutor(_FLAGS.at_once) as pool:
    differences = pool.map(lambda n: compare(n, *known[n], root), chosen)
    for name, different in zip(chosen, differences, strict=True):
      num_different += bool(different)
      command_line.report(f"{name}: {different or 'the same'}")
  print(f"{len(chosen) - num_different} of {len(chosen)} runs are the same")
  return command_line.FAILED if num_different else command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_string("before", None, "A clone of the commit before.")
  flags.DEFINE_string("root_dir", "runs/same", "Of the run folders.")
  flags.DEFINE_list("only", [], "Names of cases; all by default.")
  flags.DEFINE_integer("at_once", 2, "Processes at a time.", lower_bound=1)
  flags.mark_flag_as_required("before")
  command_line.run(main)
