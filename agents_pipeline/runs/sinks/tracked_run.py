"""Sink of the tracking services, which are listed in `_SERVICES`."""

import contextlib
import importlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agents_pipeline import errors
from agents_pipeline.config import gin_files, tracking
from agents_pipeline.files import tables
from agents_pipeline.runs import metrics, run_record
from agents_pipeline.runs import run as run_lib
from agents_pipeline.runs.sinks import service, service_process, sink

# A new service is a class in config/tracking.py, a file beside this one, which
# has `make_service(config)`, and a line here.
_SERVICES: dict[type, str] = {
  tracking.Mlflow: "agents_pipeline.runs.sinks.mlflow",
  tracking.WandB: "agents_pipeline.runs.sinks.wandb",
}
# How long is waited at the start, at the end of a run, and at any other end.
_SECONDS_TO_OPEN, _SECONDS_TO_FINISH, _SECONDS_TO_CLOSE = 60.0, 120.0, 15.0


@contextlib.contextmanager
def connected(
  trackers: Sequence[tracking.Tracker],
) -> Iterator[list[Callable[[run_lib.Run, int | None], sink.Sink]]]:
  """Connects to services; yields a function that opens a sink for each.

  Args:
    trackers: the services that were chosen, with their settings.

  Raises:
    UserError: a service cannot be used; nothing was changed.
  """
  processes: list[service_process.ServiceProcess] = []
  try:
    for config in trackers:
      module = _SERVICES[type(config)]
      environ = importlib.import_module(module).ENVIRON
      processes.append(service_process.ServiceProcess(module, config, environ))
    for process in processes:
      process.connect()
    yield [_factory(process) for process in processes]
  finally:
    for process in processes:
      process.end()


def _factory(process: service_process.ServiceProcess):
  return lambda run, resumed_at: TrackedRun(process, run)


class TrackedRun(sink.Sink):
  """Sends the results of a run to a service, once a checkpoint has them.

  So what a resumed run repeats was never sent. Training does not wait: what
  cannot be sent yet is sent after a later checkpoint, or by the next start,
  which compares with metrics.csv.
  """

  def __init__(self, process: service_process.ServiceProcess, run: run_lib.Run):
    """Begins the tracked run, or goes on with it.

    The CSV sinks must have been opened: they drop the rows that a resumed run
    repeats.

    Args:
      process: the process of the service, which is connected.
      run: the run.
    """
    self._process = process
    self._run = run
    self._name = f"@{process.name}()"
    self._about = _about(run)
    self._waiting: list[service.Row] = []  # for a checkpoint
    self._unsent = _logged_rows(run)
    self._env_steps = -1  # of the last row that the service has
    self._final: tuple | None = None  # to be sent as well
    self._outcome = "stopped"
    self._is_open = self._has_warned = False
    self._when_answered: Callable[[Any], None] = self._opened
    self._advance(_SECONDS_TO_OPEN)

  def write(self, entry: sink.LogEntry) -> None:
    """See `Sink`; the entry is kept until a checkpoint has it."""
    env_steps = int(entry.metrics["env_steps"] or 0)
    videos = [path.absolute() for path in entry.videos]
    self._waiting.append(
      service.Row(env_steps, time.time(), entry.scalars, videos)
    )

  def saved(self) -> None:
    """See `Sink`; sends, unless an earlier request is still under way."""
    self._unsent += self._new(self._waiting)
    self._waiting = []
    self._advance(0.0)

  def finish(self, results: Mapping[str, Any]) -> None:
    """See `Sink`; waits until everything is sent."""
    self._outcome = "finished"
    video = self._run.folder.trained_video
    videos = [video.absolute()] if video.exists() else []
    self._final = results["env_steps"], metrics.final(results), videos
    with self._run.console.print_if_slow(f"{self._name} gets the last results"):
      self._advance(_SECONDS_TO_FINISH)

  def close(self, *, failed: bool = False) -> None:
    """See `Sink`."""
    if failed:
      self._outcome = "failed"
    self._advance(_SECONDS_TO_CLOSE)
    if self._final is not None:  # no later start sends it
      self._run.console.print(
        f"{self._name} lacks {len(self._unsent)} rows of metrics.csv, and the "
        "final evaluation"
      )
    if self._is_open and not self._process.is_busy:
      self._process.ask("close", self._outcome)
      if self._process.has_answer(_SECONDS_TO_CLOSE):
        self._take_answer(lambda _: None)
    self._process.end(1.0)

  def _advance(self, seconds: float) -> None:
    """Sends what is due; waits some seconds at most until all of it is sent."""
    deadline = time.monotonic() + seconds
    while self._process.is_busy or self._ask():
      left = max(0.0, deadline - time.monotonic())
      if not self._process.has_answer(left):
        return
      if not self._take_answer(self._when_answered):
        return

  def _ask(self) -> bool:
    """Asks for what comes next; returns whether there is anything."""
    if not self._is_open:
      self._when_answered = self._opened
      self._process.ask("open", self._about)
    elif self._unsent:
      self._when_answered = self._wrote
      self._process.ask("write", tuple(self._unsent))
    elif self._final is not None:
      self._when_answered = self._finished
      self._process.ask("finish", *self._final)
    return self._process.is_busy

  def _take_answer(self, then: Callable[[Any], None]) -> bool:
    """Goes on with an answer; returns whether the service did its work."""
    try:
      answer = self._process.answer()
    except (errors.UserError, service_process.Failure) as error:
      if not self._has_warned:
        self._run.console.print(
          f"{self._name}: {error}; the run goes on, and sends what is missing "
          "when it can"
        )
      self._has_warned = True
      return False
    then(answer)
    return True

  def _opened(self, opened: service.Opened) -> None:
    self._is_open = True
    self._env_steps = opened.env_steps
    self._unsent = self._new(self._unsent)
    self._run.console.print(f"{self._name}: {opened.where}")

  def _wrote(self, env_steps: int) -> None:
    self._env_steps = env_steps
    self._unsent = self._new(self._unsent)

  def _finished(self, _: None) -> None:
    self._final = None

  def _new(self, rows: Sequence[service.Row]) -> list[service.Row]:
    return [row for row in rows if row.env_steps > self._env_steps]


def _about(run: run_lib.Run) -> service.About:
  """What services are told of a run; a run without an id durably gets one."""
  record = _read(run)
  if "id" not in record:
    record["id"] = secrets.token_hex(6)
    run_record.write_json(run.folder.tracking, record)
  root = run.folder.root.absolute()
  return service.About(
    record["id"],
    root.name,
    root,
    gin_files.to_text(run.experiment),
    gin_files.parameters(run.experiment),
  )


def _read(run: run_lib.Run) -> dict:
  """Reads tracking.json; {} if there is none."""
  path = run.folder.tracking
  try:
    record = json.loads(path.read_text("utf-8")) if path.exists() else {}
  except (OSError, ValueError) as error:
    raise errors.UserError(f"{path} cannot be read: {error}") from None
  if not isinstance(record, dict):
    raise errors.UserError(f"{path} is not a JSON object")
  return record


def _logged_rows(run: run_lib.Run) -> list[service.Row]:
  """The rows that an earlier start of the run has logged."""
  timing = {row["env_steps"]: row for row in tables.read(run.folder.timing)}
  entries = [
    sink.LogEntry(row, timing.get(row["env_steps"]))
    for row in tables.read(run.folder.metrics)
  ]
  return [
    service.Row(
      int(entry.metrics["env_steps"] or 0), time.time(), entry.scalars
    )
    for entry in entries
  ]
