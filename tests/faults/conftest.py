"""What tests of faults share: a small run, and processes to run it in."""

import pytest
import small_runs


@pytest.fixture(autouse=True)
def quicker(iterations_as_graphs):
  """No test of faults needs XLA in this process."""


@pytest.fixture
def train_flags():
  """The flags of `train` for a small run; bindings change it."""
  return lambda root, *bindings: small_runs.flags(
    root, [*small_runs.bindings(), *bindings]
  )


@pytest.fixture
def train(tmp_path):
  """Trains into a folder, without the final stage; returns printed lines."""

  def run(experiment, name, **fields):
    return small_runs.train(experiment, tmp_path / name, **fields).printed

  return run


@pytest.fixture
def train_apart(starting, tmp_path):
  """Like `train`, in a process of its own, as each start of a run has."""

  def run(experiment, name, **fields):
    return starting.train(experiment, tmp_path / name, **fields).printed

  return run
