"""Starts the learners of a run, and all of them again when one dies.

Each learner is a `train` process in a Ray actor. None can go on alone, because
every update sums the gradients of all. When one dies, all are started again and
resume from the newest checkpoint that every learner has.
"""

import contextlib
import dataclasses
import pathlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents_pipeline import errors
from agents_pipeline.cluster import connection
from agents_pipeline.files import lock, run_folder
from agents_pipeline.runs import learner, run_record, train_process

_FAILED, _WRONG_INPUT = 1, 2
_POLL_SECONDS = 0.2
_SECONDS_TO_FOLLOW = 5.0  # from the end of one learner to that of the others
_PRINTED_HERE_TOO = ("error: ", "stopping after this call")
_MOST_DEATHS = 4  # in a row, without a checkpoint between them


def train(
  num_learners: int,
  flags: Sequence[str],
  folder: run_folder.RunFolder,
  *,
  address: str,
  overwrite: bool,
  report: Callable[[str], None],
  stop_requested: Callable[[], bool],
) -> bool:
  """Trains by several learners, each with a share of the environments.

  Args:
    num_learners: the number of learners.
    flags: the flags of `train`, without --overwrite. With --device=gpu, each
      learner gets a GPU of its own.
    folder: the run folder, on a disk that all machines share.
    address: the address of the Ray cluster; '' starts Ray on this machine.
    overwrite: whether to start over and remove the run in the folder.
    report: a function that gets what the first learner prints, line by line.
    stop_requested: a function that tells whether the user asks to stop.

  Returns:
    Whether the run has finished; False if the user asked it to stop.

  Raises:
    UserError: the user's input is wrong, or Ray is not installed.
    RunError: the run failed, or learners died again and again.
  """
  with lock.exclusive(folder.root):
    pass  # refused at once; from now on, the first learner locks it
  ray = connection.connect(address)
  launch = train_process.Launch.from_here(flags, folder.root)
  # TensorFlow tells at length of a learner that is gone.
  launch.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
  earlier = _first_starts(folder, num_learners)
  with lock.exclusive(folder.learners):
    group = _Group(
      ray, num_learners, folder, not address, report, stop_requested
    )
    num_deaths = 0
    while True:
      before = _saved(folder)
      more = ["--overwrite"] * overwrite
      codes = group.train(
        dataclasses.replace(launch, flags=[*launch.flags, *more])
      )
      # Once every learner has begun anew, the new run must not be removed.
      overwrite = overwrite and any(
        now is None or now == old
        for now, old in zip(
          _first_starts(folder, num_learners), earlier, strict=True
        )
      )
      if codes.get(0) == 0:
        return True
      _raise_failure(folder, codes)
      if stop_requested():
        return False
      num_deaths = 1 if _saved(folder) != before else num_deaths + 1
      what = _what_died(codes)
      if num_deaths == _MOST_DEATHS:
        raise errors.RunError(
          f"{what}, {_MOST_DEATHS} times in a row with no checkpoint between "
          f"them; see {folder.learners}"
        )
      report(f"{what}: all begin again from what they have saved")


def _first_starts(
  folder: run_folder.RunFolder, num_learners: int
) -> list[str | None]:
  """When the run of each learner was first started; None where it was not."""
  found: list[str | None] = []
  for rank in range(num_learners):
    record = None
    with contextlib.suppress(errors.UserError):  # damaged: --overwrite ends it
      record = run_record.read(learner.folder_of(folder, rank).run_record)
    found.append(next(iter((record or {}).get("starts", [])), None))
  return found


