"""Metrics, their writers, progress, run.json and checkpoints."""

import json

import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.records import (
  checkpoints,
  metrics,
  progress,
  run_record,
  writers,
)

COLUMNS = metrics.columns(("loss", "epsilon"))


def row(env_steps, **values):
  return metrics.row(COLUMNS, env_steps=env_steps, **values)


def test_csv_holds_what_was_written(tmp_path):
  path = tmp_path / "metrics.csv"
  writer = writers.CsvWriter(path, COLUMNS)
  writer.write(row(100, loss=0.12345678, train_steps=7))
  writer.close()
  header, line = path.read_text().splitlines()
  assert header == ",".join(COLUMNS)
  assert line == "100,7,,,,0.123457,,,,,"
  (read,) = writers.read(path)
  assert (read["env_steps"], read["loss"]) == (100, 0.123457)
  assert read["episode_return"] is None


def test_a_resumed_csv_drops_what_came_after_the_checkpoint(tmp_path):
  path = tmp_path / "metrics.csv"
  writer = writers.CsvWriter(path, COLUMNS)
  for env_steps in (100, 200, 300):
    writer.write(row(env_steps, loss=0.5))
  writer.close()
  before = path.read_text()
  path.write_text(before + "400,12,")  # cut off while writing
  writer = writers.CsvWriter(path, COLUMNS, after_env_steps=200)
  writer.write(row(300, loss=0.5))
  writer.close()
  assert path.read_text() == before


def test_tensorboard_gets_the_same_scalars(tmp_path):
  writer = writers.TensorBoardWriter(tmp_path)
  writer.write(row(100, loss=0.25, epsilon=None))
  writer.close()
  (file,) = tmp_path.glob("events.out.tfevents.*")
  found = {
    value.tag: (event.step, float(tf.make_ndarray(value.tensor)))
    for event in tf.compat.v1.train.summary_iterator(str(file))
    for value in event.summary.value
  }
  assert found == {"loss": (100, 0.25)}


def test_a_name_that_is_no_column_is_refused():
  with pytest.raises(KeyError, match="los"):
    row(1, los=2)


def test_without_a_terminal_progress_is_plain_lines(capsys, monkeypatch):
  monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
  shown = progress.Progress(
    "env_steps",
    1000,
    0,
    {"return": "episode_return", "eval": "evaluation_return"},
  )
  shown.write(row(100))  # too soon after the start
  shown.write(row(500, evaluation_return=12.5, episode_return=3.0))
  shown.write(row(1000))
  shown.close()
  lines = capsys.readouterr().err.splitlines()
  assert len(lines) == 2
  assert lines[0].strip().startswith("500 of 1,000 env steps")
  assert lines[0].endswith("return 3.0, eval 12.5")
  assert all(len(line) < 80 and "\r" not in line for line in lines)


def test_run_json_tells_each_start_and_the_end(tmp_path):
  path = tmp_path / "run.json"
  run_record.RunRecord(path, seed=3, device="cpu").end("stopped")
  run_record.RunRecord(path, seed=3, device="cpu").end(
    "finished", mean_return=500.0
  )
  told = json.loads(path.read_text())
  assert (told["seed"], told["outcome"], told["mean_return"]) == (
    3,
    "finished",
    500.0,
  )
  assert len(told["starts"]) == 2
  assert told["ended"] >= told["starts"][1]
  assert told["packages"]["tensorflow"] == tf.__version__
  assert not list(tmp_path.glob("*.partial"))


def test_a_checkpoint_restores_and_keeps_the_one_before(tmp_path):
  number = tf.Variable(0)
  keeper = checkpoints.Checkpoints(tmp_path, {"number": number})
  assert not keeper.restore()
  for env_steps in (10, 20, 30):
    number.assign(env_steps)
    keeper.save(env_steps)
  assert sorted(p.name for p in tmp_path.glob("*.index")) == [
    "env_steps-20.index",
    "env_steps-30.index",
  ]
  number.assign(-1)
  again = checkpoints.Checkpoints(tmp_path, {"number": number})
  assert again.restore()
  assert int(number) == 30
  assert again.restore(str(tmp_path / "env_steps-20"))
  assert int(number) == 20


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path):
  checkpoints.Checkpoints(tmp_path, {"a": tf.Variable(0)}).save(1)
  for objects in (
    {"a": tf.Variable(0), "b": tf.Variable(0)},
    {"a": tf.Variable([0, 0])},
  ):
    with pytest.raises(errors.UserError, match="does not fit") as caught:
      checkpoints.Checkpoints(tmp_path, objects).restore()
    assert "\n" not in str(caught.value)


def test_a_part_of_a_checkpoint_can_be_restored(tmp_path):
  keeper = checkpoints.Checkpoints(
    tmp_path, {"a": tf.Variable(5), "b": tf.Variable(6)}
  )
  keeper.save(1)
  part = tf.Variable(0)
  checkpoints.restore_part(keeper.latest, {"b": part})
  assert int(part) == 6
  with pytest.raises(errors.UserError, match="cannot be restored"):
    checkpoints.restore_part(str(tmp_path / "none-1"), {"b": part})
