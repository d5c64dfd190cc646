"""TensorFlow without its log lines, which would hide what a run prints."""

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator

import gin
from absl import logging as absl_logging

from agents_pipeline import errors
from agents_pipeline.environments import display


@contextlib.contextmanager
def imports() -> Iterator[None]:
  """Hides what TensorFlow prints while it is imported, unless that fails.

  TensorFlow's libraries write to file descriptor 2 before any setting of theirs
  takes effect, so the descriptor itself is redirected.

  Raises:
    UserError: this is the first import, and TensorFlow cannot start with the
      XLA flags that are set.
  """
  os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
  sys.stderr.flush()
  stderr = os.dup(2)
  with tempfile.TemporaryFile() as captured:
    os.dup2(captured.fileno(), 2)
    try:
      _import_tensorflow()
      # TF-Agents registers its classes with gin, which is locked once files are
      # parsed: they have been, so unlocking cannot bind anything. TF-Agents
      # also imports dm_control where that is installed, and with it a renderer
      # that may be incompatible with TensorFlow.
      with gin.unlock_config(), display.without_renderer():
        yield
    except errors.UserError:  # explains itself
      raise
    except BaseException:
      captured.seek(0)
      with contextlib.suppress(OSError):  # stderr may be closed
        os.write(stderr, captured.read())
      raise
    finally:
      sys.stderr.flush()
      os.dup2(stderr, 2)
      os.close(stderr)


def _import_tensorflow() -> None:
  is_first = "tensorflow" not in sys.modules
  import tensorflow as tf

  from agents_pipeline.training import compiler_flags

  if is_first:  # later, it cannot be forked
    compiler_flags.check()
  tf.config.list_physical_devices()


def hide_logs() -> None:
  """Hides warnings and log lines from here on. Imports TensorFlow."""
  import tensorflow as tf

  absl_logging.set_verbosity(absl_logging.ERROR)
  tf.get_logger().setLevel("ERROR")
  warnings.filterwarnings("ignore")


@contextlib.contextmanager
def logs_hidden() -> Iterator[None]:
  """Hides warnings and log lines; TensorFlow is imported."""
  import tensorflow as tf

  verbosity, level = absl_logging.get_verbosity(), tf.get_logger().level
  with warnings.catch_warnings():
    hide_logs()
    try:
      yield
    finally:
      absl_logging.set_verbosity(verbosity)
      tf.get_logger().setLevel(level)
