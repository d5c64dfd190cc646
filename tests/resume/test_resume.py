"""A run that is interrupted and resumed ends like one that never was."""

import csv
import dataclasses
import functools
import json

import gymnasium as gym
import numpy as np
import pytest
import replay_rows
import small_runs
import tensorflow as tf
from gymnasium.envs.classic_control import cartpole

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.files import run_folder, tables
from agents_pipeline.runs import checkpoints, run_record

PRIORITIZED = [
  "DqnConfig.replay = @PrioritizedReplay()",
  "PrioritizedReplay.capacity_env_steps = 150",  # half the run
]


def _run_with(train, tmp_path):
  """Trains into a folder; returns completed, printed lines and the folder.

  The user asks to stop when `results` results are logged.
  """

  def run(experiment, name, results=None, overwrite=False, seed=None):
    if seed is not None:
      experiment = dataclasses.replace(experiment, seed=seed)
    outcome = train(
      experiment,
      tmp_path / name,
      max_results=results,
      overwrite=overwrite,
      finish=small_runs.mark_finished,
    )
    return outcome.completed, outcome.printed, outcome.folder

  return run


@pytest.fixture
def run_once(starting, tmp_path):
  """Each start in a process of its own, as a user has it, without XLA."""
  return _run_with(starting.train, tmp_path)


@pytest.fixture
def run_compiled(starting, tmp_path):
  """Likewise, with XLA."""
  return _run_with(functools.partial(starting.train, xla=True), tmp_path)


@pytest.fixture
def run_here(tmp_path):
  """Each start in this process, compiled anew and as for a user.

  Those of `run_compiled` share programs, which XLA does not optimize. That
  compiling again gives the same numbers must be seen as well.
  """
  return _run_with(small_runs.train, tmp_path)


def contents(path):
  """Every number of the newest checkpoint."""
  newest, _ = checkpoints.newest(path)
  reader = tf.train.load_checkpoint(str(newest))
  return {
    name: reader.get_tensor(name)
    for name in sorted(reader.get_variable_to_shape_map())
    if "_CHECKPOINTABLE" not in name and "save_counter" not in name
  }


def rows(run):
  """The tables, to the byte."""
  tables = run.metrics, run.episodes, run.evaluations
  return [table.read_bytes() for table in tables]


def assert_same_numbers(one, other):
  first, second = contents(one.checkpoints), contents(other.checkpoints)
  assert first.keys() == second.keys()
  assert len(first) > 40
  for name in first:
    np.testing.assert_array_equal(first[name], second[name], err_msg=name)


GYMNASIUM = [
  "EnvironmentConfig.backend = 'gymnasium'",
  "EnvironmentConfig.num_envs = 3",
  "DqnConfig.num_train_steps_per_iteration = 2",
]
# Rainbow is C51, with all that C51 can have.
STOPPED = {
  **{a: (a, []) for a in small_runs.agents("dqn", "rainbow", "qr_dqn")},
  **{
    f"{a}, gymnasium": (a, GYMNASIUM)
    for a in small_runs.agents("dqn", "rainbow")
  },
  "dqn, prioritized": ("dqn", PRIORITIZED),
  "qr_dqn, prioritized, gymnasium": (
    "qr_dqn",
    [*PRIORITIZED, *GYMNASIUM, "DqnConfig.n_step = 3"],
  ),
}


@pytest.mark.parametrize("case", list(STOPPED))
def test_a_stopped_run_ends_like_one_never_stopped(
  make_experiment_of, run_here, run_compiled, run_once, case
):
  agent, bindings = STOPPED[case]
  experiment = make_experiment_of(agent)(*bindings)
  run = run_here if case in ("dqn", "dqn, gymnasium") else run_once
  run = run_compiled if case == "rainbow" else run
  completed, _, whole = run(experiment, "whole")
  assert completed
  stops = (2, 1) if case in ("dqn", "rainbow") else (2,)
  for results in stops:
    assert run(experiment, "parts", results=results)[0] is False
  completed, printed, parts = run(experiment, "parts")
  assert completed
  assert any("resuming at" in line for line in printed)
  assert_same_numbers(whole, parts)
  assert rows(whole) == rows(parts)
  assert len(run_record.read(parts.run_record)["starts"]) == len(stops) + 1


