"""Whether an exported policy serves what its environment shows.

Random actions are taken in the environment of a run; all that is observed goes
to `serving_alone.py`, a process that knows nothing of this project; each action
that comes back has to be one of the action space, and allowed where there is a
mask.

python -m benchmarks.environment_serving --root_dir=runs/mine \\
  --policy_dir=exported
"""

import pathlib
import subprocess
import sys

import gymnasium as gym
import numpy as np
from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from agents_pipeline.config import encoders, gin_files
from agents_pipeline.environments import making
from agents_pipeline.files import run_folder
from benchmarks import commands

_NUM_OBSERVATIONS = 100
_MAX_SECONDS = 300.0
_SERVING = pathlib.Path(__file__).with_name("serving_alone.py")
_MASKED = "serving_masked"


def observe(env: gym.Env, number: int) -> dict[str, np.ndarray]:
  """Collects observations while random actions are taken.

  Args:
    env: the environment, which gives arrays, or a flat dict of them.
    number: the number of observations.

  Returns:
    The observations, [number, ...] by the name of the input.
  """
  env.action_space.seed(0)
  observation, _ = env.reset(seed=0)
  seen = [observation]
  while len(seen) < number:
    observation, _, terminated, truncated, _ = env.step(_random(env, seen[-1]))
    if terminated or truncated:
      observation, _ = env.reset()
    seen.append(observation)
  spaces = {encoders.OBSERVATION: env.observation_space}
  if isinstance(env.observation_space, gym.spaces.Dict):
    spaces = dict(env.observation_space.spaces)
  else:
    seen = [{encoders.OBSERVATION: one} for one in seen]
  return {
    name: np.stack([np.asarray(one[name], space.dtype) for one in seen])
    for name, space in spaces.items()
  }


def _random(env: gym.Env, observation):
  """A random action that is allowed."""
  if isinstance(observation, dict) and encoders.ACTION_MASK in observation:
    return env.action_space.sample(observation[encoders.ACTION_MASK])
  return env.action_space.sample()


def check_actions(
  actions: np.ndarray, space: gym.Space, mask: np.ndarray | None = None
) -> None:
  """Checks actions [B, ...], with a mask [B, A] or without.

  Raises:
    RunError: an action is not in the space, or not allowed.
  """
  for index, action in enumerate(actions):
    if not space.contains(action):
      raise errors.RunError(
        f"action {index} is {action!r}, which is not in {space}"
      )
    if mask is not None and not mask[index, action]:
      raise errors.RunError(f"action {index} is {action}, which is not allowed")


def _serve(*files: pathlib.Path) -> None:
  """Runs `serving_alone.py`.

  Raises:
    RunError: the process failed; the message is the last line that it printed.
  """
  done = subprocess.run(
    # -I: the folder of that file, with names such as `start`, is not searched.
    [sys.executable, "-I", str(_SERVING), *map(str, files)],
    capture_output=True,
    text=True,
    timeout=_MAX_SECONDS,
  )
  if done.returncode:
    raise errors.RunError(commands.last_line(done.stderr))


def main() -> int:
  """Serves and checks, and returns the exit code."""
  policy_dir = pathlib.Path(flags.FLAGS.policy_dir).absolute()
  config = run_folder.RunFolder(flags.FLAGS.root_dir).config
  env = making.make_evaluation_environment(
    gin_files.load_experiment([config]).environment
  )
  seen = observe(env, _NUM_OBSERVATIONS)
  asked = policy_dir.with_name(f"{policy_dir.name}-observations.npz")
  answered = policy_dir.with_name(f"{policy_dir.name}-outputs.npz")
  np.savez(asked, **seen)
  _serve(policy_dir, asked, answered)
  for key, actions in np.load(answered).items():
    name, _, output = key.partition(" ")
    if output != "action":
      continue
    mask = seen[encoders.ACTION_MASK] if name == _MASKED else None
    if len(actions) != _NUM_OBSERVATIONS:
      raise errors.RunError(f"{name} returned {len(actions)} actions")
    check_actions(actions, env.action_space, mask)
  env.close()
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_string("root_dir", None, "The run folder.", required=True)
  flags.DEFINE_string("policy_dir", None, "The SavedModel.", required=True)
  command_line.run(main)