class _Group:
  """Starts learners, and waits for them."""

  def __init__(
    self,
    ray: Any,
    num_learners: int,
    folder: run_folder.RunFolder,
    on_one_machine: bool,
    report: Callable[[str], None],
    stop_requested: Callable[[], bool],
  ):
    """Starts nothing; see `train`."""
    self._ray = ray
    self._num_learners = num_learners
    self._folder = folder
    self._on_one_machine = on_one_machine
    self._report = report
    self._stop_requested = stop_requested

  def train(self, launch: train_process.Launch) -> dict[int, int]:
    """Starts all learners, and returns when none is left.

    Returns:
      The exit code of each learner that has ended by itself, by rank.

    Raises:
      UserError: a machine does not share the run folder.
    """
    learner_class = self._ray.remote(learner.Learner).options(
      num_cpus=1,
      num_gpus=int("--device=gpu" in launch.flags),
      max_concurrency=2,  # `stop` is heard while it trains
      scheduling_strategy="SPREAD",
    )
    actors = [learner_class.remote() for _ in range(self._num_learners)]
    try:
      addresses = [
        actor.address.remote(self._on_one_machine) for actor in actors
      ]
      while not self._all_are_ready(addresses):  # there may be no room yet
        if self._stop_requested():
          return {}
        time.sleep(_POLL_SECONDS)
      known = self._ray.get(addresses)
      lines = _Lines(learner.log_of(self._folder, 0))
      answers = [
        actor.train.remote(learner.Place(rank, known), launch)
        for rank, actor in enumerate(actors)
      ]
      return self._wait(actors, answers, lines)
    except self._ray.exceptions.RayActorError:
      return {0: learner.KILLED}  # before it began
    finally:
      for actor in actors:
        self._ray.kill(actor)

  def _wait(
    self, actors: list, answers: list, lines: "_Lines"
  ) -> dict[int, int]:
    """Waits for all learners, but only 5 s longer once the run is over."""
    is_stopping, deadline = False, float("inf")
    codes: dict[int, int] = {}
    while len(codes) < len(actors) and time.monotonic() < deadline:
      time.sleep(_POLL_SECONDS)
      for line in lines.new():
        self._report(line)
      if self._stop_requested() and not is_stopping:
        is_stopping = True
        for actor in actors:
          actor.stop.remote()
      for rank, answer in enumerate(answers):
        if rank not in codes and self._all_are_ready([answer]):
          codes[rank] = self._code(answer)
      if deadline == float("inf") and _is_over(codes):
        deadline = time.monotonic() + _SECONDS_TO_FOLLOW
    for line in lines.new():
      self._report(line)
    return codes

  def _code(self, answer: Any) -> int:
    try:
      return self._ray.get(answer)
    except self._ray.exceptions.RayTaskError as error:
      raise error.cause from None
    except self._ray.exceptions.RayError:
      return learner.KILLED

  def _all_are_ready(self, references: list) -> bool:
    ready, _ = self._ray.wait(
      references, num_returns=len(references), timeout=0
    )
    return len(ready) == len(references)


class _Lines:
  """The lines that a `train` process prints, except those printed here too."""

  def __init__(self, log: pathlib.Path):
    log.unlink(missing_ok=True)  # of an earlier start
    self._log = log
    self._num_read = 0

  def new(self) -> list[str]:
    """The lines since the last call."""
    try:
      with self._log.open("rb") as file:
        file.seek(self._num_read)
        text, newline, _ = file.read().rpartition(b"\n")
    except FileNotFoundError:
      return []
    self._num_read += len(text + newline)
    lines = text.decode("utf-8", "replace").splitlines()
    return [line for line in lines if not line.startswith(_PRINTED_HERE_TOO)]


def _is_over(codes: Mapping[int, int]) -> bool:
  """Whether the others have to end: the first has ended, or any has failed."""
  has_failed = any(code not in (0, learner.STOPPED) for code in codes.values())
  return 0 in codes or has_failed


def _raise_failure(
  folder: run_folder.RunFolder, codes: Mapping[int, int]
) -> None:
  """Raises the error that a learner printed; others only lost that learner."""
  if any(code < 0 for code in codes.values()):
    return  # one was killed: what the others printed follows from that
  for rank, code in sorted(codes.items()):
    if code in (_FAILED, _WRONG_INPUT):
      message = train_process.last_line(learner.log_of(folder, rank))
      if not folder.has_run:  # refused: nothing is left behind
        shutil.rmtree(folder.learners, ignore_errors=True)
      error = errors.UserError if code == _WRONG_INPUT else errors.RunError
      raise error(message)


def _what_died(codes: Mapping[int, int]) -> str:
  """Which learner ended first, and how."""
  for rank, code in sorted(codes.items(), key=lambda pair: pair[1]):
    how = f"by signal {-code}" if code < 0 else f"with code {code}"
    return f"learner {rank} of the run ended {how}"
  return "no learner ended"


def _saved(folder: run_folder.RunFolder) -> set[str]:
  """The names of the checkpoints that the first learner has saved."""
  return {path.name for path in folder.checkpoints.glob("[!.]*")}
