"""Iterations of whole episodes, and whole runs that are measured in them."""

import csv
import dataclasses
import functools
import itertools

import gymnasium as gym
import numpy as np
import out_of_paint
import pytest
import replay_rows
import small_runs
import tensorflow as tf
from gymnasium.envs import registration

from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.environments.tasks import flappy_ball
from agents_pipeline.files import run_folder, tables
from agents_pipeline.runs import run_record
from agents_pipeline.training import replay_iteration

LAST = 2
TRAIN_STEPS = 3


def make_experiment(*bindings):
  """FlappyBall, whose episodes are of a few steps when they are random."""
  return gin_files.load_experiment(
    [],
    [
      "Experiment.agent = @DqnConfig()",
      "EnvironmentConfig.name = 'FlappyBall-v0'",
      "TrainingConfig.num_env_steps = 10_000",
      "TrainingConfig.log_period_env_steps = 20",
      "TrainingConfig.checkpoint_period_env_steps = 30",
      "EvaluationConfig.period_env_steps = 200",
      "EvaluationConfig.num_episodes_while_training = 1",
      "DqnConfig.hidden_layers = (8,)",
      "DqnConfig.batch_size = 8",
      "DqnConfig.num_random_env_steps = 0",
      "DqnConfig.num_env_steps_before_training = 0",
      "DqnConfig.num_collect_episodes_per_iteration = 1",
      f"DqnConfig.num_train_steps_per_iteration = {TRAIN_STEPS}",
      "DqnConfig.epsilon = @LinearEpsilonOverEpisodes()",
      "LinearEpsilonOverEpisodes.initial = 1.0",
      "LinearEpsilonOverEpisodes.final = 0.5",
      "LinearEpsilonOverEpisodes.num_episodes = 10",
      "ReplayConfig.capacity_env_steps = 1_000",
      # Adam would blow tiny gradients' rounding up to whole steps.
      "DqnConfig.optimizer = @RmsProp()",
      "RmsProp.epsilon = 1.0",
      *bindings,
    ],
  )


def left_as_graphs(patch):
  """Iterations are not compiled with XLA: that takes seconds."""
  plain = functools.partial(building.build, jit=False)
  patch.setattr(building, "build", plain)


def same_weights(agent):
  """[] bool, whether the target network equals the online network."""
  return tf.reduce_all(
    [
      tf.reduce_all(a == b)
      for a, b in zip(
        agent.network.variables,
        agent.target_network.variables,
        strict=True,
      )
    ]
  )


class Iterated:
  """Iterations of one pipeline, and what was seen after each train step.

  Attributes:
    num_envs: B.
    num_episodes: collected per iteration.
    iterations: of each, what `_after` returns.
    train_steps: [N, 3] of each train step, the env steps and the episodes till
      then, and whether the target network is the online network.
  """

  def __init__(self, patch, backend, num_envs, num_episodes):
    left_as_graphs(patch)
    self.num_envs, self.num_episodes = num_envs, num_episodes
    tape = tf.Variable(tf.zeros((100, 3), tf.int64))
    whole = replay_iteration.ReplayIteration
    learn = whole.learn

    def learn_and_record(iteration, *args):
      agent, statistics = iteration.agent, iteration.statistics

      def update_and_record():
        iteration.update_target()
        seen = (statistics.env_steps, statistics.num_episodes)
        row = [tf.cast(x, tf.int64) for x in (*seen, same_weights(agent))]
        index = agent.train_step_counter - 1
        tape.scatter_nd_update([[index]], [tf.stack(row)])

      recorded = dataclasses.replace(iteration, update_target=update_and_record)
      return learn(recorded, *args)

    patch.setattr(whole, "learn", learn_and_record)
    self.pipeline = building.build(
      make_experiment(
        f"EnvironmentConfig.backend = '{backend}'",
        f"EnvironmentConfig.num_envs = {num_envs}",
        f"DqnConfig.num_collect_episodes_per_iteration = {num_episodes}",
        "DqnConfig.target_update_period_episodes = 2",
      ),
      seeding.Seeds(0),
    )
    self.iterations = []
    for _ in range(6):
      totals = self.pipeline.compiled.train(tf.constant(1))
      self.iterations.append(self._after(totals))
    self.train_steps = tape[: int(self.pipeline.train_steps)].numpy()
    self.pipeline.close()

  def _after(self, totals):
    statistics = self.pipeline.statistics
    ended = statistics.ended().env_steps.tolist()
    statistics.forget_ended()
    kinds = None
    if self.num_envs == 1:
      rows = replay_rows.kept(self.pipeline.tracked["replay"])
      kinds = rows.step_type[0].numpy().tolist()
    return {
      "env_steps": int(statistics.env_steps),
      "episodes": int(statistics.num_episodes),
      "ended": ended,
      "train_steps": int(totals.num_train_steps),
      "epsilon": self.pipeline.schedules["epsilon"](),
      "kinds": kinds,
    }


