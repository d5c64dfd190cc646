"""Whether a buffer fits into memory."""

import pytest

from agents_pipeline import errors
from agents_pipeline.ops import gpu
from agents_pipeline.replay import memory

MIB = 2**20


def test_buffer_size_is_reported_and_checked_against_memory(monkeypatch):
  monkeypatch.setattr(
    memory,
    "available",
    lambda on_host: memory.Available(
      3_072 * MIB, "memory" if on_host else "GPU memory"
    ),
  )
  size = "2,000 transitions, 1,500.0 MiB"
  told = memory.check_memory(1_500 * MIB, 2_000, copies=2)
  assert told == f"replay buffer: {size} (times 2 within a compiled call)"
  assert memory.check_memory(1_500 * MIB, 2_000) == f"replay buffer: {size}"
  with pytest.raises(errors.UserError) as caught:
    memory.check_memory(4_096 * MIB, 2_000, on_host=True)
  message = "does not fit in the 3.0 GiB of memory available; expected at most"
  assert str(caught.value).endswith(f"{message} 1,500")
  with pytest.raises(errors.UserError) as caught:
    memory.check_memory(4_096 * MIB, 2_000)
  message = "3.0 GiB of GPU memory available; expected at most 1,500, or "
  assert str(caught.value).endswith(f"{message}ReplayConfig.memory = 'host'")


@pytest.mark.parametrize(
  ("is_used", "free", "kind"),
  [(True, 5 * MIB, "GPU memory"), (True, None, "memory"), (False, 5, "memory")],
)
def test_memory_is_that_of_the_device(is_used, free, kind, monkeypatch):
  monkeypatch.setattr(gpu, "is_used", lambda: is_used)
  monkeypatch.setattr(gpu, "free_memory", lambda: free)
  found = memory.available()
  assert found.kind == kind
  assert (found.num_bytes == 5 * MIB) == (kind == "GPU memory")
  assert memory.available(on_host=True).kind == "memory"
