"""The sides of a benchmark, each built and run in a process of its own.

Libraries disturb each other within a process, by their thread pools and their
settings of XLA. A side that fails, because its library is not installed or its
process dies, does not end the others.
"""

import concurrent.futures
import contextlib
import dataclasses
import faulthandler
import importlib
import multiprocessing
import os
import pathlib
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gin

import agents_pipeline  # before TensorFlow: it chooses Keras 2

assert agents_pipeline.__version__

_MAX_SECONDS_TO_BUILD, _MAX_SECONDS_TO_RUN = 300.0, 120.0


@dataclasses.dataclass(frozen=True)
class Side:
  """One of the training loops that are compared.

  Attributes:
    title: the title in tables.
    loop: the loop, 'module:Class'. Its method `run` takes a number of env steps
      and returns env steps per second, over all environments.
    arguments: positional arguments of the class.
    options: keyword arguments of the class.
    process: the name of the process that it shares with others; None for one of
      its own.
    multiple: the env steps that it runs multiples of.
    in_quick: whether `--quick` measures it.
  """

  title: str
  loop: str
  arguments: tuple = ()
  options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  process: str | None = None
  multiple: int = 1
  in_quick: bool = True


class SideError(Exception):
  """A side cannot be built or run. Its message is one line."""


class Processes:
  """Builds sides in their processes, then runs one side at a time."""

  def __init__(self, sides: Mapping[str, Side], logs: pathlib.Path):
    """Makes an executor for each process; nothing starts yet.

    Args:
      sides: name -> side.
      logs: the folder for what each process prints, PROCESS.log.
    """
    logs.mkdir(parents=True, exist_ok=True)
    self._sides = dict(sides)
    self._logs = {n: logs / f"{s.process or n}.log" for n, s in sides.items()}
    self._executors = {
      log: concurrent.futures.ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn"), _start, (log,)
      )
      for log in set(self._logs.values())
    }
    self.problems: dict[str, str] = {}  # side -> why it cannot be measured

  def build(self, report: Callable[[str], None]) -> None:
    """Builds all sides, in all processes at once; reports a line about each."""
    futures = {
      self._executors[self._logs[name]].submit(
        _build, name, side, _MAX_SECONDS_TO_BUILD
      ): name
      for name, side in self._sides.items()
    }
    for future in concurrent.futures.as_completed(futures):
      name = futures[future]
      with contextlib.suppress(SideError), self._recorded_problem(name):
        report(f"{name}: ready after {future.result():.1f} s")
      if name in self.problems:
        report(f"{name}: {self.problems[name]}")

  def run(self, name: str, num_env_steps: int) -> tuple[float, float]:
    """Runs a side that is built, while all others wait.

    Returns:
      Env steps per second, and the seconds that the call took.

    Raises:
      SideError: the side failed; it is in `problems` from then on.
    """
    executor = self._executors[self._logs[name]]
    with self._recorded_problem(name):
      future = executor.submit(_run, name, num_env_steps, _MAX_SECONDS_TO_RUN)
      return future.result()

  @contextlib.contextmanager
  def _recorded_problem(self, name: str) -> Iterator[None]:
    """Adds what goes wrong in the block to `problems`, as a SideError."""
    try:
      yield
    except SideError as error:
      self.problems[name] = str(error)
      raise
    except concurrent.futures.BrokenExecutor:
      self.problems[name] = f"process died or hung: see {self._logs[name]}"
      raise SideError(self.problems[name]) from None

  def __enter__(self) -> "Processes":
    return self

  def __exit__(self, *unused) -> None:
    for child in multiprocessing.active_children():
      child.kill()  # an executor would wait for what it runs
    for executor in self._executors.values():
      executor.shutdown()


# What follows runs in the processes of the sides.

_built: dict[str, Any] = {}  # the sides of this process


def _start(log: pathlib.Path) -> None:
  """Prepares the process: what its libraries print goes to a file."""
  os.setsid()  # Ctrl-C in the terminal is for the parent alone
  with log.open("wb") as file:
    os.dup2(file.fileno(), 1)
    os.dup2(file.fileno(), 2)
  os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
  # What the sides start is not spawned because they were.
  multiprocessing.set_start_method(None, force=True)
  threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
  parent = multiprocessing.parent_process()
  assert parent is not None
  parent.join()
  os._exit(1)


def _build(name: str, side: Side, max_seconds: float) -> float:
  """Imports, builds and warms up a side; returns the seconds it took."""
  start = time.perf_counter()
  module, _, class_name = side.loop.partition(":")
  # TF-Agents registers classes with gin when it is imported.
  with _guarded(max_seconds), gin.unlock_config():
    make = getattr(importlib.import_module(module), class_name)
    _built[name] = make(*side.arguments, **side.options)
  return time.perf_counter() - start


def _run(
  name: str, num_env_steps: int, max_seconds: float
) -> tuple[float, float]:
  """Env steps per second, and the seconds of the call."""
  start = time.perf_counter()
  with _guarded(max_seconds):
    rate = float(_built[name].run(num_env_steps))
  return rate, time.perf_counter() - start


@contextlib.contextmanager
def _guarded(seconds: float) -> Iterator[None]:
  """Ends the process where the block takes longer, with a traceback in the log.

  Raises:
    SideError: the block raised an exception, whose traceback is in the log.
  """
  faulthandler.dump_traceback_later(seconds, exit=True)
  try:
    yield
  except ModuleNotFoundError as error:
    traceback.print_exc()
    raise SideError(f"not installed: {error.name}") from None
  except Exception as error:
    traceback.print_exc()
    first_line = str(error).strip().partition("\n")[0]
    raise SideError(f"{type(error).__name__}: {first_line}") from None
  finally:
    faulthandler.cancel_dump_traceback_later()
