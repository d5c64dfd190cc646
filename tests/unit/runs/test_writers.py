"""Metrics, their writers, and progress."""

import pytest
import tensorflow as tf

from agents_pipeline.runs import (
  metrics,
  progress,
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
