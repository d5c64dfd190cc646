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
