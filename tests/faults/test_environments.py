"""Faulty environments: one line says which copy failed, and at which step."""

import time

import gymnasium as gym
import numpy as np
import pytest
import small_runs
from faulty import Faulty

from agents_pipeline import errors
from agents_pipeline.config import schema, seeding
from agents_pipeline.environments import checked_vector, loading
from agents_pipeline.evaluation import evaluator
from agents_pipeline.files import run_folder, tables
from agents_pipeline.ops import random_stream
from agents_pipeline.runs import checkpoints, run_record

FAULTY = "faulty:Faulty-v0"


@pytest.fixture
def fault(monkeypatch):
  """Makes the environment fail at one of its steps."""

  def fail_at(step, what):
    monkeypatch.setenv("FAULT", what)
    monkeypatch.setenv("FAULT_AT", str(step))
    Faulty.total_steps = 0

  return fail_at


def make_vector(num_envs=3, **fields):
  return loading.make_training_environment(
    schema.EnvironmentConfig(FAULTY, num_envs=num_envs, **fields),
    random_stream.RandomStream(0),
    seeding.child_seed,
  ).pyenv


def failure_of(environment, num_steps=40):
  """Steps until it fails; returns the message."""
  with pytest.raises(errors.EnvironmentFailure) as caught:
    for _ in range(num_steps):
      environment.step_and_reset(np.zeros(environment.batch_size, np.int64))
  environment.close()
  assert "\n" not in str(caught.value)
  return str(caught.value).removeprefix(f"environment {FAULTY!r}, ")


# The 17th step of all three copies is the 6th of copy 1.
@pytest.mark.parametrize(
  ("what", "message"),
  [
    ("raise", "ValueError: out of fuel"),
    ("nan", "its observation is not finite: [ 0. nan]"),
    ("nan reward", "its reward is not finite: nan"),
    ("exit", "SystemExit: 7"),
    (
      "no end flag",
      "terminated is None and truncated False; expected each to be True or "
      "False",
    ),
    ("no info", "its info is None; expected a dict"),
    (
      "no reward",
      "TypeError: float() argument must be a string or a real number, not "
      "'NoneType'",
    ),
    (
      "shape",
      "its observation is float32 of shape (3,); expected Box(-1.0, 1000.0, "
      "(2,), float32), as it declares",
    ),
    (
      "dtype",
      "its observation is complex64 of shape (2,); expected Box(-1.0, 1000.0, "
      "(2,), float32), as it declares",
    ),
    (
      "none",
      "its observation is <U4 of shape (); expected Box(-1.0, 1000.0, (2,), "
      "float32), as it declares",
    ),
  ],
)
def test_a_fault_names_copy_and_step(fault, what, message):
  fault(17, what)
  assert failure_of(make_vector()) == (
    f"copy 1, step 6 of its episode: {message}"
  )


def test_a_fault_in_a_subprocess_keeps_its_traceback(fault):
  fault(14, "raise")
  environment = make_vector(2, vectorization="async")
  with pytest.raises(errors.EnvironmentFailure) as caught:
    for _ in range(20):
      environment.step_and_reset(np.zeros(2, np.int64))
  environment.close()
  # Both fail at once; the last is reported.
  assert str(caught.value).endswith(
    "step 4 of its episode: ValueError: out of fuel"
  )
  assert 'raise ValueError("out of' in caught.value.trace


def test_a_subprocess_that_dies(fault):
  fault(5, "die")
  message = failure_of(make_vector(2, vectorization="async"))
  assert (
    message == "copy 0, step 5 of its episode: its process died, exit code 3"
  )


def test_a_subprocess_that_hangs(fault):
  fault(5, "hang")
  environment = make_vector(2, vectorization="async", step_timeout_seconds=1.5)
  processes = environment._env.unwrapped.processes
  start = time.monotonic()
  message = failure_of(environment)
  assert message == (
    "copy 0, step 5 of its episode: its process has not answered for 1.5 s"
  )
  assert time.monotonic() - start < 10
  assert not any(process.is_alive() for process in processes)


def test_an_episode_that_never_ends(fault):
  fault(1, "no end")
  message = failure_of(make_vector(2, max_episode_env_steps=25))
  assert message == (
    "copy 0, step 25 of its episode: its episode does not end; expected an "
    "environment that ends its episodes, or "
    "EnvironmentConfig.max_episode_env_steps above 25, or None"
  )
  environment = make_vector(2, max_episode_env_steps=None)
  for _ in range(40):
    environment.step_and_reset(np.zeros(2, np.int64))
  # Episodes of 10 are not too long for 10.
  fault(10**9, "")
  environment = make_vector(2, max_episode_env_steps=11)
  for _ in range(40):
    environment.step_and_reset(np.zeros(2, np.int64))


