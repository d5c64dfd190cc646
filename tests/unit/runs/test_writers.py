"""Metrics, their writers, progress, run.json and checkpoints."""

import json

import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.runs import (
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
  assert line == "100,7,,,,0.123457,,,"
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
  writer = writers.CsvWriter(path, COLUMNS, until_env_steps=200)
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
  assert not list(tmp_path.glob(".partial-*"))


def save(keeper, env_steps):
  return keeper.save(checkpoints.About(env_steps, "config", {"loss": 0.5}))


def no_word(line):
  raise AssertionError(line)


def test_a_checkpoint_restores_and_keeps_the_one_before(tmp_path):
  number = tf.Variable(0)
  keeper = checkpoints.Checkpoints(tmp_path, {"number": number})
  assert keeper.restore(no_word) is None
  for env_steps in (8, 9, 10):  # 10 comes after 9
    number.assign(env_steps)
    assert save(keeper, env_steps) == tmp_path / f"env_steps-{env_steps}"
  names = ["env_steps-10", "env_steps-9"]
  assert sorted(p.name for p in tmp_path.iterdir()) == names
  number.assign(-1)
  again = checkpoints.Checkpoints(tmp_path, {"number": number})
  about = again.restore(no_word)
  assert (about.env_steps, about.config, about.metrics) == (
    10,
    "config",
    {"loss": 0.5},
  )
  assert about.packages["tensorflow"] == tf.__version__
  assert int(number) == 10
  checkpoints.use(
    tmp_path / "env_steps-9",
    lambda path, about: checkpoints.restore_part(
      path, about, {"number": number}
    ),
  )
  assert int(number) == 9


def test_tensorflow_reads_a_checkpoint_by_its_folder(tmp_path):
  number = tf.Variable(7)
  folder = save(checkpoints.Checkpoints(tmp_path, {"number": number}), 1)
  number.assign(0)
  newest = tf.train.latest_checkpoint(str(folder))
  tf.train.Checkpoint(number=number).read(newest).assert_consumed()
  assert int(number) == 7


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path):
  save(checkpoints.Checkpoints(tmp_path, {"a": tf.Variable(0)}), 1)
  for objects in (
    {"a": tf.Variable(0), "b": tf.Variable(0)},
    {"a": tf.Variable([0, 0])},
  ):
    with pytest.raises(errors.UserError, match="does not fit") as caught:
      checkpoints.Checkpoints(tmp_path, objects).restore(no_word)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_another_format_is_refused(tmp_path):
  number = tf.Variable(0)
  keeper = checkpoints.Checkpoints(tmp_path, {"number": number})
  keeper.save(
    checkpoints.About(1, "", {}, {"agents_pipeline": "9.8"}, format=99)
  )
  with pytest.raises(errors.UserError) as caught:
    keeper.restore(no_word)
  assert str(caught.value) == (
    f"{tmp_path}/env_steps-1 has format 99, of agents_pipeline 9.8; expected "
    f"format {checkpoints.FORMAT}: go on with that version, or begin anew with "
    "--overwrite"
  )


def test_a_part_of_a_checkpoint_can_be_restored(tmp_path):
  folder = save(
    checkpoints.Checkpoints(
      tmp_path, {"a": tf.Variable(5), "b": tf.Variable(6)}
    ),
    1,
  )
  part = tf.Variable(0)
  restore = lambda path, about: checkpoints.restore_part(
    path, about, {"b": part}
  )
  checkpoints.use(folder, restore)
  assert int(part) == 6
  with pytest.raises(errors.UserError, match="is damaged: .*No such file"):
    checkpoints.use(tmp_path / "env_steps-2", restore)
