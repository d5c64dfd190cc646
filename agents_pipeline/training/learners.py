"""The learners of a run, each a process with its share of the environments.

They are the workers of `tf.distribute.MultiWorkerMirroredStrategy`, of which
only the sum over all of them is used: of gradients inside a graph, and between
two calls of what has to be the same for all. A learner alone needs none of it.
"""

import concurrent.futures
import contextlib
import ipaddress
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import psutil
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.training import episode_statistics

# What TensorFlow raises where a learner, or the way to it, is gone.
_LOST = (
  tf.errors.UnavailableError,
  tf.errors.AbortedError,
  tf.errors.CancelledError,
  tf.errors.DeadlineExceededError,
)
_LOOPBACK = b"lo"
_POLL_SECONDS = 0.01


class Learners:
  """The learners of a run, of which this process is one.

  Every learner calls the same methods in the same order; each method returns
  the same to all learners.

  Attributes:
    rank: the number of this learner; the first, 0, writes what the run writes.
    num_learners: the number of learners.
  """

  def __init__(
    self, rank: int = 0, strategy: tf.distribute.Strategy | None = None
  ):
    """Wraps a strategy.

    Args:
      rank: the number of this learner.
      strategy: the strategy that sums over all learners; None where there is
        only one.
    """
    self.rank = rank
    self._strategy = strategy
    self.num_learners = strategy.num_replicas_in_sync if strategy else 1
    self._sum_now = tf.function(self.sum, autograph=False)

  def sum(self, x: tf.Tensor) -> tf.Tensor:
    """The sum of a tensor, of one shape, over all learners. Not inside XLA."""
    # A sum of nothing would end the process, by a segmentation fault.
    if self._strategy is None or x.shape.num_elements() == 0:
      return x
    # `run` makes x this learner's own value. `reduce` would take a plain tensor
    # for one that is already the same in every learner.
    value = self._strategy.run(tf.identity, (x,))
    return self._strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)

  def all_gather(self, row: Sequence[int]) -> np.ndarray:
    """Rows [L, N] int64: the row [N] of every learner, by rank."""
    rows = np.zeros((self.num_learners, len(row)), np.int64)
    rows[self.rank] = row
    if self._strategy is None:
      return rows
    with _explained():
      return self._sum_now(tf.constant(rows)).numpy()

  def any(self, which: bool) -> bool:
    """Whether `which` is true in any learner."""
    return bool(self.all_gather([which]).any())

  def least(self, number: int) -> int:
    """The least of the learners' numbers."""
    return int(self.all_gather([number]).min())

  def barrier(self) -> None:
    """Returns when all learners have called it."""
    self.all_gather([0])

  def common(self, numbers: Sequence[int]) -> list[int]:
    """The numbers that every learner has, in the order of this one's."""
    everybodys = self._rows(np.array(numbers, np.int64).reshape(-1, 1))
    return [
      number for number in numbers if all(number in own for own in everybodys)
    ]

  def gather(
    self, episodes: episode_statistics.Episodes
  ) -> episode_statistics.Episodes:
    """The episodes of all learners, in the order of their ends."""
    if self._strategy is None:
      return episodes
    rows = np.concatenate(self._rows(episodes.to_rows()))
    # Stable: episodes that end at the same step stay in the order of their
    # environments, as the first learner has the first of these.
    order = np.argsort(rows[:, 0], kind="stable")
    return episode_statistics.Episodes.from_rows(rows[order])

  def _rows(self, own: np.ndarray) -> list[np.ndarray]:
    """The rows [N, C] int64 of every learner, whose numbers N may differ."""
    counts = self.all_gather([len(own)])[:, 0]
    padded = np.zeros((counts.max(), own.shape[1]), np.int64)
    padded[: len(own)] = own
    rows = self.all_gather(padded.ravel()).reshape(len(counts), *padded.shape)
    return [of[:count] for of, count in zip(rows, counts, strict=True)]

  def guarded(self, call: Callable) -> Callable:
    """A compiled call that says in one line that a learner is gone."""
    if self._strategy is None:
      return call

    def explained_call(*args):
      with _explained():
        return call(*args)

    return explained_call


@contextlib.contextmanager
def _explained() -> Iterator[None]:
  """Turns what TensorFlow raises where a learner is gone into LearnerLost."""
  try:
    yield
  except _LOST as error:
    raise errors.LearnerLost("another learner of this run ended") from error


ALONE = Learners()


def connect(addresses: Sequence[str], rank: int) -> Learners:
  """Connects to the other learners; returns when all are there.

  Call it in the main thread, before TensorFlow computes anything, and after its
  threads are chosen. Where all learners are on this machine, TensorFlow's
  server, which listens on every interface and asks for no password, is bound to
  the loopback.

  Args:
    addresses: 'host:port' of every learner.
    rank: the number of this learner.

  Raises:
    LearnerLost: another learner did not come.
    RunError: the server cannot be bound.
  """
  resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
    tf.train.ClusterSpec({"worker": list(addresses)}),
    task_type="worker",
    task_id=rank,
    rpc_layer="grpc",
  )
  with contextlib.ExitStack() as at_the_end:
    # TensorFlow's coordination service replaces SIGTERM's handler, to announce
    # preemptions: put ours back at the end.
    at_the_end.callback(
      signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM)
    )
    if all(map(_is_loopback, addresses)):
      port = int(addresses[rank].rpartition(":")[2])
      at_the_end.enter_context(_bound_to_loopback(port))
    try:
      strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except (*_LOST, tf.errors.UnknownError) as error:  # or its port is taken
      raise errors.LearnerLost("another learner did not come") from error
  return Learners(rank, strategy)


def _is_loopback(address: str) -> bool:
  host = address.rpartition(":")[0]
  try:
    return ipaddress.ip_address(host).is_loopback
  except ValueError:  # a name
    return host == "localhost"


@contextlib.contextmanager
def _bound_to_loopback(port: int) -> Iterator[None]:
  """Binds a server that is started in the block, as soon as it listens.

  TensorFlow has no setting for it: `GrpcServer::Init` says 0.0.0.0.

  Raises:
    RunError: the server cannot be bound.
  """
  given_up = threading.Event()
  with concurrent.futures.ThreadPoolExecutor(1) as pool:
    bound = pool.submit(_bind_to_loopback, port, given_up)
    try:
      yield
    except BaseException:
      given_up.set()  # it may never listen
      raise
    bound.result()


def _bind_to_loopback(port: int, given_up: threading.Event) -> None:
  """Binds this process's server on a port; see `_bound_to_loopback`."""
  while not given_up.is_set():
    for one in psutil.Process().net_connections("inet"):
      if one.status == psutil.CONN_LISTEN and one.laddr.port == port:
        with socket.socket(fileno=os.dup(one.fd)) as listening:
          try:
            listening.setsockopt(
              socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _LOOPBACK
            )
          except (AttributeError, OSError) as error:
            raise errors.RunError(
              f"TensorFlow's server cannot be bound to the loopback ({error}); "
              "expected Linux, from version 5.7 on"
            ) from None
        return
    time.sleep(_POLL_SECONDS)