class SelfResetting(gym.vector.VectorEnv):
  """An environment's own vector version, such as Atari's."""

  num_envs = 2
  metadata = {"autoreset_mode": gym.vector.AutoresetMode.SAME_STEP}  # noqa: RUF012
  single_observation_space = gym.spaces.Box(-1, 1, (1,))
  steps = 0

  def step(self, actions):
    self.steps += 1
    ended = np.array([self.steps % 4 == 0, False])
    if self.steps == 7:
      raise RuntimeError("no copy\nknown")
    now = np.zeros((2, 1))
    return now, np.zeros(2), ended, ended & False, {"final_obs": now}


def test_an_environments_own_vector_version_is_checked_as_a_whole():
  make = lambda longest: checked_vector.CheckedVectorEnv(
    SelfResetting(), "Own-v0", longest, 1.0
  )
  env = make(None)
  with pytest.raises(errors.EnvironmentFailure) as caught:
    for _ in range(9):
      env.step(None)
  assert str(caught.value) == (
    "environment 'Own-v0', all copies, step 7 of its episode: RuntimeError: no "
    "copy known"
  )
  env = make(5)
  with pytest.raises(errors.EnvironmentFailure, match="copy 1, step 5 of its"):
    for _ in range(9):
      env.step(None)


@pytest.mark.parametrize(
  ("what", "message"),
  [
    ("raise", "step 7 of its episode: ValueError: out of fuel"),
    ("nan", "step 7 of its episode: its observation is not finite: [ 0. nan]"),
    ("reward", "step 7 of its episode: its reward is not finite: nan"),
  ],
)
def test_a_fault_in_an_evaluation(fault, what, message):
  fault(14, what)
  with pytest.raises(errors.EnvironmentFailure) as caught:
    evaluator.evaluate(
      lambda observations: np.zeros(len(observations), int),
      schema.EnvironmentConfig(FAULTY),
      2,
      seed=0,
    )
  assert str(caught.value) == (
    f"environment {FAULTY!r}, evaluated in copy 1, {message}"
  )


@pytest.mark.parametrize("agent", [*small_runs.FAMILY, "a2c"])
def test_a_run_is_saved_when_its_environment_fails_and_resumes(
  make_experiment_of, fault, tmp_path, monkeypatch, agent
):
  experiment = make_experiment_of(agent)(
    f"EnvironmentConfig.name = '{FAULTY}'",
    "EnvironmentConfig.num_envs = 2",
    "TrainingConfig.checkpoint_period_env_steps = 1000",
    "EvaluationConfig.period_env_steps = 1000",
  )
  run = run_folder.RunFolder(tmp_path / "run")
  fault(20 + 150, "raise")  # after an evaluation of 2 episodes
  with pytest.raises(errors.RunError) as caught:
    small_runs.train(experiment, run.root)
  saved, about = checkpoints.newest(run.checkpoints)
  message = str(caught.value)
  assert message.startswith(
    f"environment {FAULTY!r}, copy 1, step 5 of its episode: ValueError: out "
    f"of fuel; saved: {saved} (episodes "
  )
  assert message.endswith(f"; see {run.traceback}") and "\n" not in message
  assert 'raise ValueError("out of' in run.traceback.read_text()
  # A2C: 14 rollouts of 5 steps; others: all 74 complete steps of both copies.
  assert about.env_steps == (140 if agent == "a2c" else 148)
  assert run_record.read(run.run_record)["outcome"] == "failed"
  assert tables.read(run.metrics)[-1]["env_steps"] == 100

  fault(10**9, "")
  resumed = small_runs.train(experiment, run.root)
  assert resumed.completed
  assert any("new ones begin" in line for line in resumed.printed)
  steps = [r["env_steps"] for r in tables.read(run.metrics)]
  assert steps[-1] >= 300 and steps == sorted(set(steps))
  assert 100 in steps and len(steps) == (4 if agent == "a2c" else 5)
  assert not run.traceback.exists()


def test_an_environment_that_raises_during_replay_begins_new_episodes(
  make_experiment, fault, train, tmp_path
):
  experiment = make_experiment(
    f"EnvironmentConfig.name = '{FAULTY}'",
    "TrainingConfig.checkpoint_period_env_steps = 105",  # within an episode
  )
  fault(10**9, "")
  folder = run_folder.RunFolder(tmp_path / "run").checkpoints
  is_saved = lambda: bool(checkpoints.newest_first(folder))
  train(experiment, "run", stop_requested=is_saved)
  fault(3, "raise")
  output = train(experiment, "run")
  assert any("new ones begin" in line for line in output)