@pytest.mark.parametrize("backend", ["tensor", "gymnasium"])
def test_a2c_stopped_ends_like_one_never_stopped(
  make_a2c_experiment, run_here, run_once, backend
):
  run = run_here if backend == "tensor" else run_once
  experiment = make_a2c_experiment(
    f"EnvironmentConfig.backend = '{backend}'",
    "EnvironmentConfig.name = 'Pendulum-v1'",
    "TrainingConfig.log_period_env_steps = 50",
    "A2cConfig.normalize_observations = True",
    "A2cConfig.normalize_rewards = True",
    "A2cConfig.optimizer = @Adam()",
    "Adam.learning_rate = @LinearLearningRate()",
    "LinearLearningRate.num_train_steps = 40",
  )
  completed, _, whole = run(experiment, "whole")
  assert completed
  for results in (2, 1) if backend == "tensor" else (2,):
    assert run(experiment, "parts", results=results)[0] is False
  completed, _, parts = run(experiment, "parts")
  assert completed
  assert_same_numbers(whole, parts)
  assert rows(whole) == rows(parts)
  names = contents(whole.checkpoints)
  for part in ("reward_normalizer", "variance", "learning_rate"):
    assert any(part in name for name in names), part


def test_minatar_stopped_ends_like_one_never_stopped(make_experiment, run_once):
  experiment = make_experiment(
    "EnvironmentConfig.name = 'MinAtar/Breakout-v1'",
    "EvaluationConfig.max_episode_env_steps = 50",  # one may never end
  )
  completed, _, whole = run_once(experiment, "whole")
  assert completed
  assert run_once(experiment, "parts", results=1)[0] is False
  completed, _, parts = run_once(experiment, "parts")
  assert completed
  assert_same_numbers(whole, parts)
  assert rows(whole) == rows(parts)


@pytest.mark.parametrize("agent", small_runs.agents("dqn", "a2c"))
def test_a_run_that_meets_its_stopping_criterion_ends_early(
  make_experiment_of, run_once, agent
):
  make = make_experiment_of(agent)
  experiment = make(
    "TrainingConfig.stop = @OnLastEpisodes()",
    "OnLastEpisodes.min_episode_return = 5",
    "TrainingConfig.num_env_steps = 3000",
  )
  completed, printed, run = run_once(experiment, agent)
  assert completed
  (*_, last) = tables.read(run.metrics)
  assert last["env_steps"] < 1000
  assert last["evaluation_return"] is not None  # evaluated where it ended
  assert any("stopped early" in line for line in printed)
  completed, printed, _ = run_once(experiment, agent)
  assert completed and "is finished: it succeeded after" in printed[-1]


def test_a_run_that_ends_before_its_first_train_step_says_so(
  make_experiment, make_a2c_experiment, run_once
):
  message = "nothing was learned: the run ended after {} env steps, before "
  message += "its first train step"
  stops = [
    "TrainingConfig.stop = @OnEvaluation()",
    "OnEvaluation.min_mean_return = 5",  # an untrained cart lasts 8 steps
  ]
  completed, printed, _ = run_once(make_a2c_experiment(*stops), "a2c")
  assert completed
  assert message.format(0) in printed
  completed, printed, run = run_once(
    make_experiment("TrainingConfig.num_episodes = 1"), "dqn"
  )
  assert completed
  steps = tables.read(run.metrics)[-1]["env_steps"]
  assert 0 < steps < 50
  collected = "DqnConfig.num_env_steps_before_training = 50"
  assert f"{message.format(steps)} ({collected})" in printed
  # Neither one that learned says so, nor one that was only stopped.
  for results, folder in ((None, "whole"), (1, "stopped")):
    _, printed, _ = run_once(make_experiment(), folder, results=results)
    assert not any("nothing was learned" in line for line in printed)


