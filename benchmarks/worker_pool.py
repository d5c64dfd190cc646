"""The other end of the workers: starts them, builds in all, asks one at a time.

A side that cannot be built or run, because its library is not there, is a
problem with a name, and never ends the others.
"""

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

_SECONDS_TO_BUILD = 300.0
_SECONDS_TO_RUN = 120.0


@dataclasses.dataclass(frozen=True)
class Blueprint:
  """How a side is made.

  Attributes:
    worker: the name of the process that hosts it.
    target: 'module:Class'.
    arguments: of the class, as JSON can say them.
    options: those of them that are named.
  """

  worker: str
  target: str
  arguments: Sequence = ()
  options: Mapping = dataclasses.field(default_factory=dict)


class Problem(Exception):
  """A side cannot be built or run. Its message is one line."""


class _Worker:
  """One process."""

  def __init__(self, log: pathlib.Path):
    """Starts it.

    Args:
      log: where what its libraries say is written.
    """
    self._log = log
    with log.open("wb") as errors:
      self._process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
        start_new_session=True,  # Ctrl-C is for whoever asks
      )
    self._answers: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=self._listen, daemon=True).start()

  def _listen(self) -> None:
    for line in self._process.stdout:
      self._answers.put(line)
    self._answers.put(None)

  def ask(self, request: dict, seconds: float) -> dict:
    """Sends a request and waits for its answer.

    Raises:
      Problem: the side has one, or the process died or took too long.
    """
    try:
      self._process.stdin.write(json.dumps(request) + "\n")
      self._process.stdin.flush()
      line = self._answers.get(timeout=seconds)
    except queue.Empty:
      self._process.kill()
      raise Problem(f"no answer in {seconds:.0f} s") from None
    except OSError:
      line = None
    if line is None:
      raise Problem(f"its process ended: see {self._log}")
    answer = json.loads(line)
    if "problem" in answer:
      raise Problem(answer["problem"])
    return answer

  def close(self) -> None:
    """Ends the process, whatever it does."""
    self._process.kill()
    self._process.wait()


class WorkerPool:
  """All workers of a benchmark."""

  def __init__(
    self,
    blueprints: Mapping[str, Blueprint],
    logs: pathlib.Path,
  ):
    """Starts a process for each worker that is named.

    Args:
      blueprints: side -> how it is made.
      logs: a folder, for a file of each worker.
    """
    logs.mkdir(parents=True, exist_ok=True)
    self._blueprints = dict(blueprints)
    self._workers = {
      name: _Worker(logs / f"{name}.log")
      for name in sorted({b.worker for b in self._blueprints.values()})
    }
    self.problems: dict[str, str] = {}
    self._is_closed = False

  def build(self, built: Callable[[str], None] = lambda line: None) -> None:
    """Builds every side, those of one worker in turn, all workers at once.

    Args:
      built: is told a line of each.
    """

    def build_all(worker: str) -> None:
      for side, blueprint in self._blueprints.items():
        if blueprint.worker == worker and not self._is_closed:
          line = self._build(side, blueprint)
          if not self._is_closed:
            built(line)

    pool = concurrent.futures.ThreadPoolExecutor(len(self._workers))
    try:
      list(pool.map(build_all, self._workers))
    except BaseException:
      self.close()  # or the threads would wait for answers
      raise
    finally:
      pool.shutdown()

  def _build(self, side: str, blueprint: Blueprint) -> str:
    request = {
      "do": "build",
      "side": side,
      "target": blueprint.target,
      "arguments": list(blueprint.arguments),
      "options": dict(blueprint.options),
    }
    try:
      answer = self._workers[blueprint.worker].ask(request, _SECONDS_TO_BUILD)
    except Problem as problem:
      self.problems[side] = str(problem)
      return f"{side}: {problem}"
    return f"{side}: ready after {answer['seconds']:.1f} s"

  def run(self, side: str, amount: int) -> tuple[float, float]:
    """Runs a side while all others wait.

    Args:
      side: that was built.
      amount: in its unit.

    Returns:
      Its rate per second, and the seconds it took in all.

    Raises:
      Problem: it failed; it is among `problems` from then on.
    """
    worker = self._workers[self._blueprints[side].worker]
    try:
      answer = worker.ask(
        {"do": "run", "side": side, "amount": amount}, _SECONDS_TO_RUN
      )
    except Problem as problem:
      self.problems[side] = str(problem)
      raise
    return answer["rate"], answer["seconds"]

  def __enter__(self) -> "WorkerPool":
    return self

  def __exit__(self, *unused) -> None:
    self.close()

  def close(self) -> None:
    """Ends every process."""
    self._is_closed = True
    for worker in self._workers.values():
      worker.close()
