"""The logger, which feeds the sinks."""

import pytest
import small_runs

from agents_pipeline import errors


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
