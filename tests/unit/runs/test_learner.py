"""Which learner a process is, and where it writes."""

import json

import pytest

from agents_pipeline import errors
from agents_pipeline.files import run_folder
from agents_pipeline.runs import learner


def environ(workers, index):
  task = {"type": "worker", "index": index}
  config = {"cluster": {"worker": workers}, "task": task}
  return {"TF_CONFIG": json.dumps(config)}


def test_a_process_reads_its_place_from_its_environment():
  workers = ["127.0.0.1:1001", "127.0.0.1:1002"]
  place = learner.place_of(environ(workers, 1), 2)
  assert place == learner.Place(1, workers)
  assert learner.place_of({}, 2) is None
  assert learner.place_of(environ(workers, 1), 1) is None


@pytest.mark.parametrize(
  "variables",
  [environ(["a:1"], 0), environ(["a:1", "b:1"], 2), {"TF_CONFIG": "x"}],
)
def test_another_place_is_the_users_error(variables):
  with pytest.raises(
    errors.UserError, match="TF_CONFIG=.* expected none, or 2"
  ):
    learner.place_of(variables, 2)


def test_the_first_learner_writes_the_run(tmp_path):
  folder = run_folder.RunFolder(tmp_path)
  assert learner.folder_of(folder, 0) is folder
  second = learner.folder_of(folder, 1)
  assert second.checkpoints == tmp_path / "learners/1/checkpoints"
