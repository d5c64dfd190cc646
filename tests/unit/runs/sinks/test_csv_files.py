"""CSV files: what is written, and what of it a resumed run keeps."""

from agents_pipeline.files import tables
from agents_pipeline.runs import metrics
from agents_pipeline.runs.sinks import (
  csv_files,
  sink,
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
  (read,) = tables.read(path)
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
