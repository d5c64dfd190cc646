"""What the ends of learners mean."""

import pytest
import small_runs

from agents_pipeline import errors
from agents_pipeline.config import gin_files
from agents_pipeline.files import run_folder
from agents_pipeline.runs import learner, learner_group, run_record


@pytest.mark.parametrize(
  "codes, is_over",
  [
    ({}, False),
    ({1: 0}, False),  # the first is still writing
    ({1: 143}, False),
    ({0: 0}, True),
    ({0: 143}, True),
    ({1: -9}, True),
    ({1: learner.LOST}, True),
    ({1: 2}, True),
  ],
)
def test_no_learner_goes_on_without_another(codes, is_over):
  assert learner_group._is_over(codes) == is_over


def test_a_failure_is_raised_and_a_death_is_not(tmp_path):
  folder = run_folder.RunFolder(tmp_path)
  folder.learners.mkdir()
  log = folder.learners / "1.log"
  log.write_text("begun\nerror: the environment raised\n")
  for codes in ({0: 75, 1: -9}, {0: 1, 1: -9}, {0: 143, 1: 143}, {}):
    learner_group._raise_failure(folder, codes)
  folder.run_record.touch()
  with pytest.raises(errors.RunError, match="^the environment raised$"):
    learner_group._raise_failure(folder, {0: 75, 1: 1})
  assert log.exists()
  folder.run_record.unlink()
  with pytest.raises(errors.UserError, match="^the environment raised$"):
    learner_group._raise_failure(folder, {0: 75, 1: 2})
  assert not log.exists()  # nothing has begun


@pytest.mark.parametrize(
  "codes, what",
  [
    ({0: 75, 1: -9}, "learner 1 of the run ended by signal 9"),
    ({1: 75}, "learner 1 of the run ended with code 75"),
  ],
)
def test_the_learner_that_died_is_named(codes, what):
  assert learner_group._what_died(codes) == what


def test_overwrite_ends_once_every_learner_has_begun_anew(
  tmp_path, monkeypatch
):
  """A learner that is killed at its start has left the old run as it was."""
  folder = run_folder.RunFolder(tmp_path)
  of_ranks = [learner.folder_of(folder, rank) for rank in (0, 1)]

  def begin(which, start):
    for one in which:
      one.root.mkdir(parents=True, exist_ok=True)
      run_record.write_json(one.run_record, {"starts": [start]})

  begin(of_ranks, "old")
  overwrites = []

  class Group:
    def __init__(self, *arguments):
      pass

    def train(self, launch):
      overwrites.append("--overwrite" in launch.flags)
      if len(overwrites) == 2:
        begin(of_ranks[:1], "new")
      if len(overwrites) == 3:
        begin(of_ranks, "newer")
      return {0: 0} if len(overwrites) == 4 else {1: -9}

  monkeypatch.setattr(learner_group, "_Group", Group)
  monkeypatch.setattr(learner_group, "_MOST_DEATHS", 9)
  monkeypatch.setattr(learner_group.connection, "connect", lambda address: None)
  assert learner_group.train(
    2, [], folder, address="", overwrite=True, report=print,
    stop_requested=lambda: False,
  )  # fmt: skip
  assert overwrites == [True, True, True, False]


def test_lines_are_shown_once_and_whole(tmp_path):
  log = tmp_path / "0.log"
  log.write_text("of an earlier start\n")
  lines = learner_group._Lines(log)
  assert lines.new() == []
  log.write_text("one\nerror: is raised\ntw")
  assert lines.new() == ["one"]
  log.write_text("one\nerror: is raised\ntwo\n")
  assert lines.new() == ["two"]
  assert lines.new() == []


def test_python_does_not_start_learners(tmp_path):
  bindings = [
    *small_runs.bindings("a2c"),
    "TrainingConfig.num_learners = 2",
  ]
  experiment = gin_files.load_experiment([], bindings)
  with pytest.raises(errors.UserError, match="expected the command"):
    small_runs.train(experiment, tmp_path / "run")
  assert not (tmp_path / "run").exists()
