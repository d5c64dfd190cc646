"""Connects to Ray, on this machine or on a cluster.

A Ray of our own is started for this machine alone: it listens on the loopback
interface, asks for a token, sends no usage statistics, keeps its files in a
folder of its own, and ends with this process.
"""

import atexit
import contextlib
import importlib.util
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

import psutil

from agents_pipeline import errors

# As many actors as anybody asks for: they mostly wait for their environments.
_LOCAL_CPUS = 4_096
_OBJECT_STORE_BYTES = 256 * 2**20
_FOLDER = "agents_pipeline_ray_"
_SECONDS_TO_ANSWER = 10.0
_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Ray reads them while it is imported.
_LOCAL_ENVIRON = {
  # Without it Ray listens on every interface, whatever address it is given.
  "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
  "RAY_AUTH_MODE": "token",
}
_ENVIRON = {"RAY_USAGE_STATS_ENABLED": "0"}


def connect(address: str = "") -> Any:
  """Connects this process to Ray, unless it is connected.

  Signal handlers stay as they are: Ray's would end the process three seconds
  after SIGTERM, saved or not.

  Args:
    address: the address 'auto' or 'host:port' of a cluster that this machine is
      part of; '' starts Ray for this process alone.

  Returns:
    The module `ray`.

  Raises:
    UserError: Ray is not installed, or there is no such cluster.
  """
  if address:
    _check_address(address)
  if importlib.util.find_spec("ray") is None:
    raise errors.UserError(
      f"{f'--address={address!r}: ' if address else ''}Ray is not installed; "
      'expected it, by `make scale` or `pip install "agents-pipeline[scale]"`'
    )
  if "ray" not in sys.modules:
    os.environ.update(_ENVIRON if address else _ENVIRON | _LOCAL_ENVIRON)
  import ray

  if not ray.is_initialized():
    if not address and not all(
      os.environ.get(k) == v for k, v in _LOCAL_ENVIRON.items()
    ):
      raise errors.UserError(
        "Ray was imported before, and would listen on every interface; "
        "expected agents_pipeline to import it, or ray.init() before that"
      )
    if not _shows_messages():
      # Of dead actors and machines, dozens of lines each. Nothing public stops
      # them.
      ray._private.worker.print_to_stdstream = lambda *args, **kwargs: None
    with _signals_untouched():
      if address:
        _join(ray, address)
      else:
        _start(ray)
  return ray


def _shows_messages() -> bool:
  """Whether the user asked for Ray's messages, by Ray's own variable."""
  return os.environ.get("RAY_LOG_TO_DRIVER") == "1"


def _check_address(address: str) -> None:
  """Refuses an address that Ray would not take for a cluster's."""
  if address != "auto" and not re.fullmatch(r"[^/]+:\d+", address):
    raise errors.UserError(
      f"--address={address!r}: expected 'auto', or the 'host:port' that `ray "
      "start --head` printed"
    )
  if address == "auto" and os.environ.get("RAY_ADDRESS") == "local":
    raise errors.UserError(  # Ray would start one, open to the network
      "RAY_ADDRESS='local': expected the address of a cluster"
    )


def _join(ray: Any, address: str) -> None:
  try:
    _check_answers(address)
    ray.init(address, log_to_driver=_shows_messages(), logging_level="ERROR")
  except (
    OSError,
    RuntimeError,
    ValueError,
    ray.exceptions.RayError,
  ) as error:
    reason = " ".join(str(error).split())
    raise errors.UserError(
      f"--address={address!r}: cannot connect ({reason}); expected the address "
      "of a cluster that this machine is part of, and its token"
    ) from None


def _check_answers(address: str) -> None:
  """Fails at once where nothing listens; Ray would try for minutes.

  Raises:
    OSError: nothing listens there.
  """
  host, _, port = address.rpartition(":")
  if host:
    where = host.strip("[]"), int(port)  # [] around an IPv6 address
    socket.create_connection(where, _SECONDS_TO_ANSWER).close()


def _start(ray: Any) -> None:
  os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
  # Not in a run folder: the paths of its sockets have at most 107 characters.
  _remove_abandoned_folders()
  folder = tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}_")
  atexit.register(shutil.rmtree, folder, ignore_errors=True)
  atexit.register(ray.shutdown)  # called first: atexit goes backwards
  try:
    ray.init(
      "local",  # never a cluster that happens to be here
      num_cpus=_LOCAL_CPUS,
      object_store_memory=_OBJECT_STORE_BYTES,
      include_dashboard=False,
      log_to_driver=_shows_messages(),
      logging_level="ERROR",
      _temp_dir=folder,
    )
  except Exception as error:  # of many types, when the machine is too small
    reason = " ".join(str(error).split())
    raise errors.RunError(f"Ray cannot be started: {reason}") from None


def _remove_abandoned_folders() -> None:
  """Removes the folders of processes that were killed."""
  for folder in pathlib.Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
    pid = folder.name.removeprefix(_FOLDER).partition("_")[0]
    if pid.isdigit() and not psutil.pid_exists(int(pid)):
      shutil.rmtree(folder, ignore_errors=True)  # or it is another user's


@contextlib.contextmanager
def _signals_untouched() -> Iterator[None]:
  """Keeps signal handlers, and SIGHUP from the processes that are started.

  A closing terminal sends SIGHUP to all processes, but a run that saves itself
  still needs its environments.
  """
  if threading.current_thread() is not threading.main_thread():
    yield  # nobody can change handlers there
    return
  handlers = {number: signal.getsignal(number) for number in _HANDLED}
  mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
  try:
    yield
  finally:
    for number, handler in handlers.items():
      signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
