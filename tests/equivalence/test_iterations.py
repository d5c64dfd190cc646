"""The compiled iteration: graph = XLA, seeds, counts, tensor and Python."""

import pathlib
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
import replay_rows
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.config import seeding
from agents_pipeline.training import replay_iteration

GYMNASIUM = "EnvironmentConfig.backend = 'gymnasium'"
pytestmark = pytest.mark.slow
PRIORITIZED = (
  "DqnConfig.replay = @PrioritizedReplay()",
  "PrioritizedReplay.capacity_env_steps = 50",  # and so overwritten
)
# The forms of an iteration.
FORMS = {
  "tensor": ("EnvironmentConfig.backend = 'tensor'",),
  "gymnasium": (GYMNASIUM,),
  "host-memory": (
    GYMNASIUM,
    "ReplayConfig.memory = 'host'",
    "DqnConfig.learns_while_stepping = True",
  ),
  "while-stepping": (GYMNASIUM, "DqnConfig.learns_while_stepping = True"),
  "prioritized, tensor": PRIORITIZED,
  "prioritized, host-memory": (
    *PRIORITIZED,
    GYMNASIUM,
    "PrioritizedReplay.memory = 'host'",
  ),
}
# XLA makes one program of these.
ONE_PROGRAM = (FORMS["tensor"], FORMS["prioritized, tensor"])
EVERY_FORM = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
OBSERVATIONS, ACTIONS = 2, 3  # of `rows_of`


def build(experiment, seed=0, jit=False):
  """A pipeline, with its iteration left a graph: XLA takes seconds."""
  return building.build(experiment, seeding.Seeds(seed), jit=jit)


def rows_of(replay):
  """How many rows a buffer has written, every field, and their priorities."""
  fields = replay._packing.unpack([t.value() for t in replay._tables])
  tree = replay._tree.variables if hasattr(replay, "_tree") else ()
  return [x.numpy() for x in (replay._rings.heads(), *fields, *tree)]


def run(pipeline, *counts):
  """Collects the first count, trains the others; what a run leaves behind."""
  pipeline.compiled.collect(tf.constant(counts[0]))
  losses = [
    float(pipeline.compiled.train(tf.constant(n)).sums[0]) for n in counts[1:]
  ]
  return {
    "losses": losses,
    "weights": [v.numpy() for v in pipeline.network.variables],
    "rows": rows_of(pipeline.tracked["replay"]),
    "env_steps": int(pipeline.statistics.env_steps),
    "train_steps": int(pipeline.train_steps),
  }


def assert_same(one, other):
  tf.nest.map_structure(np.testing.assert_array_equal, one, other)


