"""Connecting to Ray; what needs Ray itself is in tests/cluster."""

import importlib.util

import pytest

from agents_pipeline import errors
from agents_pipeline.cluster import connection


@pytest.mark.parametrize(
  ("address", "named"), [("", ""), ("auto", "--address='auto': ")]
)
def test_without_ray_one_line_says_how_to_install_it(
  address, named, monkeypatch
):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  with pytest.raises(errors.UserError) as raised:
    connection.connect(address)
  assert str(raised.value) == (
    f"{named}Ray is not installed; expected it, by `make scale` or `pip "
    'install "agents-pipeline[scale]"`'
  )
