"""What is said of what went wrong."""

import pytest

from agents_pipeline import errors


@pytest.mark.parametrize(
  ("typed", "expected"),
  [
    ("gama", "; did you mean 'gamma'?"),
    ("lambda", "; did you mean 'gamma'?"),
    ("seed", ""),
    (5, ""),
  ],
)
def test_the_nearest_choice_is_named_if_it_is_near(typed, expected):
  assert errors.nearest(typed, ["gamma", "n_step"]) == expected


def test_a_trace_is_no_part_of_the_message():
  failure = errors.EnvironmentFailure("it died", "Traceback ...")
  assert (str(failure), failure.trace) == ("it died", "Traceback ...")
