"""What tests of faults share: a small run, and processes to run it in."""

import pytest
import small_runs
import starter


@pytest.fixture(scope="session")
def starting():
  """Starts processes."""
  started = starter.Starter()
  yield started
  started.close()


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
