"""TensorFlow without its log lines."""

import os
import subprocess
import sys
import warnings

import pytest
import tensorflow as tf
from absl import logging as absl_logging

from agents_pipeline.runs import quiet

FIRST_USE = """
import warnings
import agents_pipeline
filters = list(warnings.filters)
assert agents_pipeline.Policy.__name__ == "Policy"
assert {"Policy", "Run", "train"} <= set(dir(agents_pipeline))
warnings.warn("of the user")
"""


def run(program, **environ):
  return subprocess.run(
    [sys.executable, "-c", program],
    capture_output=True,
    text=True,
    env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "0"} | environ,
    timeout=120,
  )


@pytest.mark.slow
def test_the_first_use_of_a_public_name_prints_nothing():
  done = run(FIRST_USE)
  lines = done.stderr.splitlines()
  assert done.returncode == 0, done.stderr
  assert "UserWarning: of the user" in lines[0] and len(lines) <= 2
  # Flags that would end the process are an exception instead.
  done = run(FIRST_USE, XLA_FLAGS="--xla_none_such=1")
  assert done.returncode == 1
  assert "does not know --xla_none_such=1" in done.stderr.splitlines()[-1]


def test_what_is_printed_shows_where_an_import_fails(capfd):
  with pytest.raises(RuntimeError), quiet.imports():
    os.write(2, b"why\n")
    raise RuntimeError
  assert capfd.readouterr().err.endswith("why\n")
  with quiet.imports():
    os.write(2, b"noise\n")
  assert capfd.readouterr().err == ""


def test_logs_and_warnings_are_hidden_for_a_while():
  absl_logging.set_verbosity(absl_logging.INFO)
  logger = tf.get_logger()
  before = logger.level
  logger.setLevel("INFO")
  try:
    with warnings.catch_warnings(record=True) as caught:
      warnings.simplefilter("always")
      with quiet.logs_hidden():
        assert absl_logging.get_verbosity() == absl_logging.ERROR
        assert logger.level == 40  # of the module `logging`
        warnings.warn("of TensorFlow", stacklevel=1)
      assert not caught
      warnings.warn("of the user", stacklevel=1)
      assert len(caught) == 1
    assert absl_logging.get_verbosity() == absl_logging.INFO
    assert logger.level == 20
  finally:
    logger.setLevel(before)
    absl_logging.set_verbosity(absl_logging.WARNING)