def test_a_run_ends_early_on_an_evaluation(make_a2c_experiment, run_once):
  experiment = make_a2c_experiment(
    "TrainingConfig.stop = @OnEvaluation()",
    "OnEvaluation.min_mean_return = 5",
    "TrainingConfig.num_env_steps = 3000",
  )
  completed, _, run = run_once(experiment, "run")
  assert completed
  # The evaluation before training is one; an untrained cart lasts 8 steps.
  assert [r["env_steps"] for r in tables.read(run.metrics)] == [0]


def test_work_after_the_last_checkpoint_is_repeated(make_experiment, run_once):
  """Killed between two checkpoints: the rows written since are replaced."""
  experiment = make_experiment("TrainingConfig.log_period_env_steps = 25")
  _, _, whole = run_once(experiment, "whole")
  run_once(experiment, "killed", results=3)  # saved at env step 75
  killed = run_folder.RunFolder(whole.root.parent / "killed")
  with killed.metrics.open("a") as file:
    file.write("99,9,9,9,9,9,9,9,9,9,9,9\n100,1")
  _, _, resumed = run_once(experiment, "killed")
  assert rows(whole) == rows(resumed)
  assert_same_numbers(whole, resumed)


def test_a_finished_run_says_so_and_is_left_unchanged(
  make_experiment, run_once
):
  experiment = make_experiment()
  _, _, run = run_once(experiment, "run")
  before = run.run_record.read_text()
  completed, printed, _ = run_once(experiment, "run")
  assert completed
  assert "is finished: 300 env steps" in printed[-1]
  assert run.run_record.read_text() == before


def test_a_finished_run_without_its_policy_makes_it_again(
  make_experiment, run_once
):
  _, _, run = run_once(make_experiment(), "run")
  before = run.metrics.read_bytes()
  run.policy.rmdir()
  run_once(make_experiment(), "run")
  assert run.policy.exists() and run.metrics.read_bytes() == before


def test_a_finished_run_continues_to_a_larger_number_of_steps(
  make_experiment, run_once
):
  run_once(make_experiment(), "run")
  longer = make_experiment("TrainingConfig.num_env_steps = 400")
  completed, _, run = run_once(longer, "run")
  assert completed
  assert tables.read(run.metrics)[-1]["env_steps"] == 400
  _, _, whole = run_once(longer, "whole")
  weights = lambda r: {
    k: v for k, v in contents(r.checkpoints).items() if "q_network" in k
  }
  for name, value in weights(whole).items():
    np.testing.assert_array_equal(value, weights(run)[name], err_msg=name)


def test_another_configuration_or_seed_is_rejected_and_changes_nothing(
  make_experiment, run_once
):
  _, _, run = run_once(make_experiment(), "run")
  before = {p: p.stat().st_mtime_ns for p in run.root.rglob("*")}
  other = make_experiment("DqnConfig.gamma = 0.5")
  with pytest.raises(errors.UserError, match="gamma: 0.99 -> 0.5"):
    run_once(other, "run")
  with pytest.raises(errors.UserError, match="started with seed 0; expected"):
    run_once(make_experiment(), "run", seed=1)
  assert before == {p: p.stat().st_mtime_ns for p in run.root.rglob("*")}
  other = make_experiment("DqnConfig.gamma = 0.5")
  completed, _, _ = run_once(other, "run", overwrite=True)
  assert completed
  assert "DqnConfig.gamma = 0.5" in run.config.read_text()


@pytest.mark.parametrize("logged_more_often", [True, False])
def test_what_is_written_may_change_and_what_is_learned_stays_the_same(
  starting, make_experiment, tmp_path, logged_more_often
):
  """The table of ended episodes, part of checkpoints, has another size."""
  whole = starting.train(make_experiment(), tmp_path / "whole").folder
  parts = tmp_path / "parts"
  starting.train(make_experiment(), parts, max_results=1)
  period = 20 if logged_more_often else 150
  changed = make_experiment(
    f"TrainingConfig.log_period_env_steps = {period}",
    "TrainingConfig.checkpoint_period_env_steps = 50",
    "EvaluationConfig.period_env_steps = 250",
    "EvaluationConfig.num_episodes_while_training = 1",
    "VideoConfig.captions = True",
    "CheckpointConfig.num_kept = 3",
  )
  resumed = starting.train(changed, parts)
  assert resumed.completed
  first, second = contents(whole.checkpoints), contents(parts / "checkpoints")
  learned = [
    name
    for name in first
    if name.startswith(("agent/", "network/", "replay/", "environment/"))
  ]
  assert len(learned) > 10
  for name in learned:
    np.testing.assert_array_equal(first[name], second[name], err_msg=name)
  episodes = (parts / "episodes.csv").read_bytes()
  assert episodes == whole.episodes.read_bytes()
  assert len(checkpoints.newest_first(parts / "checkpoints")) == 3
  line = "EvaluationConfig.period_env_steps: 200 -> 250"
  assert f"changed: {line}" in resumed.printed
  (change,) = run_record.read(parts / "run.json")["changes"]
  assert line in change["settings"] and len(change["settings"]) == 6
  assert 0 < change["env_steps"] < 300


