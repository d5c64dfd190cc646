"""Which device runs: chosen once, before anything is placed."""

import contextlib
import os
from collections.abc import Callable

import tensorflow as tf

from agents_pipeline import errors

_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"
# Operations of a matrix product from which threads pay: for the kernels of a
# program, each on a thread of its own, and for the one product.
_SHARED_KERNELS = 500_000
SHARED_PRODUCT = 100_000_000


def choose_device(
  wanted: str,
  *,
  gpu_pays: bool = False,
  say: Callable[[str], None] = lambda line: None,
) -> str:
  """Makes one kind of device the one that runs.

  Args:
    wanted: 'auto', 'cpu' or 'gpu'. 'auto' is the GPU where there is one and it
      pays.
    gpu_pays: the networks are large enough for it.
    say: is told why 'auto' leaves a GPU alone.

  Returns:
    'cpu' or 'gpu'.

  Raises:
    UserError: a GPU is asked for and TensorFlow sees none, or it is neither.
  """
  if wanted not in ("auto", "cpu", "gpu"):
    raise errors.UserError(
      f"device {wanted!r}: expected one of 'auto', 'cpu', 'gpu'"
    )
  gpus = tf.config.list_physical_devices("GPU")
  if wanted == "auto" and gpus and not gpu_pays:
    say(
      "on the CPU: a GPU would wait for each of the many small operations of "
      "networks this size; --device=gpu takes it all the same"
    )
  if wanted == "cpu" or (wanted == "auto" and not (gpus and gpu_pays)):
    tf.config.set_visible_devices([], "GPU")
    return "cpu"
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

  * one thread for XLA's kernels: DQN with a batch of 64 and 100 units is as
    fast on two idle cores, and twice as fast where the other core is busy;
  * one thread for all of a graph around Python environments, which waits for
    them and for nothing else: 1.2 to 1.3 times as fast. This holds further up.

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
  if largest_product < SHARED_PRODUCT:
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_cpu_multi_thread_eigen" not in flags:
      os.environ["XLA_FLAGS"] = f"{flags} {_ONE_THREAD}".strip()
  is_small = largest_product < _SHARED_KERNELS
  stays_in_one = enters_python and largest_product < SHARED_PRODUCT
  threading = tf.config.threading
  with contextlib.suppress(RuntimeError):  # TensorFlow has begun to compute
    if (is_small or stays_in_one) and _is_free("TF_NUM_INTRAOP_THREADS"):
      threading.set_intra_op_parallelism_threads(1)
    if stays_in_one and _is_free("TF_NUM_INTEROP_THREADS"):
      threading.set_inter_op_parallelism_threads(1)


def _is_free(variable: str) -> bool:
  return not os.environ.get(variable)
