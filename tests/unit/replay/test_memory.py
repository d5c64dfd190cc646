"""Whether a buffer fits into memory."""

import pytest

from agents_pipeline import errors
from agents_pipeline.replay import memory

MIB = 2**20


def test_buffer_size_is_reported_and_checked_against_memory(monkeypatch):
  monkeypatch.setattr(memory, "available_memory", lambda: 3_072 * MIB)
  size = "2,000 transitions, 1,500.0 MiB"
  told = memory.check_memory(1_500 * MIB, 2_000, copies=2)
  assert told == f"replay buffer: {size} (times 2 within a compiled call)"
  assert memory.check_memory(1_500 * MIB, 2_000) == f"replay buffer: {size}"
  with pytest.raises(errors.UserError) as caught:
    memory.check_memory(4_096 * MIB, 2_000)
  message = "does not fit in the 3.0 GiB of memory available; expected at most"
  assert str(caught.value).endswith(f"{message} 1,500")