@EVERY_FORM
def test_eager_equals_graph_equals_xla(make_experiment, form):
  experiment = make_experiment(
    *form,
    "EnvironmentConfig.num_envs = 2",
    "DqnConfig.n_step = 2",
    "DqnConfig.num_train_steps_per_iteration = 2",
    # Adam would blow tiny gradients' rounding up to whole steps.
    "DqnConfig.optimizer = @RmsProp()",
    "RmsProp.epsilon = 1.0",
  )
  graph = run(build(experiment, jit=False), 30, 5)
  tf.config.run_functions_eagerly(True)
  try:
    eager = run(build(experiment, jit=False), 30, 5)
  finally:
    tf.config.run_functions_eagerly(False)
  xla = run(build(experiment, jit=True), 30, 5)
  for other in (graph, eager):
    assert (other["env_steps"], other["train_steps"]) == (70, 10)
    assert other["losses"] == pytest.approx(xla["losses"], rel=1e-5)
    for name in ("weights", "rows"):
      for ours, theirs in zip(other[name], xla[name], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@EVERY_FORM
def test_one_seed_gives_one_sequence_in_any_number_of_calls(
  make_experiment, form
):
  experiment, jit = make_experiment(*form), form in ONE_PROGRAM
  first = run(build(experiment, seed=1, jit=jit), 60, 20)
  # In several calls, too.
  parts = run(build(experiment, seed=1, jit=jit), 60, 7, 12, 1)
  assert first["losses"][0] == pytest.approx(sum(parts["losses"]), rel=1e-5)
  assert_same(first | {"losses": 0}, parts | {"losses": 0})
  other = run(build(experiment, seed=2), 60, 20)  # differs anyway
  assert np.any(first["weights"][0] != other["weights"][0])
  assert np.any(first["rows"][OBSERVATIONS] != other["rows"][OBSERVATIONS])
  assert first["losses"] != other["losses"]


def test_long_runs_look_less_often_whether_to_go_on(make_experiment):
  long = "TrainingConfig.num_env_steps = 1_000_000"
  pipeline = build(make_experiment(long))
  assert pipeline.compiled.per_turn == 2
  once = run(pipeline, 60, 31)
  parts = run(build(make_experiment(long)), 60, 8, 22, 1)
  assert_same(once | {"losses": 0}, parts | {"losses": 0})
  assert once["train_steps"] == 31
  short = run(build(make_experiment()), 60, 31)
  for ours, theirs in zip(once["weights"], short["weights"], strict=True):
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
  # Not where every iteration may reach the goal.
  goal = "TrainingConfig.num_episodes = 9"
  assert build(make_experiment(long, goal)).compiled.per_turn == 1


def test_another_count_does_not_recompile(make_experiment):
  pipeline = build(make_experiment(), jit=True)
  run(pipeline, 60, 3, 5, 9)
  assert pipeline.compiled.train.experimental_get_tracing_count() == 1
  assert pipeline.compiled.collect.experimental_get_tracing_count() == 1


@EVERY_FORM
def test_an_iteration_does_what_its_configuration_says(make_experiment, form):
  experiment = make_experiment(
    *form,
    "EnvironmentConfig.num_envs = 2",
    "DqnConfig.num_collect_steps_per_iteration = 3",
    "DqnConfig.num_train_steps_per_iteration = 4",
  )
  pipeline = build(experiment)
  before = [v.numpy() for v in pipeline.network.variables]
  found = run(pipeline, 10, 5)
  assert found["env_steps"] == 2 * 3 * 15
  assert found["train_steps"] == 4 * 5
  assert all(
    np.any(a != b) for a, b in zip(before, found["weights"], strict=True)
  )
  assert np.isfinite(found["losses"]).all()


@pytest.mark.parametrize("is_beside, num_new", [(False, 1), (True, 0)])
def test_which_rows_are_there_when_the_agent_learns(
  make_experiment, monkeypatch, is_beside, num_new
):
  """Beside a step, the agent learns from what was stored before it."""
  whole = replay_iteration.ReplayIteration
  learn, seen = whole.learn, tf.Variable(0)

  def count_and_learn(self, *args):
    seen.assign(replay_rows.num_rows(self.replay))
    return learn(self, *args)

  monkeypatch.setattr(whole, "learn", count_and_learn)
  pipeline = build(
    make_experiment(GYMNASIUM, f"DqnConfig.learns_while_stepping = {is_beside}")
  )
  pipeline.compiled.collect(tf.constant(60))
  before = int(replay_rows.num_rows(pipeline.tracked["replay"]))
  pipeline.compiled.train(tf.constant(1))
  assert int(seen) - before == num_new


def test_the_agent_learns_while_the_environments_step():
  script = pathlib.Path(__file__).with_name("meets_the_learner.py")
  ended = subprocess.run(
    [sys.executable, script], capture_output=True, text=True, timeout=200
  )
  assert ended.returncode == 0, ended.stderr[-2000:]


class Fails(gym.Env):
  """Goes on until the 31st step, and raises."""

  observation_space = gym.spaces.Box(0, 1, (1,))
  action_space = gym.spaces.Discrete(2)
  num_steps = 0

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    return np.zeros(1, np.float32), {}

  def step(self, action):
    self.num_steps += 1
    if self.num_steps > 30:
      raise RuntimeError("out of paint")
    return np.zeros(1, np.float32), 0.0, False, False, {}


@pytest.mark.parametrize("jit", [False, True])
def test_an_environment_that_fails_lets_the_learner_finish(
  make_experiment, jit
):
  gym.register("Fails-v0", Fails)
  pipeline = build(
    make_experiment(
      "EnvironmentConfig.name = 'Fails-v0'",
      "DqnConfig.learns_while_stepping = True",
      "DqnConfig.num_train_steps_per_iteration = 50",
    ),
    jit=jit,
  )
  pipeline.compiled.collect(tf.constant(20))
  with pytest.raises(errors.EnvironmentFailure, match="out of paint"):
    pipeline.compiled.train(tf.constant(100))
  assert int(pipeline.statistics.env_steps) == 30
  # Beside 10 steps that did not fail and one that did.
  assert int(pipeline.train_steps) == 11 * 50


@pytest.mark.parametrize(
  "bindings",
  [
    ("ReplayConfig.num_prefetched_batches = 2",),
    (*PRIORITIZED, "PrioritizedReplay.num_prefetched_batches = 2"),
  ],
  ids=["uniform", "prioritized"],
)
def test_prefetching_trains_as_many_steps(make_experiment, bindings):
  pipeline = build(make_experiment(GYMNASIUM, *bindings))
  found = run(pipeline, 60, 20)
  assert (found["env_steps"], found["train_steps"]) == (80, 20)
  if bindings[0] in PRIORITIZED:
    priorities = replay_rows.priorities(pipeline.tracked["replay"])
    assert len(np.unique(priorities)) > 10  # errors found their rows


def test_what_was_learned_from_gets_another_priority(make_experiment):
  """By a train step of one transition, of 60 that are alike."""
  pipeline = build(make_experiment(*PRIORITIZED, "DqnConfig.batch_size = 1"))
  buffer = pipeline.tracked["replay"]
  pipeline.compiled.collect(tf.constant(60))
  before = replay_rows.priorities(buffer)
  assert set(np.unique(before)) == {0, 1}
  pipeline.compiled.train(tf.constant(1))
  changed = replay_rows.priorities(buffer)[before == 1]
  assert np.sum((changed != 1) & (changed > 0)) == 1


def test_a_vector_environment_that_resets_by_itself(make_experiment):
  """NEXT_STEP: the steps that reset are neither counted nor kept."""
  experiment = make_experiment(
    GYMNASIUM,
    "EnvironmentConfig.num_envs = 2",
    "EnvironmentConfig.vectorization = 'vector_entry_point'",
    "DqnConfig.num_env_steps_before_training = 60",
  )
  pipeline = build(experiment)
  found = run(pipeline, 60, 3)
  episodes = int(pipeline.statistics.num_episodes)
  assert episodes > 2
  # Every ended episode costs its copy one step, but for the newest maybe.
  assert 0 <= found["env_steps"] + episodes - 2 * 63 <= 2


def test_divergence_stops_within_the_call(make_experiment):
  pipeline = build(
    make_experiment("Adam.learning_rate = 1e30", "DqnConfig.loss = 'squared'"),
    jit=True,
  )
  pipeline.compiled.collect(tf.constant(60))
  totals = pipeline.compiled.train(tf.constant(1000))
  assert bool(totals.diverged)
  assert int(totals.num_train_steps) < 1000


def test_epsilon_falls_over_env_steps_of_all_environments(make_experiment):
  pipeline = build(
    make_experiment(
      "EnvironmentConfig.num_envs = 4",
      "DqnConfig.num_random_env_steps = 0",
      "DqnConfig.num_train_steps_per_iteration = 3",
      "DqnConfig.epsilon = @LinearEpsilon()",
      "LinearEpsilon.initial = 1.0",
      "LinearEpsilon.final = 0.0",
      "LinearEpsilon.num_env_steps = 200",
    )
  )
  found = run(pipeline, 20, 5)
  assert (found["env_steps"], found["train_steps"]) == (100, 15)
  assert pipeline.schedules["epsilon"]() == pytest.approx(0.5)


def test_each_child_seed_reaches_its_consumer(make_experiment, monkeypatch):
  """Another child seed alone changes what depends on it, from the start."""
  experiment = make_experiment("EnvironmentConfig.num_envs = 4")
  plain = run(build(experiment), 13, 3)
  changed = {}
  for name in ("network", "exploration", "environment", "replay"):
    with monkeypatch.context() as patch:
      patch.setattr(seeding.Seeds, name, property(lambda self: 12345))
      changed[name] = run(build(experiment), 13, 3)
  differs = lambda name, part, i: np.any(
    changed[name][part][i] != plain[part][i]
  )
  assert differs("network", "weights", 0)
  assert not differs("network", "rows", ACTIONS)  # random actions till then
  assert differs("exploration", "rows", ACTIONS)
  assert differs("environment", "rows", OBSERVATIONS)
  assert not differs("replay", "rows", ACTIONS)
  assert changed["replay"]["losses"] != plain["losses"]


@pytest.mark.parametrize("backend", ["tensor", "gymnasium"])
def test_success_stops_within_the_call(make_experiment, backend):
  pipeline = build(
    make_experiment(
      f"EnvironmentConfig.backend = '{backend}'",
      "TrainingConfig.stop = @OnLastEpisodes()",
      "OnLastEpisodes.min_episode_return = 5",
    ),
    jit=backend == "tensor",
  )
  assert not bool(pipeline.should_stop())
  pipeline.compiled.collect(tf.constant(2))
  totals = pipeline.compiled.train(tf.constant(1000))
  assert bool(pipeline.should_stop())
  assert 1 < int(totals.num_train_steps) < 200


@pytest.mark.parametrize("backend", ["tensor", "gymnasium"])
def test_shaped_rewards_are_stored_and_true_ones_logged(
  make_experiment, backend
):
  pipeline = build(
    make_experiment(
      f"EnvironmentConfig.backend = '{backend}'",
      "EnvironmentConfig.reward = @SuccessReward()",
      "SuccessReward.min_episode_return = 1000",
    )
  )
  pipeline.compiled.collect(tf.constant(100))
  sums = pipeline.statistics.ended()
  assert sums.returns.sum() == sums.lengths.sum() > 20
  rows = replay_rows.windows(pipeline.tracked["replay"], 500, 2)
  rewards = rows.reward[:, 0].numpy()
  assert set(rewards) == {0.0, -1.0}
