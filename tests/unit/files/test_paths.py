"""Paths that a user types."""

import os
import pathlib

import pytest

import agents_pipeline
from agents_pipeline import errors
from agents_pipeline.files import paths


@pytest.mark.parametrize(
  ("typed", "expected"),
  [
    ("runs/a", "runs/a"),
    ("~/runs", "/home/of/somebody/runs"),
    ("2026-11-26T10:15:00/run", "2026-11-26T10:15:00/run"),
    ("a:b", "a:b"),
    ("./gs:/bucket", "gs:/bucket"),
    ("a/b://c", "a/b:/c"),
    (pathlib.Path("x"), "x"),
    ("", "."),
  ],
)
def test_typed_paths_are_parsed(typed, expected, monkeypatch):
  monkeypatch.setenv("HOME", "/home/of/somebody")
  assert paths.from_text("--root_dir", typed) == pathlib.Path(expected)


@pytest.mark.parametrize(
  ("typed", "reason"),
  [
    ("gs://bucket", "not a URL; a folder of that name is './gs:/bucket'"),
    (pathlib.Path("s3://bucket"), "'s3:/bucket': expected a path on this"),
    ("C:/runs", "not a URL; a folder of that name is './C:/runs'"),
    ("file:///data/x", "did you mean '/data/x'?"),
    ("~no-such-user", "user 'no-such-user' has no home folder"),
    ("r\udce9", r"'r\\udce9': expected a name of utf-8 text"),
    ("a\0b", r"'a\\x00b': expected a name of utf-8 text"),
    ("x" * 300, "x...: File name too long"),
  ],
)
def test_text_that_is_not_a_local_path_is_rejected(
  typed, reason, tmp_path, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(errors.UserError, match=reason):
    paths.from_text("--root_dir", typed)
  (tmp_path / "my.gin").touch()
  with pytest.raises(errors.UserError, match=reason):
    agents_pipeline.train("my.gin", typed)
  assert os.listdir() == ["my.gin"]


def test_a_circular_link_is_rejected(tmp_path):
  (tmp_path / "round").symlink_to("round")
  with pytest.raises(errors.UserError, match="Too many levels of symbolic"):
    paths.from_text("--root_dir", tmp_path / "round")


def test_an_unknown_home_folder_is_rejected(monkeypatch):
  def unknown(path):
    return path

  monkeypatch.setattr(os.path, "expanduser", unknown)
  with pytest.raises(errors.UserError, match="current user has no home"):
    paths.from_text("--root_dir", "~/x")
