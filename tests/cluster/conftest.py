"""Ends the Ray that tests of a module have started in pytest's process.

Ray ends the process that is connected to it when it does not answer in time,
hours later as well.
"""

import sys

import pytest


@pytest.fixture(scope="module", autouse=True)
def no_ray_afterwards():
  yield
  if "ray" in sys.modules:
    sys.modules["ray"].shutdown()
