"""Whether a run may be written or resumed in a folder, and when it is over."""

import json
import os

import pytest

from agents_pipeline import errors
from agents_pipeline.config import schema
from agents_pipeline.files import run_folder
from agents_pipeline.runs import checkpoints, resume


def test_a_read_only_folder_is_rejected(tmp_path, monkeypatch):
  monkeypatch.setattr(os, "access", lambda path, mode: False)
  with pytest.raises(errors.UserError) as caught:
    resume.check_folder(run_folder.RunFolder(tmp_path))
  assert str(caught.value) == (
    f"--root_dir={str(tmp_path)!r}: expected a writable folder, but "
    f"{str(tmp_path)!r} is read-only"
  )


@pytest.mark.parametrize(
  ("limit", "env_steps", "num_episodes", "expected"),
  [
    (None, 99, 9, False),
    (None, 100, 0, True),
    (10, 99, 9, False),
    (10, 99, 10, True),
    (10, 100, 0, True),
  ],
)
def test_a_run_ends_with_its_env_steps_or_its_episodes(
  limit, env_steps, num_episodes, expected
):
  training = schema.TrainingConfig(100, num_episodes=limit)
  assert resume.is_end_reached(training, env_steps, num_episodes) == expected


@pytest.fixture
def folder(tmp_path):
  """Makes the folder of a run with this record and, by default, its results."""

  def make(missing=None, **record):
    made = run_folder.RunFolder(tmp_path)
    made.run_record.write_text(json.dumps({"starts": [], **record}))
    for path in (made.policy, made.evaluation):
      if path.name != missing:
        path.touch()
    return made

  return make


FINISHED = {"outcome": "finished", "env_steps": 300, "episodes": 7}


@pytest.mark.parametrize(
  ("num_env_steps", "found", "expected"),
  [
    (300, FINISHED, True),
    (300, FINISHED | {"outcome": "stopped"}, False),
    (300, FINISHED | {"missing": "policy"}, False),
    (300, FINISHED | {"missing": "evaluation.json"}, False),
    (400, FINISHED, False),
    (400, FINISHED | {"stopped_early": True}, True),
  ],
)
def test_a_run_is_finished_with_its_results(
  make_experiment, folder, num_env_steps, found, expected
):
  length = f"TrainingConfig.num_env_steps = {num_env_steps}"
  is_finished = resume.is_finished(folder(**found), make_experiment(length))
  assert is_finished == expected


@pytest.mark.parametrize(
  ("bindings", "record", "told"),
  [
    (
      [],
      FINISHED,
      "300 env steps; --overwrite starts over, a larger "
      "TrainingConfig.num_env_steps continues",
    ),
    (
      ["TrainingConfig.num_env_steps = 400", "TrainingConfig.num_episodes = 7"],
      FINISHED,
      "7 episodes; --overwrite starts over, a larger "
      "TrainingConfig.num_episodes continues",
    ),
    (
      ["TrainingConfig.num_env_steps = 400"],
      FINISHED | {"stopped_early": True},
      "it succeeded after 300 env steps; --overwrite starts over",
    ),
  ],
)
def test_what_is_said_of_a_finished_run(
  make_experiment, folder, bindings, record, told
):
  made = folder(**record)
  experiment = make_experiment(*bindings)
  for changed, without_effect in (
    ([], ""),
    (["A.b: 1 -> 2", "A.c: 3 -> 4"],
     "; until then, these changes have no effect: A.b: 1 -> 2, A.c: 3 -> 4"),
  ):  # fmt: skip
    assert resume.finished_message(made, experiment, changed) == (
      f"{made.root} is finished: {told}{without_effect}"
    )


def test_other_package_versions_are_reported():
  said, now = [], checkpoints.About(1, "", {})
  resume.report_version_changes(now, said.append)
  assert said == []
  packages = now.packages | {"numpy": "1.0"}
  before = checkpoints.About(1, "", {}, packages)
  resume.report_version_changes(before, said.append)
  assert said == [
    f"numpy is {now.packages['numpy']}, but was 1.0 when this was saved: "
    "numbers may differ in their last bits from here on"
  ]


@pytest.mark.parametrize(
  ("before", "after", "what"),
  [
    ("Experiment.agent = @DqnConfig()", "Experiment.agent = @C51Config()",
     "another agent (Experiment.agent: @DqnConfig() -> @C51Config())"),
    ("C51Config.replay = @ReplayConfig()",
     "C51Config.replay = @PrioritizedReplay()",
     "another replay (C51Config.replay: @ReplayConfig() -> "
     "@PrioritizedReplay())"),
    ("PrioritizedReplay.alpha = 0.6", "PrioritizedReplay.alpha = 0.0",
     "other priorities (PrioritizedReplay.alpha: 0.6 -> 0.0)"),
    ("PrioritizedReplay.epsilon = 1e-06", "PrioritizedReplay.epsilon = 0.01",
     "other priorities (PrioritizedReplay.epsilon: 1e-06 -> 0.01)"),
    ("DqnConfig.replay = @PrioritizedReplay()\nDqnConfig.n_step = 1",
     "DqnConfig.replay = @PrioritizedReplay()\nDqnConfig.n_step = 3",
     "other priorities (DqnConfig.n_step: 1 -> 3)"),
    ("DqnConfig.replay = @ReplayConfig()\nDqnConfig.n_step = 1",
     "DqnConfig.replay = @ReplayConfig()\nDqnConfig.n_step = 3", None),
    ("PrioritizedReplay.initial_beta = 0.4",
     "PrioritizedReplay.initial_beta = 0.5", None),
  ],
)  # fmt: skip
def test_what_checkpoints_depend_on_stays(tmp_path, before, after, what):
  folder = run_folder.RunFolder(tmp_path)
  folder.run_record.write_text('{"starts": []}')
  seed = "Experiment.seed = 0\n"
  folder.config.write_text(f"{seed}{before}\n")
  change = lambda: resume.changes(
    folder, f"{seed}{after}\n", allow_changes=True
  )
  if what is None:
    assert len(change()) == 1
    return
  with pytest.raises(errors.UserError) as raised:
    change()
  assert str(raised.value) == (
    f"{tmp_path} has begun with {what}; expected the same, another --root_dir, "
    "or --overwrite"
  )


@pytest.mark.parametrize("allow_changes", [False, True])
def test_the_number_of_learners_stays(tmp_path, allow_changes):
  folder = run_folder.RunFolder(tmp_path)
  folder.run_record.write_text('{"starts": []}')
  seed, number = "Experiment.seed = 0\n", "TrainingConfig.num_learners = "
  folder.config.write_text(f"{seed}{number}2\n")
  with pytest.raises(errors.UserError, match="with other learners .*: 2 -> 1"):
    resume.changes(folder, f"{seed}{number}1\n", allow_changes=allow_changes)
  folder.config.write_text(seed)  # an earlier version's: there was one
  resume.changes(folder, f"{seed}{number}1\n", allow_changes=allow_changes)
  with pytest.raises(errors.UserError, match="with other learners"):
    resume.changes(folder, f"{seed}{number}2\n", allow_changes=allow_changes)
