"""Sinks: CSV files, TensorBoard, progress; and the logger that feeds them."""

import pytest
import small_runs
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.runs import metrics
from agents_pipeline.runs.sinks import (
  csv_files,
  progress_bar,
  sink,
  tensorboard,
)

COLUMNS = metrics.columns(("loss", "epsilon"))


def entry(env_steps, **values):
  return sink.LogEntry(metrics.row(COLUMNS, env_steps=env_steps, **values))


def open_csv(path, resumed_at=None):
  return csv_files.CsvSink(
    path, COLUMNS, lambda entry: [entry.metrics], resumed_at
  )


def test_csv_holds_what_was_written(tmp_path):
  path = tmp_path / "metrics.csv"
  table = open_csv(path)
  table.write(entry(100, loss=0.12345678, train_steps=7))
  table.close()
  header, line = path.read_text().splitlines()
  assert header == ",".join(COLUMNS)
  assert line == "100,7,,,,0.123457,,,"
  (read,) = csv_files.read(path)
  assert (read["env_steps"], read["loss"]) == (100, 0.123457)
  assert read["episode_return"] is None


def test_a_resumed_csv_drops_rows_after_the_checkpoint(tmp_path):
  path = tmp_path / "metrics.csv"
  table = open_csv(path)
  for env_steps in (100, 200, 300):
    table.write(entry(env_steps, loss=0.5))
  table.close()
  before = path.read_text()
  path.write_text(before + "400,12,")  # cut short by a kill
  table = open_csv(path, resumed_at=200)
  table.write(entry(300, loss=0.5))
  table.close()
  assert path.read_text() == before


def test_tensorboard_gets_the_same_scalars(tmp_path):
  events = tensorboard.TensorBoardSink(tmp_path)
  row = entry(100, loss=0.25, epsilon=None).metrics
  timing = {"env_steps": 100, "env_steps_per_second": 8.0}
  events.write(sink.LogEntry(row, timing))
  events.close()
  assert row["env_steps"] == 100  # others get the same entry
  (file,) = tmp_path.glob("events.out.tfevents.*")
  found = {
    value.tag: (event.step, float(tf.make_ndarray(value.tensor)))
    for event in tf.compat.v1.train.summary_iterator(str(file))
    for value in event.summary.value
  }
  assert found == {"loss": (100, 0.25), "env_steps_per_second": (100, 8.0)}


def test_unknown_columns_are_refused():
  with pytest.raises(KeyError, match="los"):
    entry(1, los=2)


def test_without_a_terminal_progress_is_plain_lines(capsys, monkeypatch):
  monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
  progress = progress_bar.ProgressBar(
    "env_steps",
    1000,
    0,
    {"return": "episode_return", "eval": "evaluation_return"},
  )
  progress.write(entry(100))  # too soon after the start
  progress.write(entry(500, evaluation_return=12.5, episode_return=3.0))
  progress.write(entry(1000))
  progress.close()
  lines = capsys.readouterr().err.splitlines()
  assert len(lines) == 2
  assert lines[0].strip().startswith("500 of 1,000 env steps")
  assert lines[0].endswith("return 3.0, eval 12.5")
  assert all(len(line) < 80 and "\r" not in line for line in lines)


class Recorder:
  """A sink that remembers its calls."""

  def __init__(self):
    self.calls = []

  def write(self, entry):
    self.calls.append(("write", entry.metrics["env_steps"]))

  def flush(self):
    self.calls.append("flush")

  def close(self, *, failed):
    self.calls.append(("close", failed))


def test_a_sink_gets_every_result_before_its_checkpoint(
  make_experiment, tmp_path
):
  recorder, resumed = Recorder(), []

  def open_recorder(run, resumed_at):
    resumed.append(resumed_at)
    return recorder

  def train(*bindings):
    small_runs.train(
      make_experiment(*bindings), tmp_path, extra_sinks=[open_recorder]
    )

  train()
  saved = lambda env_steps: [("write", env_steps), "flush"]
  assert recorder.calls == [
    ("write", 0), ("write", 50), *saved(100), *saved(200), *saved(300),
    ("close", False),
  ]  # fmt: skip
  recorder.calls.clear()
  train("TrainingConfig.num_env_steps = 400")
  assert recorder.calls == [*saved(400), ("close", False)]
  assert resumed == [None, 300]


def test_a_sink_is_told_of_a_failure(make_experiment, tmp_path):
  class Full(Recorder):
    def write(self, entry):
      raise errors.RunError("no space")

  full = Full()
  with pytest.raises(errors.RunError, match="no space"):
    small_runs.train(make_experiment(), tmp_path, extra_sinks=[lambda *_: full])
  assert full.calls == [("close", True)]
