"""Whether a buffer fits into memory, before it is allocated."""

import pathlib

import psutil

from agents_pipeline import errors

_GIB = 2**30
_CONTROL_GROUP = pathlib.Path("/sys/fs/cgroup")


def available_memory() -> int:
  """Bytes that can still be had, also where a container has a limit."""
  free = psutil.virtual_memory().available
  limit, used = (_number(name) for name in ("memory.max", "memory.current"))
  return free if limit is None else min(free, limit - (used or 0))


def _number(name: str) -> int | None:
  """Reads a number of control groups, version 2; None without a limit."""
  try:
    return int((_CONTROL_GROUP / name).read_text())
  except (OSError, ValueError):
    return None


def check_memory(table_bytes: int, num_rows: int, copies: int = 1) -> str:
  """Compares a buffer with the memory there is, before it is allocated.

  Args:
    table_bytes: the size of its tables.
    num_rows: rows, for the message.
    copies: how many copies of the tables that may be alive at once.

  Returns:
    A line with its size.

  Raises:
    UserError: it does not fit.
  """
  available = available_memory()
  needed = copies * table_bytes
  size = f"{num_rows:,} transitions, {table_bytes / 2**20:,.1f} MiB"
  if copies > 1:
    size += f" (times {copies} within a compiled call)"
  if needed > available:
    raise errors.UserError(
      f"ReplayConfig.capacity_env_steps: the buffer of {size} does not fit in "
      f"the {available / _GIB:,.1f} GiB of memory available; expected at most "
      f"{int(num_rows * available / needed):,}"
    )
  return f"replay buffer: {size}"
