"""Shuts down the Ray that a module's tests have started in pytest's process.

Left running, it would end pytest's process if it failed during later tests.
"""

import sys

import pytest


@pytest.fixture(scope="module", autouse=True)
def no_ray_afterwards():
  yield
  if "ray" in sys.modules:
    sys.modules["ray"].shutdown()
