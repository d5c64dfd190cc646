"""How long it takes until a run goes on whose learner was killed."""

import pathlib
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable

from agents_pipeline import errors
from agents_pipeline.files import run_folder
from benchmarks import commands, slow_environment

_MAX_SECONDS = 300.0


def lockstep_bindings(num_copies: int) -> list[str]:
  """Bindings of DQN with collectors, in an environment that takes no time."""
  return [
    f"EnvironmentConfig.name = '{slow_environment.NAME}'",
    f"EnvironmentConfig.num_envs = {num_copies}",
    "EnvironmentConfig.vectorization = 'ray'",
    "DqnConfig.collectors = @RayCollectors()",
  ]


def measure() -> float:
  """Seconds from SIGKILL of `train` until the same command has learned further.

  Raises:
    RunError: `train` ended by itself, or takes too long.
  """
  with tempfile.TemporaryDirectory() as folder:
    return _restart_seconds(pathlib.Path(folder))


def _restart_seconds(folder: pathlib.Path) -> float:
  """Seconds from SIGKILL of a learner until the command has learned further."""
  root = folder / "run"
  command = commands.train_command("dqn_cartpole.gin", root, "--device=cpu")
  for binding in (
    *lockstep_bindings(2),
    "TrainingConfig.num_env_steps = 1_000_000_000",
    "TrainingConfig.checkpoint_period_env_steps = 1_000",
    "ReplayConfig.capacity_env_steps = 50_000",
    "EvaluationConfig.period_env_steps = None",
  ):
    command.append(f"--gin_bindings={binding}")
  log = folder / "train.log"
  metrics = run_folder.RunFolder(root).metrics
  with log.open("wb") as file:
    process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
      _wait(process, log, lambda: _last_env_step(metrics) >= 5_000)
    finally:
      start = time.perf_counter()
      process.kill()
      process.wait()
    reached = _last_env_step(metrics)
    process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
      _wait(process, log, lambda: _last_env_step(metrics) > reached)
      return time.perf_counter() - start
    finally:
      process.send_signal(signal.SIGTERM)
      process.wait(_MAX_SECONDS)


def _last_env_step(metrics: pathlib.Path) -> int:
  """The env step of the last complete row; 0 without any."""
  if not metrics.exists():
    return 0
  *rows, _ = metrics.read_text("utf-8").split("\n")
  return int(rows[-1].partition(",")[0]) if len(rows) > 1 else 0


def _wait(
  process: subprocess.Popen,
  log: pathlib.Path,
  is_there: Callable[[], bool],
) -> None:
  """Waits until a run has come so far.

  Raises:
    RunError: the run ended before, or takes too long.
  """
  deadline = time.monotonic() + _MAX_SECONDS
  while not is_there():
    if time.monotonic() > deadline:
      raise errors.RunError(f"train has not come so far in {_MAX_SECONDS:g} s")
    if process.poll() is not None:
      raise errors.RunError(commands.last_line(log.read_text("utf-8")))
    time.sleep(0.02)
