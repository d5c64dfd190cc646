"""Loops that the processes of a benchmark can build in the tests."""

import os
import sys
import time


class Constant:
  """Reaches the rate that it is given."""

  def __init__(self, rate):
    self._rate = rate

  def run(self, num_env_steps):
    time.sleep(num_env_steps / self._rate)
    return self._rate


class ProcessId:
  """Its rate is the number of its process."""

  def __init__(self):
    print("built with log level", os.environ["TF_CPP_MIN_LOG_LEVEL"])
    sys.stdout.flush()

  def run(self, num_env_steps):
    return os.getpid()


class ModulesBefore:
  """Its rate is 1 where TensorFlow was imported before it."""

  def run(self, num_env_steps):
    return "tensorflow" in sys.modules


class NotInstalled:
  def __init__(self):
    import no_such_package  # noqa: F401


class Raises:
  def run(self, num_env_steps):
    raise ValueError("first line\nsecond line")


class Dies:
  def run(self, num_env_steps):
    os._exit(3)


class Hangs:
  def run(self, num_env_steps):
    time.sleep(1_000)
