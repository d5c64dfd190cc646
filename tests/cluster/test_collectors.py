"""Collectors with copies of the policy: the same run whoever collects."""

import hashlib
import importlib.util
import os
import pathlib
import subprocess
import sys
import time

import mortal
import psutil
import pytest
import small_runs

from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.files import run_folder

pytestmark = [
  pytest.mark.slow,
  pytest.mark.skipif(  # not importorskip, which would import it
    importlib.util.find_spec("ray") is None, reason="needs Ray: make scale"
  ),
]
NUM_ENVS, NUM_STEPS = 4, 7  # of a chunk, which neither period is a multiple of
EXPERIMENT = [
  *small_runs.bindings(environment="mortal:Mortal-v0", num_env_steps=600),
  f"EnvironmentConfig.num_envs = {NUM_ENVS}",
  "EvaluationConfig.keeps_environments = 'training'",  # leaves its chunks
]
# Mostly greedy, and what is best depends on what is seen: old weights show.
SENSITIVE = [
  "EnvironmentConfig.arguments = {'pays_by_noise': True, 'seconds': 0.002}",
  "DqnConfig.epsilon = @ConstantEpsilon()",
  "Adam.learning_rate = 0.02",
  "DqnConfig.gamma = 0.0",
]
COLLECTORS = [
  *SENSITIVE,
  "EnvironmentConfig.vectorization = 'ray'",
  "DqnConfig.collectors = @RayCollectors()",
  f"RayCollectors.num_steps_per_chunk = {NUM_STEPS}",
  "RayCollectors.epsilon_alpha = 1.0",
]
HERE = str(pathlib.Path(__file__).parent)


def train(root, *more, copies_per_actor=NUM_ENVS, **options):
  """Trains in this process; returns what shows whether runs are the same."""
  experiment = gin_files.load_experiment(
    [],
    [
      *EXPERIMENT,
      *COLLECTORS,
      f"EnvironmentConfig.copies_per_actor = {copies_per_actor}",
      *more,
    ],
  )
  found = {}

  def finish(run):
    weights = [v.numpy().tobytes() for v in run.pipeline.network.variables]
    found["weights"] = hashlib.sha256(b"".join(weights)).hexdigest()
    return run.counters()

  small_runs.train(experiment, root, finish=finish, **options)
  return found | tables(root)


def tables(root):
  names = ("metrics.csv", "episodes.csv", "evaluations.csv")
  return {name: (root / name).read_bytes() for name in names}


def actors():
  return mortal.actors_of(psutil.Process())


@pytest.fixture(autouse=True)
def no_actors():
  mortal.wait_for_the_end_of(actors)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
  """A run of one collector, which nothing happens to."""
  return train(tmp_path_factory.mktemp("runs") / "one")


def test_the_number_of_collectors_and_their_deaths_do_not_show(
  expected, tmp_path
):
  num_calls = 0

  def kill():  # between two calls
    nonlocal num_calls
    num_calls += 1
    if num_calls in (2, 5):
      actors()[-1].kill()
    return False

  found = train(
    tmp_path / "run",
    copies_per_actor=NUM_ENVS // 2,
    stop_requested=kill,
  )
  assert num_calls > 5
  assert found == expected


def test_a_run_left_within_a_chunk_goes_on_with_other_collectors(
  expected, tmp_path
):
  assert 200 // NUM_ENVS % NUM_STEPS != 0  # the second result
  train(tmp_path / "run", max_results=2)
  found = train(tmp_path / "run", copies_per_actor=1, allow_changes=True)
  assert found == expected


def test_a_killed_learner_is_resumed_to_the_same_bytes(expected, tmp_path):
  root = tmp_path / "run"
  command = [
    sys.executable,
    "-m",
    "agents_pipeline.apps.train",
    *small_runs.flags(root, [*EXPERIMENT, *COLLECTORS]),
  ]

  def start():
    return psutil.Popen(
      command,
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
      env=os.environ | {"PYTHONPATH": os.pathsep.join([HERE, *sys.path])},
    )

  process = start()
  metrics = run_folder.RunFolder(root).metrics
  deadline = time.monotonic() + 120
  while not metrics.exists() or metrics.read_text().count("\n") <= 4:
    assert process.poll() is None, process.stdout.read()
    assert time.monotonic() < deadline
    time.sleep(0.02)
  process.kill()
  process.communicate(timeout=60)

  process = start()
  out, _ = process.communicate(timeout=200)
  assert process.returncode == 0, out
  assert "resuming at" in out
  for name, contents in tables(root).items():
    assert contents == expected[name], name


