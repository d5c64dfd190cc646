"""How much memory there is, and whether a buffer fits into it."""

import pathlib
from typing import NamedTuple

import psutil

from agents_pipeline import errors
from agents_pipeline.ops import gpu

_GIB = 2**30
_CONTROL_GROUP = pathlib.Path("/sys/fs/cgroup")


class Available(NamedTuple):
  """Memory that can still be had where TensorFlow computes.

  Attributes:
    num_bytes: the number of free bytes.
    kind: 'memory', or 'GPU memory'.
  """

  num_bytes: int
  kind: str

  def __str__(self) -> str:
    return f"{self.num_bytes / _GIB:,.1f} GiB of {self.kind} available"


def available(*, on_host: bool = False) -> Available:
  """The free memory of the GPU if one is used, else of the machine.

  Within a container, the machine's memory is at most the container's limit.

  Args:
    on_host: whether to ask for the machine's memory even if a GPU is used.
  """
  on_gpu = gpu.free_memory() if gpu.is_used() and not on_host else None
  if on_gpu is not None:
    return Available(on_gpu, "GPU memory")
  free = psutil.virtual_memory().available
  limit, used = (_number(name) for name in ("memory.max", "memory.current"))
  own = free if limit is None else min(free, limit - (used or 0))
  return Available(own, "memory")


def _number(name: str) -> int | None:
  """Reads a number of control groups, version 2; None without a limit."""
  try:
    return int((_CONTROL_GROUP / name).read_text())
  except (OSError, ValueError):
    return None


def _other_memory(memory: Available, config_name: str) -> str:
  if memory.kind == "memory":
    return ""
  return f", or {config_name}.memory = 'host'"


def check_memory(
  table_bytes: int,
  num_rows: int,
  copies: int = 1,
  *,
  on_host: bool = False,
  config_name: str = "ReplayConfig",
) -> str:
  """Compares a buffer with the memory there is, before it is allocated.

  Args:
    table_bytes: the bytes of the buffer's tables.
    num_rows: the number of rows, for the message.
    copies: how many copies of the tables may be alive at once.
    on_host: whether the tables are in the machine's memory even if a GPU
      trains.
    config_name: the class whose field says how large it is, for the message.

  Returns:
    A line with the size of the buffer.

  Raises:
    UserError: the buffer does not fit.
  """
  memory = available(on_host=on_host)
  needed = copies * table_bytes
  size = f"{num_rows:,} transitions, {table_bytes / 2**20:,.1f} MiB"
  if copies > 1:
    size += f" (times {copies} within a compiled call)"
  if needed > memory.num_bytes:
    raise errors.UserError(
      f"{config_name}.capacity_env_steps: the buffer of {size} does not fit "
      f"in the {memory}; expected at most "
      f"{int(num_rows * memory.num_bytes / needed):,}"
      f"{_other_memory(memory, config_name)}"
    )
  return f"replay buffer: {size}"
