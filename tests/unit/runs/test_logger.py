"""The logger, which feeds the sinks."""

import pytest
import small_runs

from agents_pipeline import errors
from agents_pipeline.runs.sinks import sink


class Recorder(sink.Sink):
  """A sink that remembers its calls."""

  def __init__(self):
    self.calls = []

  def write(self, entry):
    self.calls.append(("write", entry.metrics["env_steps"]))

  def flush(self):
    self.calls.append("flush")

  def saved(self):
    self.calls.append("saved")

  def end_training(self):
    self.calls.append("end of training")

  def finish(self, results):
    self.calls.append(("finish", results["env_steps"]))

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
  saved = lambda env_steps: [("write", env_steps), "flush", "saved"]
  end = lambda env_steps: [
    "end of training", ("finish", env_steps), ("close", False),
  ]  # fmt: skip
  assert recorder.calls == [
    ("write", 0), ("write", 50), *saved(100), *saved(200), *saved(300),
    *end(300),
  ]  # fmt: skip
  recorder.calls.clear()
  train("TrainingConfig.num_env_steps = 400")
  assert recorder.calls == [*saved(400), *end(400)]
  assert resumed == [None, 300]


def test_to_a_sink_a_stop_is_no_failure(make_experiment, tmp_path):
  recorder = Recorder()
  small_runs.train(
    make_experiment(),
    tmp_path,
    max_results=2,
    extra_sinks=[lambda *_: recorder],
  )
  assert recorder.calls[-2:] == ["end of training", ("close", False)]


def test_videos_are_part_of_the_next_entry_alone(make_experiment, tmp_path):
  entries = []

  class Films(sink.Sink):
    def write(self, entry):
      entries.append([path.name for path in entry.videos])

  outcome = small_runs.train(
    make_experiment("VideoConfig.period_episodes = 8"),
    tmp_path,
    extra_sinks=[lambda *_: Films()],
  )
  recorded = sorted(path.name for path in outcome.folder.videos.iterdir())
  logged = [name for names in entries for name in names]
  assert recorded and logged == recorded and entries[0] == []


def test_a_sink_is_told_of_a_failure(make_experiment, tmp_path):
  class Full(Recorder):
    def write(self, entry):
      raise errors.RunError("no space")

  full = Full()
  with pytest.raises(errors.RunError, match="no space"):
    small_runs.train(make_experiment(), tmp_path, extra_sinks=[lambda *_: full])
  assert full.calls == [("close", True)]