@pytest.mark.parametrize("staleness", [0, 1])
def test_chunks_are_asked_with_weights_of_the_stated_age(staleness):
  experiment = gin_files.load_experiment(
    [],
    [*EXPERIMENT, *COLLECTORS, f"RayCollectors.staleness_chunks = {staleness}"],
  )
  pipeline = building.build(experiment, seeding.Seeds(0))
  collected = pipeline.tracked["environment"]._environment._collected
  asked, make_request = [], collected.make_request

  def make_and_note(num_steps_ahead):
    env_steps = int(pipeline.statistics.env_steps)
    asked.append((env_steps, env_steps + num_steps_ahead * NUM_ENVS))
    return make_request(num_steps_ahead)

  collected.make_request = make_and_note
  next(pipeline.run())  # 100 env steps: three chunks, and part of a fourth
  pipeline.close()
  # The env steps when a chunk was asked for, and those at which it begins.
  chunk = NUM_ENVS * NUM_STEPS
  assert (
    asked
    == {
      0: [(0, 0), (28, 28), (56, 56), (84, 84)],
      1: [(0, 0), (0, 28), (28, 56), (56, 84), (84, 112)],
    }[staleness]
  )
  assert chunk == 28


@pytest.mark.parametrize(
  "network",
  [
    ["DqnConfig.dueling = True"],
    [
      "EnvironmentConfig.name = 'Catch-v0'",
      "EnvironmentConfig.arguments = {}",
      "DqnConfig.conv_layers = ((4, 3, 1),)",
    ],
  ],
  ids=["numpy", "tensorflow"],
)
def test_chunks_of_one_step_without_staleness_are_an_ordinary_run(
  tmp_path, network
):
  greedy = [
    *SENSITIVE,
    *network,
    "TrainingConfig.num_env_steps = 200",
    "EvaluationConfig.period_env_steps = None",
    "EvaluationConfig.keeps_environments = False",
    "DqnConfig.num_random_env_steps = 0",
    "ConstantEpsilon.value = 0.0",
  ]
  plain = gin_files.load_experiment([], [*EXPERIMENT, *greedy])
  small_runs.train(plain, tmp_path / "plain")
  found = train(
    tmp_path / "collectors",
    *greedy,
    "RayCollectors.num_steps_per_chunk = 1",
    "RayCollectors.staleness_chunks = 0",
    copies_per_actor=2,
  )
  for name in ("metrics.csv", "episodes.csv"):
    assert found[name] == (tmp_path / "plain" / name).read_bytes(), name


def test_distributions_are_collected_by_any_number(tmp_path):
  c51 = [
    "Experiment.agent = @C51Config()",
    "C51Config.hidden_layers = (16,)",
    "C51Config.v_min = -2",
    "C51Config.v_max = 2",
    "C51Config.collectors = @RayCollectors()",
    "C51Config.num_env_steps_before_training = 50",
    "C51Config.num_random_env_steps = 20",
    "TrainingConfig.num_env_steps = 200",
  ]
  shared = [b for b in EXPERIMENT + COLLECTORS if "DqnConfig" not in b]
  c51.append("C51Config.epsilon = @ConstantEpsilon()")
  found = []
  for copies_per_actor in (4, 2):
    experiment = gin_files.load_experiment(
      [],
      [
        *shared,
        *c51,
        f"EnvironmentConfig.copies_per_actor = {copies_per_actor}",
      ],
    )
    root = tmp_path / str(copies_per_actor)
    small_runs.train(experiment, root)
    found.append((root / "metrics.csv").read_bytes())
  assert found[0] == found[1]
