"""Killed at any moment, and started again: as if never killed, to the byte.

A process that is held still has written what it would have, had it been
killed. So one run gives many kill points: the folder is copied at each.
"""

import concurrent.futures
import functools
import itertools
import os
import pathlib
import random
import shutil
import time

import nested_task
import numpy as np
import pytest
import small_runs
import starter
import tensorflow as tf

from agents_pipeline.files import run_folder
from agents_pipeline.runs import checkpoints

pytestmark = pytest.mark.slow

NUM_POINTS = int(os.environ.get("KILL_POINTS", "6"))  # of each
SEED = random.SystemRandom().randrange(10**6)  # SEED = ... repeats a failure

NUM_ENV_STEPS = 200
RUN = [
  f"TrainingConfig.num_env_steps = {NUM_ENV_STEPS}",
  "TrainingConfig.log_period_env_steps = 20",
  "TrainingConfig.checkpoint_period_env_steps = 50",
  "EvaluationConfig.period_env_steps = 100",
  "EvaluationConfig.num_episodes_while_training = 1",
]
AGENTS = {
  **{
    agent: [
      f"Experiment.agent = @{config}()",
      f"{config}.hidden_layers = (8,)",
      f"{config}.batch_size = 8",
      f"{config}.num_random_env_steps = 50",
      f"{config}.num_env_steps_before_training = 50",
      small_runs.capacity(agent, 150),
      *own,
    ]
    for agent, (config, own) in small_runs.FAMILY.items()
  },
  "dqn, prioritized": [
    "Experiment.agent = @DqnConfig()",
    "DqnConfig.hidden_layers = (8,)",
    "DqnConfig.batch_size = 8",
    "DqnConfig.num_random_env_steps = 50",
    "DqnConfig.num_env_steps_before_training = 50",
    "DqnConfig.replay = @PrioritizedReplay()",
    "PrioritizedReplay.capacity_env_steps = 150",
    "DqnConfig.n_step = 2",
  ],
  "a2c": [
    "Experiment.agent = @A2cConfig()",
    "EnvironmentConfig.num_envs = 2",
    "A2cConfig.hidden_layers = (8,)",
    "A2cConfig.normalize_observations = True",
  ],
}
ENVIRONMENTS = {
  "tensor": [
    "EnvironmentConfig.name = 'CartPole-v1'",
    "EnvironmentConfig.backend = 'tensor'",
  ],
  "gymnasium": [
    "EnvironmentConfig.name = 'CartPole-v1'",
    "EnvironmentConfig.backend = 'gymnasium'",
  ],
  "nested": [
    f"EnvironmentConfig.name = '{nested_task.NAME}'",
    "EnvironmentConfig.action_mask = 'info'",
  ],
}

COMPILED = ("dqn", "tensor")  # by XLA, as others are by EVERY_AGENT=1


def finish(start, starting, root):
  assert starting.wait(start(root)) == 0, root


def copies(start, starting, root, moments):
  """Runs to the end; copies the folder when it has written for so long."""
  table = root / "metrics.csv"
  inode = lambda: table.stat().st_ino if table.exists() else None
  before = inode()
  pid = start(root)
  while inode() in (None, before) and not starter.has_ended(pid):
    time.sleep(0.001)
  now, taken = 0.0, []
  for moment in moments:
    time.sleep(moment - now)
    now = moment
    with starter.stopped(pid):
      if starter.has_ended(pid):
        break
      taken.append(root.with_name(f"{root.name}-{len(taken)}"))
      shutil.copytree(root, taken[-1])
  assert starting.wait(pid) == 0
  return taken


def seconds_of(root):
  """From its first file to its last checkpoint."""
  last, _ = checkpoints.newest(root / "checkpoints")
  first = (root / "config.gin").stat().st_mtime
  return last.stat().st_mtime - first


def end_of(root):
  """What a run ends with, by name."""
  run = run_folder.RunFolder(root)
  newest, _ = checkpoints.newest(run.checkpoints)
  reader = tf.train.load_checkpoint(str(newest))
  found = {
    name: np.asarray(reader.get_tensor(name)).tobytes()
    for name in reader.get_variable_to_shape_map()
    if "_CHECKPOINTABLE" not in name
  }
  assert len(found) > 30
  for table in (run.metrics, run.episodes, run.evaluations):
    found[table.name] = table.read_bytes()
  found["folder"] = sorted(
    path.name
    for path in pathlib.Path(root).iterdir()
    if "tfevents" not in path.name
  )
  return found


def assert_same_end(root, expected):
  found = end_of(root)
  differing = [
    k for k in expected.keys() | found if found.get(k) != expected.get(k)
  ]
  assert not differing, f"{root}, SEED = {SEED}: {differing}"


@pytest.mark.parametrize(
  ("agent", "environment"),
  [
    # Nested tasks are gymnasium's as well.
    *itertools.product(("dqn", "a2c"), ("tensor", "nested")),
    ("dqn, prioritized", "gymnasium"),
    *(
      (agent, "tensor")
      for agent in small_runs.agents("rainbow", "qr_dqn")
      if agent != "dqn"
    ),
  ],
)
def test_killed_and_resumed_once_and_twice(
  starting, agent, environment, tmp_path
):
  print(f"SEED = {SEED}")
  draw = random.Random(f"{SEED} {agent} {environment}")
  bindings = [*RUN, *AGENTS[agent], *ENVIRONMENTS[environment]]
  compiled = {"xla": True} if (agent, environment) == COMPILED else {}
  start = functools.partial(starting.start, bindings, **compiled)
  finish(start, starting, tmp_path / "whole")
  expected, seconds = end_of(tmp_path / "whole"), seconds_of(tmp_path / "whole")

  killed = []
  for attempt in range(10):
    moments = sorted(draw.uniform(0, seconds) for _ in range(NUM_POINTS))
    killed += copies(start, starting, tmp_path / f"victim{attempt}", moments)
    if len(killed) >= NUM_POINTS:
      break
  assert len(killed) >= NUM_POINTS

  def resume(root):
    # Once; and killed again on the way.
    again = random.Random(f"{SEED} {agent} {environment} {root.name}")
    saved = checkpoints.newest_first(root / "checkpoints")
    done = max((int(path.name.split("-")[1]) for path in saved), default=0)
    left = seconds * (1 - done / NUM_ENV_STEPS)
    moment = again.uniform(0, left / 3)  # nothing is compiled again
    killed_again = copies(start, starting, root, [moment])
    assert_same_end(root, expected)
    for twice in killed_again:
      finish(start, starting, twice)
      assert_same_end(twice, expected)
    return len(killed_again)

  with concurrent.futures.ThreadPoolExecutor(2) as both_cores:
    num_twice = sum(both_cores.map(resume, killed[:NUM_POINTS]))
  assert num_twice > NUM_POINTS // 2
