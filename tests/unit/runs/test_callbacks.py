"""When callbacks are due."""

from agents_pipeline.runs import callbacks


def test_a_period_has_passed_at_or_beyond_its_multiples():
  period = callbacks.Period(10, start=25)
  passed = {now: period.has_passed(now) for now in (25, 29, 30, 39, 61, 69, 70)}
  assert [now for now, has_passed in passed.items() if has_passed] == [
    30, 61, 70  # once, however many were passed
  ]  # fmt: skip
