"""Which device runs: chosen once, before anything is placed."""

import contextlib
import os

import tensorflow as tf

from agents_pipeline import errors

_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"
# Operations of a matrix product from which threads pay: for the kernels of a
# program, each on a thread of its own, and for the one product.
_SHARED_KERNELS = 500_000
_SHARED_PRODUCT = 100_000_000


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


def choose_threads(largest_product: int, *, enters_python: bool) -> None:
  """Lets TensorFlow and XLA use as many threads on the CPU as pay.

  What takes microseconds is shared out at a loss, and waking a thread takes
  longer still. Below half a million operations of the largest product:

  * one thread for XLA's kernels: DQN with a batch of 64 and 100 units is as fast
    on two idle cores, and twice as fast where the other core is busy;
  * one thread between operations of a graph around Python environments: 1.25
    times as fast.

  Below a hundred million one thread computes a product, and two threads may
  compute two: A2C's update of two 64-64 networks is 1.7 times as fast as with
  shared products, and 1.15 times as fast as on one thread.

  TensorFlow takes these once for a process, when it first computes; what a
  person has set in the environment stays.

  Args:
    largest_product: operations of one train step's largest matrix product.
    enters_python: the environments are in Python, and nothing else has to go on
      while they are stepped.
  """
  if largest_product < _SHARED_PRODUCT:
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_cpu_multi_thread_eigen" not in flags:
      os.environ["XLA_FLAGS"] = f"{flags} {_ONE_THREAD}".strip()
  threading = tf.config.threading
  with contextlib.suppress(RuntimeError):  # TensorFlow has begun to compute
    if largest_product < _SHARED_KERNELS and _is_free("TF_NUM_INTRAOP_THREADS"):
      threading.set_intra_op_parallelism_threads(1)
    if (
      enters_python
      and largest_product < _SHARED_PRODUCT
      and _is_free("TF_NUM_INTEROP_THREADS")
    ):
      threading.set_inter_op_parallelism_threads(1)


def _is_free(variable: str) -> bool:
  return not os.environ.get(variable)
