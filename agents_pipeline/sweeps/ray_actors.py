"""Runs the trials of a sweep on the machines of a Ray cluster.

Each run has an actor, and in it a `train` process as on one machine. Ray starts
the actor again wherever there is room when its machine dies, and the run is
resumed from its folder, which all machines share.
"""

import ast
import dataclasses
import pathlib
import threading
import time
from collections.abc import Sequence
from typing import Any

from agents_pipeline import errors
from agents_pipeline.cluster import connection
from agents_pipeline.runs import train_process
from agents_pipeline.sweeps import planned, processes

_POLL_SECONDS = 0.2
_SECONDS_BETWEEN_STOPS = 1.0
_KILLED, _STOPPED = -9, 143
_VECTORIZATION = "EnvironmentConfig.vectorization"


class _Trainer:
  """Runs a `train` process in an actor's process, and waits for its end."""

  def __init__(self) -> None:
    self._wants_to_stop = False
    self._lock = threading.Lock()
    self._code: int | None = None

  def is_placed(self) -> bool:
    """True: answered as soon as Ray has found a place for the actor."""
    return True

  def train(self, run: planned.PlannedRun, launch: train_process.Launch) -> int:
    """Trains until the run ends or is stopped; returns the exit code.

    After a network failure, Ray may call this again while the first call still
    runs. The second call waits for the first, and returns the same exit code.

    Args:
      run: the run to train, or to resume.
      launch: how `train` is started, the same for all runs of a sweep.

    Raises:
      UserError: this machine does not share the folders or their locks.
    """
    with self._lock:
      if self._code is None:
        self._code = self._train(run, launch)
      return self._code

  def _train(
    self, run: planned.PlannedRun, launch: train_process.Launch
  ) -> int:
    train_process.prepare_worker(
      launch.cwd, launch.environ, locked=launch.folder
    )
    if not train_process.wait_until_unlocked(
      run.folder.root, lambda: self._wants_to_stop
    ):
      return _KILLED
    job = processes.Processes(launch.flags).start(run)
    is_stopped = False
    while (code := job.exit_code()) is None:
      if self._wants_to_stop and not is_stopped:
        is_stopped = True
        job.stop()
      time.sleep(_POLL_SECONDS)
    return code

  def stop(self) -> None:
    """Has the run save and end; safe to be called again."""
    self._wants_to_stop = True


class RayActors:
  """An `Executor` of `train` processes in Ray actors."""

  def __init__(
    self,
    flags: Sequence[str],
    sweep: pathlib.Path,
    address: str,
    vectorization: str,
  ):
    """Connects to the cluster.

    Args:
      flags: the flags of `train`, without --root_dir, --seed and what is
        varied. With --device=gpu, each run gets a GPU of its own.
      sweep: the folder of the sweep.
      address: the address of the cluster.
      vectorization: `EnvironmentConfig.vectorization`, unless it is varied.

    Raises:
      UserError: Ray is not installed, or there is no such cluster.
    """
    self._ray = connection.connect(address)
    self._launch = train_process.Launch.from_here(flags, sweep)
    self._address = f"--address={address}"
    self._vectorization = vectorization
    self._num_gpus = int("--device=gpu" in flags)

  def start(self, run: planned.PlannedRun) -> "_ActorJob":
    """Starts a run, or resumes it, as soon as there is a free CPU."""
    actor_class = self._ray.remote(_Trainer).options(
      num_cpus=1,
      num_gpus=self._num_gpus,
      max_restarts=-1,
      max_task_retries=-1,
      max_concurrency=4,  # `stop` is heard while it trains
      scheduling_strategy="SPREAD",
    )
    actor = actor_class.remote()
    launch, vectorization = self._launch, run.settings.get(_VECTORIZATION)
    if vectorization is None:
      vectorization = repr(self._vectorization)
    if ast.literal_eval(vectorization) == "ray":  # its environments too
      launch = dataclasses.replace(launch, flags=[*launch.flags, self._address])
    answer = actor.train.remote(run, launch)
    return _ActorJob(self._ray, actor, answer, run)


class _ActorJob:
  """A run in an actor; see `Job`."""

  def __init__(
    self, ray: Any, actor: Any, answer: Any, run: planned.PlannedRun
  ):
    self._ray = ray
    self._actor = actor
    self._answer = answer
    self._placed = actor.is_placed.remote()
    self._log = run.folder.root.with_suffix(".log")
    self._is_stopping = False
    self._next_stop = 0.0
    self._code: int | None = None
    self._reason = ""  # why no process trained

  def exit_code(self) -> int | None:
    """See `Job`.

    Raises:
      UserError: the machine of the actor does not share the sweep's folder.
    """
    if self._code is None and self._is_stopping:
      self._send_stop()
    if self._code is None and self._is_ready(self._answer):
      try:
        self._code = self._ray.get(self._answer)
      except self._ray.exceptions.RayTaskError as error:
        raise error.cause from None
      except self._ray.exceptions.RayError as error:
        self._code = _KILLED
        self._reason = f"Ray: {errors.first_line(error)}"
      self._ray.kill(self._actor)
    return self._code

  def stop(self) -> None:
    """See `Job`."""
    self._is_stopping = True
    if self._code is None and not self._is_ready(self._placed):
      self._ray.kill(self._actor)  # it has not begun
      self._code = _STOPPED
    if self._code is None:
      self._send_stop()

  def _send_stop(self) -> None:
    """Asks the run to stop, every second: Ray may have restarted the actor."""
    if time.monotonic() >= self._next_stop:
      self._next_stop = time.monotonic() + _SECONDS_BETWEEN_STOPS
      self._actor.stop.options(max_task_retries=0).remote()

  def last_line(self) -> str:
    """See `Job`."""
    return self._reason or train_process.last_line(self._log)

  def _is_ready(self, reference: Any) -> bool:
    return bool(self._ray.wait([reference], timeout=0)[0])