@pytest.fixture(
  scope="module",
  params=itertools.product(("tensor", "gymnasium"), (1, 2), (1, 3)),
  ids=lambda x: f"{x[0]}-{x[1]}-envs-{x[2]}-episodes",
)
def iterated(request):
  with pytest.MonkeyPatch.context() as patch:
    return Iterated(patch, *request.param)


def test_an_iteration_ends_with_the_step_that_ends_its_last_episode(iterated):
  for after in iterated.iterations:
    now = after["env_steps"]
    assert after["ended"][-1] == now  # no step more
    before = [when for when in after["ended"] if when < now]
    assert len(before) < iterated.num_episodes <= len(after["ended"])
  ended = sum(len(after["ended"]) for after in iterated.iterations)
  assert ended == iterated.iterations[-1]["episodes"]
  if iterated.num_envs == 1:
    assert ended == 6 * iterated.num_episodes


def test_train_steps_follow_and_are_as_many_as_configured(iterated):
  assert [a["train_steps"] for a in iterated.iterations] == [TRAIN_STEPS] * 6
  for number, after in enumerate(iterated.iterations):
    steps = iterated.train_steps[TRAIN_STEPS * number :][:TRAIN_STEPS]
    # All of them when the iteration's episodes have ended.
    assert steps[:, 0].tolist() == [after["env_steps"]] * TRAIN_STEPS
    assert steps[:, 1].tolist() == [after["episodes"]] * TRAIN_STEPS
  assert len(iterated.train_steps) == 6 * TRAIN_STEPS


def test_what_is_kept_of_one_environment_ends_with_a_whole_episode(iterated):
  for after in iterated.iterations:
    if iterated.num_envs == 1:
      assert after["kinds"][-1] == LAST
      assert after["kinds"].count(LAST) == after["episodes"]
      assert len(after["kinds"]) == after["env_steps"] + after["episodes"]


