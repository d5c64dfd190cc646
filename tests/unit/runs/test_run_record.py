"""run.json."""

import json

import tensorflow as tf

from agents_pipeline.runs import run_record


def test_run_json_lists_each_start_and_the_end(tmp_path):
  path = tmp_path / "run.json"
  run_record.RunRecord(path, seed=3, device="cpu").end("stopped")
  run_record.RunRecord(path, seed=3, device="cpu").end(
    "finished", mean_return=500.0
  )
  content = json.loads(path.read_text())
  assert (content["seed"], content["outcome"], content["mean_return"]) == (
    3,
    "finished",
    500.0,
  )
  assert len(content["starts"]) == 2
  assert content["ended"] >= content["starts"][1]
  assert content["packages"]["tensorflow"] == tf.__version__
  assert not list(tmp_path.glob(".partial-*"))


def test_a_change_of_a_start_that_saved_nothing_is_dropped(tmp_path):
  path = tmp_path / "run.json"
  changes = lambda: json.loads(path.read_text())["changes"]
  first = {"env_steps": 50, "settings": ["DqnConfig.n_step: 1 -> 3"]}
  record = run_record.RunRecord(path, seed=3, device="cpu")
  record.add_changes(50, first["settings"])
  record.add_changes(100, ["DqnConfig.gamma: 0.9 -> 0.5"])
  assert len(changes()) == 2
  # Killed before the next checkpoint, it is resumed as it was before.
  record = run_record.RunRecord(path, seed=3, device="cpu")
  record.add_changes(100, [])
  assert changes() == [first]
