"""What commands of benchmarks/ share: `train`, --only, and files of JSON."""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Sequence

from agents_pipeline import errors
from agents_pipeline.apps import command_line, signals


def train_command(
  gin_file: str, root_dir: pathlib.Path, *flags: str
) -> list[str]:
  """The command of the `train` binary; `flags` are added to it."""
  return [
    sys.executable,
    "-m",
    "agents_pipeline.apps.train",
    f"--gin_file={gin_file}",
    f"--root_dir={root_dir}",
    *flags,
  ]


def train(
  gin_file: str,
  root_dir: pathlib.Path,
  *flags: str,
  cwd: pathlib.Path | None = None,
) -> None:
  """Trains as a user does, to the end.

  Args:
    gin_file: the configuration.
    root_dir: the run folder.
    *flags: further flags of `train`.
    cwd: the folder where the command is run.

  Raises:
    RunError: `train` failed; the message ends with the last line that it
      printed.
  """
  done = subprocess.run(
    train_command(gin_file, root_dir, *flags),
    cwd=cwd,
    stderr=subprocess.PIPE,
    text=True,
  )
  if done.returncode:
    raise errors.RunError(
      f"{root_dir}: train ended with exit code {done.returncode}: "
      f"{last_line(done.stderr)}"
    )


def train_until(
  is_enough: Callable[[], bool],
  gin_file: str,
  root_dir: pathlib.Path,
  *flags: str,
  cwd: pathlib.Path | None = None,
) -> None:
  """Trains, and stops the run as a user does once there is enough of it.

  If there is enough already, it does nothing.

  Args:
    is_enough: a function that is asked twice a second.
    gin_file: the configuration.
    root_dir: the run folder.
    *flags: further flags of `train`.
    cwd: the folder where the command is run.

  Raises:
    RunError: `train` ended otherwise; the message ends with the last line that
      it printed.
  """
  if is_enough():
    return
  # Not a pipe: nobody would read it, and a full one stops the process.
  with tempfile.TemporaryFile("w+") as printed:
    process = subprocess.Popen(
      train_command(gin_file, root_dir, *flags), cwd=cwd, stderr=printed
    )
    try:
      while process.poll() is None and not is_enough():
        time.sleep(0.5)
    finally:
      process.terminate()
      code = process.wait()
    printed.seek(0)
    if code not in (command_line.DONE, signals.exit_code(signal.SIGTERM)):
      raise errors.RunError(
        f"{root_dir}: train ended with exit code {code}: "
        f"{last_line(printed.read())}"
      )


def last_line(printed: str) -> str:
  """The last line of what a process printed."""
  return (printed.strip().splitlines() or ["it printed nothing"])[-1]


def choose(only: Sequence[str], names: Collection[str]) -> list[str]:
  """The names that --only selects, in the order of `names`; all if empty.

  Raises:
    UserError: there is no such name.
  """
  for name in only:
    if name not in names:
      raise errors.UserError(
        f"--only={name}: expected some of {', '.join(names)}"
        f"{errors.nearest(name, names)}"
      )
  return [name for name in names if not only or name in only]


def write_json(path: pathlib.Path, content: dict, indent: int = 2) -> None:
  """Writes a file for people to read, and its folder if need be."""
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(json.dumps(content, indent=indent) + "\n", "utf-8")
