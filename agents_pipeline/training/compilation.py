"""Which device, how many threads, and what XLA compiles."""

import contextlib
import os
from collections.abc import Callable

import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.training import compiler_flags

_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"
# Operations of a matrix product from which threads pay.
SHARED_PRODUCT = 100_000_000


def choose_device(
  wanted: str,
  *,
  benefits_from_gpu: bool = False,
  report: Callable[[str], None] = lambda line: None,
) -> str:
  """Makes one kind of device the only one that TensorFlow uses.

  Args:
    wanted: 'auto', 'cpu' or 'gpu'. 'auto' is the GPU where there is one and it
      pays.
    benefits_from_gpu: the networks are large enough for it.
    report: gets a line where 'auto' does not use a GPU.

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
  if wanted == "auto" and gpus and not benefits_from_gpu:
    report(
      "using the CPU: networks this small run slower on a GPU; --device=gpu "
      "uses it all the same"
    )
  if wanted == "cpu" or (wanted == "auto" and not (gpus and benefits_from_gpu)):
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
  """Gives TensorFlow and XLA one thread on the CPU, where more do not pay.

  What takes microseconds is shared out at a loss, and waking a thread takes
  longer still. Measured on two cores, with one thread in place of two:

  * A matrix product: A2C's update of two 64-64 networks is 1.7 times as fast.
  * XLA's kernels: where both cores are idle, DQN with a batch of 64 and 100
    units is as fast, and with a batch of 128 and two layers of 128 it takes
    1.15 times as long; where anything else runs, it is 1.3 to 2 times as fast.
  * A graph around Python environments, which waits for them and for nothing
    else: 1.2 to 1.3 times as fast.

  TensorFlow takes these once for a process, when it first computes. What a
  user has set in the environment stays: TF_NUM_INTRAOP_THREADS=2.

  Args:
    largest_product: operations of one train step's largest matrix product.
    enters_python: the environments are in Python, and nothing else has to go on
      while they are stepped.
  """
  if largest_product >= SHARED_PRODUCT:
    return
  flags = compiler_flags.read("XLA_FLAGS")
  if "xla_cpu_multi_thread_eigen" not in flags:
    os.environ["XLA_FLAGS"] = f"{flags} {_ONE_THREAD}".strip()
  threading = tf.config.threading
  with contextlib.suppress(RuntimeError):  # TensorFlow has begun to compute
    if _is_free("TF_NUM_INTRAOP_THREADS"):
      threading.set_intra_op_parallelism_threads(1)
    if enters_python and _is_free("TF_NUM_INTEROP_THREADS"):
      threading.set_inter_op_parallelism_threads(1)


def _is_free(variable: str) -> bool:
  return not os.environ.get(variable)


def xla_trains(conv_layers: tuple) -> bool:
  """Whether train steps around Python environments go through XLA.

  Not with convolutions: XLA's gradients of them take eight times TensorFlow's
  on the CPU (docs/decisions/0007).
  """
  return not conv_layers


def acting_is_cheaper_than_a_branch(conv_layers: tuple) -> bool:
  """Whether the network is asked also while every action is random."""
  return not conv_layers
