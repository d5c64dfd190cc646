"""One learner of a run with several: its place, its folder, its process."""

import dataclasses
import json
import pathlib
import socket
import subprocess
import time
from collections.abc import Mapping

from agents_pipeline import errors
from agents_pipeline.files import run_folder
from agents_pipeline.runs import train_process

# Exit codes of a learner's process.
LOST = 75  # it has lost another learner: EX_TEMPFAIL
KILLED, STOPPED = -9, 143

_VARIABLE = "TF_CONFIG"  # as TensorFlow has it
_POLL_SECONDS = 0.2


@dataclasses.dataclass(frozen=True)
class Place:
  """The place of a process among several learners.

  Attributes:
    rank: the number of the learner, from 0.
    addresses: the address 'host:port' of every learner.
  """

  rank: int
  addresses: list[str]


def place_of(environ: Mapping[str, str], num_learners: int) -> Place | None:
  """Reads a process's place from its environment variables.

  Args:
    environ: the environment variables.
    num_learners: the number of learners of the run.

  Returns:
    The place; None if the run has one learner, or if the variables name no
    place: then this process starts the learners.

  Raises:
    UserError: the place that the variables name does not fit the run.
  """
  text = environ.get(_VARIABLE)
  if num_learners == 1 or not text:
    return None
  try:
    content = json.loads(text)
    addresses = list(content["cluster"]["worker"])
    place = Place(int(content["task"]["index"]), addresses)
    fits = len(addresses) == num_learners and place.rank < num_learners
  except (ValueError, LookupError, TypeError):
    fits = False
  if not fits:
    raise errors.UserError(
      f"{_VARIABLE}={text!r}: expected none, or {num_learners} workers as of "
      "TrainingConfig.num_learners, and the index of one"
    )
  return place


def folder_of(folder: run_folder.RunFolder, rank: int) -> run_folder.RunFolder:
  """The folder that a learner writes to; for the first, the run folder."""
  return run_folder.RunFolder(folder.learners / str(rank)) if rank else folder


class Learner:
  """Runs a `train` process in an actor's process, and waits for its end."""

  def __init__(self) -> None:
    self._wants_to_stop = False
    self._process: subprocess.Popen | None = None

  def address(self, on_one_machine: bool) -> str:
    """A free 'host:port' of the actor's machine.

    Args:
      on_one_machine: whether all learners are on this machine.
    """
    import ray

    host = "127.0.0.1" if on_one_machine else ray.util.get_node_ip_address()
    with socket.socket() as free:
      free.bind((host, 0))
      return f"{host}:{free.getsockname()[1]}"

  def train(self, place: Place, launch: train_process.Launch) -> int:
    """Trains until the run ends or is stopped; returns the exit code."""
    folder = run_folder.RunFolder(launch.folder)
    train_process.prepare_worker(
      launch.cwd, launch.environ, locked=folder.learners
    )
    if not train_process.wait_until_unlocked(
      folder_of(folder, place.rank).root, lambda: self._wants_to_stop
    ):
      return STOPPED if self._wants_to_stop else KILLED
    task = {"type": "worker", "index": place.rank}
    config = {"cluster": {"worker": place.addresses}, "task": task}
    self._process = train_process.start(
      launch.flags, log_of(folder, place.rank), {_VARIABLE: json.dumps(config)}
    )
    while (code := self._process.poll()) is None:
      time.sleep(_POLL_SECONDS)
      if self._wants_to_stop:
        self._wants_to_stop = False
        self._process.terminate()
    return code

  def stop(self) -> None:
    """Has the `train` process save and end."""
    self._wants_to_stop = True


def log_of(folder: run_folder.RunFolder, rank: int) -> pathlib.Path:
  """The file that a learner prints to."""
  return folder.learners / f"{rank}.log"
