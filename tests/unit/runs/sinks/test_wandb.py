"""Weights & Biases for real, offline: what it writes, read back."""

import struct

import pytest
import small_runs

from agents_pipeline import errors
from agents_pipeline.files import tables

pytestmark = pytest.mark.slow
wandb = pytest.importorskip("wandb", reason="needs wandb: make tracking")

_BLOCK = 2**15  # of its file, which is a log of LevelDB's format
_HEADER = struct.Struct("<IHB")  # checksum, length, kind


def records(path):
  """The records of a .wandb file."""
  from wandb.proto import wandb_internal_pb2

  content, at, parts = path.read_bytes(), 7, []
  while at + _HEADER.size <= len(content):
    if _BLOCK - at % _BLOCK < _HEADER.size:  # too short for a record
      at += _BLOCK - at % _BLOCK
      continue
    _, length, kind = _HEADER.unpack_from(content, at)
    at += _HEADER.size
    parts.append(content[at : at + length])
    at += length
    if kind in (1, 4):  # whole, or the last part
      yield wandb_internal_pb2.Record.FromString(b"".join(parts))
      parts = []


def history(folder):
  """The ids of the run in all its starts, and its points by tag."""
  import json

  ids, points, summary = [], {}, {}
  for path in sorted(folder.root.glob("wandb/offline-run-*/*.wandb")):
    for record in records(path):
      if record.HasField("run"):
        ids.append((record.run.run_id, record.run.project))
      if record.HasField("summary"):
        for item in record.summary.update:
          key = item.key or "/".join(item.nested_key)
          summary[key] = json.loads(item.value_json)
      for item in record.history.item:
        key = item.key or "/".join(item.nested_key)
        step = record.history.step.num
        points.setdefault(key, []).append((step, json.loads(item.value_json)))
  return set(ids), points, summary


@pytest.fixture
def train(make_experiment, starting, tmp_path):
  def run(*bindings, **fields):
    experiment = make_experiment(
      "TrackingConfig.sinks = (@WandB(),)",
      "WandB.mode = 'offline'",
      "WandB.project = 'balance'",
      *bindings,
    )
    return starting.train(experiment, tmp_path / "run", **fields)

  return run


def test_a_run_that_is_resumed_is_one_run(train):
  train(max_results=2)
  outcome = train("VideoConfig.period_episodes = 8")
  ids, points, _ = history(outcome.folder)
  ((run_id, project),) = ids
  assert project == "balance" and len(run_id) == 12
  rows = tables.read(outcome.folder.metrics)
  for tag, column in (
    ("train/loss", "loss"), ("evaluation/return", "evaluation_return"),
    ("time/train_steps", "train_steps"), ("episodes/length", "episode_length"),
  ):  # fmt: skip
    assert points[tag] == [
      (row["env_steps"], pytest.approx(row[column], rel=1e-5))
      for row in rows
      if row[column] is not None
    ]
  starts = sorted(outcome.folder.root.glob("wandb/offline-run-*"))
  assert len(starts) == 2
  config = (starts[-1] / "files" / "config.gin").read_text()
  assert config == outcome.folder.config.read_text()
  videos = list(outcome.folder.videos.iterdir())
  found = list(
    outcome.folder.root.glob("wandb/offline-run-*/files/media/videos/**/*.mp4")
  )
  assert videos and len(found) == len(videos) == len(
    points["evaluation/video/_type"]
  )
  assert any("wandb sync" in line for line in outcome.printed)


def test_the_result_is_in_the_summary(make_experiment, tmp_path):
  outcome = small_runs.train(
    make_experiment(
      "TrackingConfig.sinks = (@WandB(),)", "WandB.mode = 'offline'"
    ),
    tmp_path / "run",
    finish=lambda run: {**run.counters(), "mean_return": 12.5},
  )
  _, _, summary = history(outcome.folder)
  assert summary["evaluation/final_return"] == 12.5


def test_who_is_not_logged_in_is_told_in_one_line(
  make_experiment, tmp_path, monkeypatch
):
  monkeypatch.delenv("WANDB_API_KEY", raising=False)
  monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
  monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
  monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
  experiment = make_experiment("TrackingConfig.sinks = (@WandB(),)")
  for key in (None, "x" * 40):
    if key:
      monkeypatch.setenv("WANDB_API_KEY", key)
    with pytest.raises(errors.UserError) as caught:
      small_runs.train(experiment, tmp_path / "run")
    message = str(caught.value)
    assert message.startswith(
      "WandB.mode = 'online': expected to be logged in to http://127.0.0.1:9 ("
    )
    assert "\n" not in message and "WandB.mode = 'offline'" in message
    assert not (tmp_path / "run").exists()


def test_another_project_gets_every_row(make_experiment, starting, tmp_path):
  for project, fields in (("one", {"max_results": 2}), ("other", {})):
    experiment = make_experiment(
      "TrackingConfig.sinks = (@WandB(),)",
      "WandB.mode = 'offline'",
      f"WandB.project = '{project}'",
    )
    outcome = starting.train(experiment, tmp_path / "run", **fields)
  ids, points, _ = history(outcome.folder)
  assert {project for _, project in ids} == {"one", "other"}
  steps = [step for step, _ in points["time/train_steps"]]
  assert steps == [0, 50, 100, 0, 50, 100, 200, 300]
