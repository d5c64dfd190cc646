"""Stop requests within an evaluation or a video."""

import time

import pytest

from agents_pipeline.runs import console


def test_a_policy_is_interrupted_once_a_stop_is_requested():
  requested = []
  act = console.Console(print, lambda: bool(requested)).interruptible(abs)
  assert act(-3) == 3
  requested.append(True)
  with pytest.raises(console.StopRequested):
    act(-3)


def test_what_takes_long_is_told_and_what_does_not_is_not(monkeypatch):
  monkeypatch.setattr(console, "_SLOW_SECONDS", 0.01)
  told = []
  with console.Console(told.append).print_if_slow("evaluating 3 episodes"):
    deadline = time.monotonic() + 10
    while not told and time.monotonic() < deadline:
      time.sleep(0.001)
  assert told == ["evaluating 3 episodes ..."]
  monkeypatch.setattr(console, "_SLOW_SECONDS", 1_000.0)
  with console.Console(told.append).print_if_slow("evaluating"):
    pass
  assert len(told) == 1
