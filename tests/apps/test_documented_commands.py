"""Documented commands for what is a user's own, run as printed."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.slow

# What the page supposes: a Dict observation with a camera and a goal that has
# a text in it, a mask in info, and a wrapper, which doubles the reward here.
MY_MODULE = """
import gymnasium as gym
import numpy as np
from gymnasium import spaces

class Maze(gym.Env):
  def __init__(self, size, render_mode=None):
    assert size == 7
    self.size = size
    goal = {"mission": spaces.Text(9), "place": spaces.Box(0, size, (2,))}
    self.observation_space = spaces.Dict({
      "camera": spaces.Box(0, 255, (size, size, 3), np.uint8),
      "goal": spaces.Dict(goal),
    })
    self.action_space = spaces.Discrete(4)

  def look(self):
    camera = np.zeros((self.size, self.size, 3), np.uint8)
    camera[tuple(self.place)] = 255
    goal = {"mission": "get there", "place": np.full(2, 3, np.float32)}
    allowed = [self.place[0] > 0, self.place[0] < 6,
               self.place[1] > 0, self.place[1] < 6]
    return {"camera": camera, "goal": goal}, {
      "action_mask": np.array(allowed, np.int8)}

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self.place = self.np_random.integers(0, self.size, 2)
    return self.look()

  def step(self, action):
    self.place[action // 2] += 1 if action % 2 else -1
    assert self.place.min() >= 0 and self.place.max() < 7, "not allowed"
    there = bool((self.place == 3).all())
    observation, info = self.look()
    return observation, float(there), there, False, info

class Bonus(gym.RewardWrapper):
  def reward(self, reward):
    return 2 * reward

gym.register("Maze-v0", Maze)
"""
SHORT = (
  "TrainingConfig.num_env_steps = 600",
  "TrainingConfig.log_period_env_steps = 300",
  "TrainingConfig.checkpoint_period_env_steps = 300",
  "EvaluationConfig.period_env_steps = 300",
  "EvaluationConfig.num_episodes_while_training = 2",
  "EvaluationConfig.num_episodes = 5",
  "DqnConfig.num_random_env_steps = 100",
  "DqnConfig.num_env_steps_before_training = 100",
  "ReplayConfig.capacity_env_steps = 600",
)


def arguments_of(command):
  """The arguments of a `train` command, as it is printed."""
  dollar, binary, *arguments = shlex.split(command.replace("\\\n", " "))
  assert (dollar, binary) == ("$", "agents-pipeline")
  return arguments


def blocks_of(text, language):
  """The blocks of a language in a text of Markdown."""
  return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def run(arguments, folder):
  """Runs a command in a folder, made short; returns what it printed."""
  path = [str(ROOT), os.environ.get("PYTHONPATH", "")]
  done = subprocess.run(
    [sys.executable, *arguments, *(f"--gin_bindings={b}" for b in SHORT)],
    cwd=folder,
    env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  return done.stderr


def test_an_environment_of_ones_own(tmp_path):
  """The page's, and one for which arguments, wrappers, mask and keys count."""
  page = (ROOT / "docs/how_to/own_environment.md").read_text("utf-8")
  (module,) = blocks_of(page, "python")
  (tmp_path / "my_corridor.py").write_text(module)
  (tmp_path / "my_module.py").write_text(MY_MODULE)
  # What pip writes. The folder of a script is on its path, not the current one.
  script = tmp_path / "bin" / "agents-pipeline"
  script.parent.mkdir()
  script.write_text("from agents_pipeline.__main__ import main\nmain()\n")
  plain, full, *_ = blocks_of(page, "console")
  run([script, *arguments_of(plain)], tmp_path)
  found = json.loads((tmp_path / "runs/corridor/evaluation.json").read_text())
  assert set(found["returns"]) <= {0.0, 1.0}
  run([script, *arguments_of(full)], tmp_path)
  root = tmp_path / "runs/mine"
  about = root / "policy/assets.extra/policy.json"
  policy = json.loads(about.read_text("utf-8"))
  assert policy["arguments"] == {"size": 7}
  assert policy["max_episode_steps"] == 200
  assert [name for name, _ in policy["wrappers"]] == [
    "TimeAwareObservation",
    "my_module:Bonus",
  ]
  assert policy["keys"] == {"camera": "flat", "goal/mission": "dropped"}
  returns = json.loads((root / "evaluation.json").read_text())["returns"]
  assert set(returns) <= {0.0, 2.0}
  assert 2.0 in returns  # doubled by the wrapper


def test_a_network_of_ones_own(tmp_path):
  """The README's, as printed, from training to the served policy."""
  readme = (ROOT / "README.md").read_text("utf-8")
  (section,) = re.findall(
    r"^## Your own network\n(.*?)^## ", readme, re.S | re.M
  )
  (module,), (command,) = (
    blocks_of(section, language) for language in ("python", "console")
  )
  (tmp_path / "my_module.py").write_text(module)
  dollar, binary, *arguments = shlex.split(command.replace("\\\n", " "))
  assert (dollar, binary) == ("$", ".venv/bin/python")
  (tmp_path / "configs").symlink_to(ROOT / "configs")
  printed = run(arguments, tmp_path)
  unread = "DqnConfig.network is 'my_module:make_network': DqnConfig."
  assert f"{unread}hidden_layers is read by nothing" in printed
  root = tmp_path / "runs/own_network"
  assert json.loads((root / "evaluation.json").read_text())["returns"]
  (tmp_path / "my_module.py").unlink()
  served = subprocess.run(
    [sys.executable, "-c", SERVE, str(root / "policy")],
    cwd=tmp_path, env={"PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
    capture_output=True, text=True, check=True,
  )  # fmt: skip
  # 4 to 64 and 64 to 2, with biases: the network of the README.
  assert served.stdout.splitlines()[-1] == f"{4 * 64 + 64 + 64 * 2 + 2} (3, 2)"


SERVE = """
import sys
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
policy = loaded.signatures["serving_default"]
q_values = policy(observation=tf.zeros([3, 4]))["q_values"]
assert not {"agents_pipeline", "tf_agents", "my_module"} & sys.modules.keys()
print(sum(v.shape.num_elements() for v in policy.variables), q_values.shape)
"""
