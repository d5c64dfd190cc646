"""What tests of a run's parts share."""

import pytest


@pytest.fixture(autouse=True)
def quicker(iterations_as_graphs):
  """None of them needs XLA in this process."""
