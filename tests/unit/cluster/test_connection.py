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


@pytest.mark.parametrize("address", ["local", "ray://host:10001", "host"])
def test_what_is_no_cluster_of_this_machine_is_refused(address):
  with pytest.raises(errors.UserError, match="expected 'auto', or the 'host"):
    connection.connect(address)


def test_a_ray_of_rays_own_is_not_joined(monkeypatch):
  """It would listen on every interface."""
  monkeypatch.setenv("RAY_ADDRESS", "local")
  with pytest.raises(errors.UserError, match="RAY_ADDRESS='local'"):
    connection.connect("auto")