def test_target_is_copied_at_the_first_train_step_after_two_episodes(iterated):
  # The step that copies is recorded at its end: the networks are then the same,
  # till the next.
  pairs_before = 0
  for _, episodes, is_same in iterated.train_steps.tolist():
    assert bool(is_same) == (episodes // 2 > pairs_before)
    pairs_before = episodes // 2
  assert 0 < iterated.train_steps[:, 2].sum() <= 6


def test_epsilon_falls_with_the_episodes_that_ended(iterated):
  for after in iterated.iterations:
    # By 0.05 each, from 1 to 0.5.
    expected = max(1 - 0.05 * after["episodes"], 0.5)
    assert after["epsilon"] == pytest.approx(expected)


def run(experiment, seed=0):
  """Iterates a pipeline; what is left behind."""
  pipeline = building.build(experiment, seeding.Seeds(seed))
  losses = [
    float(pipeline.compiled.train(tf.constant(n)).sums[0]) for n in (4, 1)
  ]
  pipeline.close()
  return {
    "losses": losses,
    "weights": [v.numpy() for v in pipeline.network.variables],
    "rows": [v.numpy() for v in pipeline.tracked["replay"].variables],
    "env_steps": int(pipeline.statistics.env_steps),
    "episodes": int(pipeline.statistics.num_episodes),
    "train_steps": int(pipeline.train_steps),
  }


@pytest.mark.parametrize("backend", ["tensor", "gymnasium"])
def test_graph_equals_xla_and_one_seed_gives_one_run(backend, monkeypatch):
  experiment = make_experiment(
    f"EnvironmentConfig.backend = '{backend}'",
    "EnvironmentConfig.num_envs = 2",
    "DqnConfig.num_collect_episodes_per_iteration = 3",
    "DqnConfig.target_update_period_episodes = 2",
  )
  xla = run(experiment)
  left_as_graphs(monkeypatch)
  graph, again, other = run(experiment), run(experiment), run(experiment, 1)
  tf.nest.map_structure(np.testing.assert_array_equal, graph, again)
  assert np.any(other["weights"][0] != graph["weights"][0])
  assert other["losses"] != graph["losses"]
  for name in ("env_steps", "episodes", "train_steps"):
    assert xla[name] == graph[name]
  assert graph["train_steps"] == 5 * TRAIN_STEPS
  assert graph["losses"] == pytest.approx(xla["losses"], rel=1e-4)
  for name in ("weights", "rows"):
    for ours, theirs in zip(graph[name], xla[name], strict=True):
      np.testing.assert_allclose(ours, theirs, atol=1e-5)


class Folder:
  """Runs experiments into one folder, without what a run does at its end."""

  def __init__(self, root):
    self.run = run_folder.RunFolder(root)
    self.printed = []  # of the newest start

  def train(self, *bindings, results=None):
    """Returns whether it ran to its end; the user stops after so many."""
    with pytest.MonkeyPatch.context() as patch:
      left_as_graphs(patch)
      outcome = small_runs.train(
        make_experiment(*bindings),
        self.run.root,
        max_results=results,
        finish=small_runs.mark_finished,
      )
    self.printed = outcome.printed
    return outcome.completed

  @property
  def record(self):
    return run_record.read(self.run.run_record)

  @property
  def episodes(self):
    return tables.read(self.run.episodes)

  @property
  def metrics(self):
    return tables.read(self.run.metrics)

  @property
  def videos(self):
    return sorted(path.name for path in self.run.videos.glob("*"))


EVERY_EPISODE = "TrainingConfig.log_period_env_steps = 1"
TWELVE = (EVERY_EPISODE, "TrainingConfig.num_episodes = 12")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
  """A run of 12 episodes, recorded after every 4; the second video fails."""
  temporary = tmp_path_factory.mktemp("recorded")
  folder = Folder(temporary / "run")
  spec = registration.EnvSpec(
    "FlappyBall-v0",
    entry_point=out_of_paint.OutOfPaint,
    kwargs={"counter": str(temporary / "videos")},
  )
  with pytest.MonkeyPatch.context() as patch:
    patch.setitem(registration.registry, "FlappyBall-v0", spec)
    assert folder.train(
      *TWELVE, "VideoConfig.period_episodes = 4", "VideoConfig.format = 'html'"
    )
  return folder


def test_videos_while_training_and_one_that_fails_costs_no_more(recorded):
  assert recorded.videos == ["episode_000004.html", "episode_000012.html"]
  for name in recorded.videos:
    page = (recorded.run.videos / name).read_text("utf-8")
    assert "data:image" in page and page.rstrip().endswith("</html>")
  assert [line for line in recorded.printed if "no video" in line] == [
    "no video episode_000008.html: environment 'FlappyBall-v0', in a video, "
    "step 3 of its episode: RuntimeError: out of paint and of brushes"
  ]
  assert recorded.record["outcome"] == "finished"


def test_a_run_ends_with_its_last_episode_and_is_finished(recorded):
  last = recorded.metrics[-1]
  assert last["episodes"] == len(recorded.episodes) == 12
  assert last["train_steps"] == 12 * TRAIN_STEPS
  assert last["env_steps"] == recorded.episodes[-1]["env_steps"] < 1_000
  assert last["evaluation_return"] is not None  # evaluated where it ended
  assert recorded.record["stopped_early"] is False
  assert not any("succeeded" in line for line in recorded.printed)


def check_sums(folder, num_envs):
  """Rows of episodes, rows of metrics, and env steps agree."""
  ends = [row["env_steps"] for row in folder.episodes]
  assert ends == sorted(ends)
  assert num_envs > 1 or len(set(ends)) == len(ends)
  num_seen = 0
  for row in folder.metrics[1:]:
    ended = [e for e in folder.episodes if e["env_steps"] <= row["env_steps"]]
    assert row["episodes"] == len(ended)
    new = ended[num_seen:]
    num_seen = len(ended)
    for name in ("episode_return", "episode_length"):
      if new:
        mean = np.mean([episode[name] for episode in new])
        assert row[name] == pytest.approx(mean, rel=1e-5)
      else:
        assert row[name] is None
  assert num_seen == len(folder.episodes) > 2
  return sum(row["episode_length"] for row in folder.episodes)


def test_every_env_step_and_return_is_in_a_row_of_an_episode(recorded):
  assert check_sums(recorded, 1) == recorded.metrics[-1]["env_steps"]
  for row in recorded.episodes:
    # Of FlappyBall: 1 for 41 steps, else -1.
    expected = 1 if row["episode_length"] == flappy_ball.MAX_STEPS else -1
    assert row["episode_return"] == expected
  before = 0
  for row in recorded.episodes:
    assert row["env_steps"] == before + row["episode_length"]
    before = row["env_steps"]


def comparable(path):
  """The lines of metrics.csv but for evaluations."""
  with path.open(newline="") as file:
    return [
      [v for k, v in row.items() if "eval" not in k]
      for row in csv.DictReader(file)
    ]


def test_a_run_stopped_finished_and_extended_equals_one_never_stopped(
  recorded, tmp_path
):
  """Films do not change a run either: this one has none."""
  parts = Folder(tmp_path / "run")
  five = (EVERY_EPISODE, "TrainingConfig.num_episodes = 5")
  assert not parts.train(*five, results=3)
  assert len(parts.episodes) == 3
  # Written after the last checkpoint, and cut short: it is done again.
  with parts.run.episodes.open("a") as file:
    file.write("9999,1,2\n99999,1")
  assert parts.train(*five)
  assert len(parts.episodes) == 5
  finished = parts.run.episodes.read_bytes()
  assert parts.train(*five)
  assert "is finished: " in parts.printed[-1]
  assert "succeeded" not in parts.printed[-1]
  assert parts.run.episodes.read_bytes() == finished
  assert parts.train(*TWELVE)
  assert len(parts.record["starts"]) == 3
  assert parts.run.episodes.read_bytes() == recorded.run.episodes.read_bytes()
  assert comparable(parts.run.metrics) == comparable(recorded.run.metrics)
  assert parts.videos == []


def test_episodes_that_span_a_stop_are_reported_whole(tmp_path):
  """Where iterations are of steps, a checkpoint lies within episodes."""
  stepwise = (
    "EnvironmentConfig.num_envs = 2",
    "DqnConfig.num_collect_episodes_per_iteration = None",
    "TrainingConfig.log_period_env_steps = 10",
    "TrainingConfig.num_env_steps = 80",
  )
  whole, parts = Folder(tmp_path / "whole"), Folder(tmp_path / "parts")
  assert whole.train(*stepwise)
  assert not parts.train(*stepwise, results=2)
  assert parts.metrics[-1]["env_steps"] == 20
  # Episodes were under way.
  assert sum(row["episode_length"] for row in parts.episodes) < 20
  assert parts.train(*stepwise)
  assert parts.run.episodes.read_bytes() == whole.run.episodes.read_bytes()
  assert comparable(parts.run.metrics) == comparable(whole.run.metrics)
  assert 0 < check_sums(whole, 2) <= 80


def test_a_run_of_steps_ends_with_its_last_episode_as_well(tmp_path):
  folder = Folder(tmp_path / "run")
  stepwise = (
    "DqnConfig.num_collect_episodes_per_iteration = None",
    "TrainingConfig.num_episodes = 4",
  )
  assert folder.train(*stepwise)
  last = folder.metrics[-1]
  assert last["episodes"] == len(folder.episodes) == 4
  assert last["env_steps"] == folder.episodes[-1]["env_steps"]
  assert check_sums(folder, 1) == last["env_steps"]
  assert folder.record["stopped_early"] is False


def test_a_python_environment_that_resumes_tells_every_episode_once(tmp_path):
  folder = Folder(tmp_path / "run")
  bindings = (*TWELVE, "EnvironmentConfig.backend = 'gymnasium'")
  assert not folder.train(*bindings, results=4)
  assert folder.train(*bindings)
  assert len(folder.episodes) == 12
  # Iterations end with episodes, so none was under way and forgotten.
  assert check_sums(folder, 1) == folder.metrics[-1]["env_steps"]


class Endless(gym.Env):
  """Goes on for ever."""

  observation_space = gym.spaces.Box(0, 1)
  action_space = gym.spaces.Discrete(2)

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    return np.zeros(1, np.float32), {}

  def step(self, action):
    return np.zeros(1, np.float32), 0.0, False, False, {}


def test_an_episode_that_does_not_end_is_cut_off_where_the_run_ends(
  monkeypatch,
):
  left_as_graphs(monkeypatch)
  gym.register("Endless-v0", Endless)
  experiment = make_experiment(
    "EnvironmentConfig.name = 'Endless-v0'",
    "TrainingConfig.num_env_steps = 30",
  )
  pipeline = building.build(experiment, seeding.Seeds(0))
  pipeline.compiled.train(tf.constant(2))
  assert int(pipeline.statistics.env_steps) == 31  # an iteration has a step
  assert int(pipeline.statistics.num_episodes) == 0