def test_what_is_learned_may_change_where_that_is_allowed(
  starting, make_experiment, tmp_path
):
  starting.train(make_experiment(), tmp_path, max_results=1)
  other = make_experiment("DqnConfig.gamma = 0.5")
  resumed = starting.train(other, tmp_path, allow_changes=True, max_results=1)
  line = "DqnConfig.gamma: 0.99 -> 0.5"
  assert f"changed: {line}" in resumed.printed
  (first,) = run_record.read(resumed.folder.run_record)["changes"]
  assert first["settings"] == [line]
  # From here on, the run is one with these settings.
  again = starting.train(other, tmp_path, finish=small_runs.mark_finished)
  assert again.completed
  assert not any("changed" in printed for printed in again.printed)
  assert run_record.read(again.folder.run_record)["changes"] == [first]
  # What changes after its end has no effect, and that is told.
  longer = make_experiment(
    "DqnConfig.gamma = 0.5", "EvaluationConfig.num_episodes = 7"
  )
  (line,) = starting.train(longer, tmp_path).printed
  assert line.endswith(
    "continues; until then, these changes have no effect: "
    "EvaluationConfig.num_episodes: 3 -> 7"
  )


def test_a_change_is_kept_where_the_checkpoint_after_it_is_damaged(
  starting, make_experiment, tmp_path
):
  starting.train(make_experiment(), tmp_path, max_results=1)
  other = make_experiment("DqnConfig.gamma = 0.5")
  resumed = starting.train(other, tmp_path, allow_changes=True, max_results=1)
  changes = lambda: run_record.read(resumed.folder.run_record)["changes"]
  (first,) = changes()
  newest, *_ = checkpoints.newest_first(resumed.folder.checkpoints)
  (newest / "state.data-00000-of-00001").write_bytes(b"")
  again = starting.train(other, tmp_path, max_results=1)
  assert f"changed: {first['settings'][0]}" in again.printed
  assert changes() == [first]


def test_a_learning_rate_that_is_changed_is_learned_with(
  starting, make_a2c_experiment, tmp_path
):
  """Not with the one that the checkpoint holds."""
  starting.train(make_a2c_experiment(), tmp_path, max_results=1)
  changed = make_a2c_experiment("RmsProp.learning_rate = 0.25")
  resumed = starting.train(changed, tmp_path, allow_changes=True)
  rows = list(csv.DictReader(resumed.folder.metrics.open()))
  rates = [row["learning_rate"] for row in rows if row["learning_rate"]]
  assert float(rates[0]) == pytest.approx(7e-4) and float(rates[-1]) == 0.25


def test_weights_of_another_shape_cannot_go_on(
  starting, make_experiment, tmp_path
):
  starting.train(make_experiment(), tmp_path, max_results=1)
  before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
  wider = make_experiment("DqnConfig.hidden_layers = (32,)")
  with pytest.raises(errors.UserError, match="does not fit this config"):
    starting.train(wider, tmp_path, allow_changes=True)
  assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}


class Drifting(cartpole.CartPoleEnv):
  """CartPole that never does the same twice; its episodes are as long."""

  def step(self, action):
    self.force_mag = float(np.random.default_rng().uniform(9.999, 10.001))
    return super().step(action)


