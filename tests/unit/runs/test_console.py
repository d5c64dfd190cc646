"""Stop requests within an evaluation or a video."""

import pytest

from agents_pipeline.runs import console


def test_a_policy_is_interrupted_once_a_stop_is_requested():
  requested = []
  act = console.Console(print, lambda: bool(requested)).interruptible(abs)
  assert act(-3) == 3
  requested.append(True)
  with pytest.raises(console.StopRequested):
    act(-3)
