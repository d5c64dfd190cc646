"""What XLA compiles and how, and how many threads run it, by device."""

import contextlib
import os

import tensorflow as tf

from agents_pipeline.ops import gpu
from agents_pipeline.training import compiler_flags

_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"
# Operations of a matrix product from which on several threads are faster.
SHARED_PRODUCT = 100_000_000
_SMALL_NETWORK = 100_000  # weights
_LONG_RUN = 1_000_000  # env steps
_MAX_UNROLLED_STEPS = 16  # each is compiled by itself


def choose_threads(largest_product: int, *, enters_python: bool) -> None:
  """Gives TensorFlow and XLA one thread on the CPU, where more do not pay.

  Sharing work of a few microseconds between threads costs more than it saves,
  and waking a thread costs even more. Measured on two cores, one thread instead
  of two:

  * A matrix product: A2C's update of two 64-64 networks is 1.7 times as fast.
  * XLA's kernels: where both cores are idle, DQN with a batch of 64 and 100
    units is as fast, and with a batch of 128 and two layers of 128 it takes
    1.15 times as long; where anything else runs, it is 1.3 to 2 times as fast.
  * A graph around Python environments, which waits for them and for nothing
    else: 1.2 to 1.3 times as fast.

  TensorFlow takes these settings once for a process, when it first computes.
  What a user has set in the environment stays: TF_NUM_INTRAOP_THREADS=2.

  Args:
    largest_product: the number of operations of one train step's largest matrix
      product.
    enters_python: whether the environments are in Python, and nothing else has
      to go on while they are stepped.
  """
  if largest_product >= SHARED_PRODUCT or gpu.is_used():
    return
  compiler_flags.add(_ONE_THREAD)
  threading = tf.config.threading
  with contextlib.suppress(RuntimeError):  # TensorFlow has begun to compute
    if _is_free("TF_NUM_INTRAOP_THREADS"):
      threading.set_intra_op_parallelism_threads(1)
    if enters_python and _is_free("TF_NUM_INTEROP_THREADS"):
      threading.set_inter_op_parallelism_threads(1)


def _is_free(variable: str) -> bool:
  return not os.environ.get(variable)


def xla_trains(conv_layers: tuple | None) -> bool:
  """Whether train steps around Python environments go through XLA.

  With convolutions only on a GPU, where it makes them five times as fast. On
  the CPU, XLA's gradients of them take eight times TensorFlow's
  (docs/decisions/0007).
  """
  return gpu.is_used() or not conv_layers


def convolves_by_products() -> bool:
  """Whether convolutions that XLA trains are products of matrices.

  On the CPU, where that makes a train step of MinAtar's network five times as
  fast (docs/decisions/0027-convolutions-as-products.md). A GPU has cuDNN.
  """
  return not gpu.is_used()


def always_evaluates(conv_layers: tuple | None) -> bool:
  """Whether the network is evaluated even while every action is random.

  That is faster than a branch: on the CPU for networks without convolutions, on
  a GPU always, as a branch there takes as long as running several kernels.
  """
  return gpu.is_used() or not conv_layers


def always_assigns_target(num_weights: int) -> bool:
  """Whether every train step assigns the target network, without a branch.

  Until an update is due, it assigns the values that the target has.
  """
  return gpu.is_used() or num_weights <= _SMALL_NETWORK


def unrolls(num_steps: int) -> bool:
  """Whether the steps of a rollout are compiled one by one, not as a loop.

  On a GPU, a turn of a loop takes as long as running several kernels. On the
  CPU it takes no time.
  """
  return gpu.is_used() and num_steps <= _MAX_UNROLLED_STEPS


def iterations_per_turn(num_weights: int, num_env_steps: int) -> int:
  """The number of iterations of DQN that one turn of a compiled loop does.

  Measured with tensor environments. On a GPU, 4 do 1.3 to 1.6 times as many per
  second. On the CPU, 2 do 1.07 times as many, of small networks; they compile
  for a second longer, which takes a million env steps to come back.

  Args:
    num_weights: the number of weights of the network.
    num_env_steps: the env steps of the run.
  """
  if gpu.is_used():
    return 4
  is_small = num_weights <= _SMALL_NETWORK
  return 2 if is_small and num_env_steps >= _LONG_RUN else 1