@pytest.mark.parametrize("replay", ["ReplayConfig", "PrioritizedReplay"])
def test_an_environment_that_cannot_be_replayed_begins_new_episodes(
  make_experiment, run_here, replay
):
  if "Drifting-v0" not in gym.registry:
    gym.register("Drifting-v0", Drifting)
  experiment = make_experiment(
    "EnvironmentConfig.name = 'Drifting-v0'",
    f"DqnConfig.replay = @{replay}()",
    f"{replay}.capacity_env_steps = 1_000",
  )
  # Stopped during an episode: one that has only just begun can be replayed.
  _, _, run = run_here(experiment, "run", results=3)
  printed = []
  pipeline = building.build(experiment, seeding.Seeds(0), printed.append)
  checkpoints.Checkpoints(run.checkpoints, pipeline.tracked).restore(print)
  buffer = pipeline.tracked["replay"]
  rows_before = int(replay_rows.num_rows(buffer))
  pipeline.resume()
  assert printed[-1] == (
    "Drifting-v0: unfinished episodes could not be replayed; new ones begin"
  )
  whereabouts = json.loads(pipeline.tracked["environment"].serialize())
  assert whereabouts["episodes"] == [int(pipeline.statistics.num_episodes) + 1]
  # The episode under way is closed in the buffer, as truncated.
  assert int(replay_rows.num_rows(buffer)) == rows_before + 1
  newest = replay_rows.kept(buffer)
  assert int(newest.step_type[0, -1]) == 2
  assert int(newest.next_step_type[0, -2]) == 2
  assert float(newest.discount[0, -2]) == 1.0
  if replay == "PrioritizedReplay":  # of transitions, not of last observations
    is_step = newest.step_type[0] != 2
    priorities = replay_rows.priorities(buffer)[: len(is_step)]
    np.testing.assert_array_equal(priorities > 0, is_step)
  completed, printed, _ = run_here(experiment, "run")
  assert completed
  assert any("new ones begin" in line for line in printed)
  steps = [r["env_steps"] for r in tables.read(run.metrics)]
  assert steps == [0, 50, 100, 200, 300]


def test_a_folder_with_other_files_is_rejected(
  make_experiment, run_once, tmp_path
):
  theirs = tmp_path / "run" / "videos" / "holiday.mp4"
  theirs.parent.mkdir(parents=True)
  theirs.touch()
  for overwrite in (False, True):
    with pytest.raises(errors.UserError, match="is not a run folder, and"):
      run_once(make_experiment(), "run", overwrite=overwrite)
  assert theirs.exists()


def test_a_root_dir_that_cannot_be_made_is_rejected(
  make_experiment, run_once, tmp_path
):
  (tmp_path / "file").touch()
  for name in ("file", "file/below"):
    with pytest.raises(errors.UserError, match="file' is not a folder"):
      run_once(make_experiment(), name, overwrite=True)


def test_the_configuration_of_a_run_folder_gives_the_same_run(
  make_experiment, run_once
):
  _, _, other = run_once(make_experiment(), "other")
  _, _, first = run_once(make_experiment(), "first", seed=3)
  assert run_record.read(first.run_record)["seed"] == 3
  again = gin_files.load_experiment([first.config])
  _, _, second = run_once(again, "second")
  assert_same_numbers(first, second)
  assert rows(first) == rows(second) != rows(other)
  assert first.config.read_text() == second.config.read_text()


def test_a_folder_of_a_version_without_configured_seeds_resumes(
  make_experiment, run_here, monkeypatch
):
  """Its seed is in run.json, not in config.gin and checkpoints."""
  to_text, seed = gin_files.to_text, "Experiment.seed = 3\n"
  with monkeypatch.context() as before:
    before.setattr(gin_files, "to_text", lambda e: to_text(e).replace(seed, ""))
    _, _, run = run_here(make_experiment(), "run", results=1, seed=3)
  _, about = checkpoints.newest(run.checkpoints)
  assert "Experiment.seed" not in about.config + run.config.read_text()
  with pytest.raises(errors.UserError) as caught:
    run_here(make_experiment(), "run")
  assert str(caught.value).startswith(f"seed 0: {run.root} was started with ")
  completed, _, _ = run_here(make_experiment(), "run", seed=3)
  assert completed
  assert "Experiment.seed = 3" in run.config.read_text()
