"""Files and folders appear whole or not at all."""

import pytest

from agents_pipeline.files import atomic


def names(folder):
  return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_complete(tmp_path):
  path = tmp_path / "new" / "a.txt"
  with atomic.file(path) as temporary:
    temporary.write_text("whole")
    assert not path.exists()
  assert (path.read_text(), names(path.parent)) == ("whole", ["a.txt"])


def test_a_failure_leaves_what_was_there(tmp_path):
  (tmp_path / "a").mkdir()
  (tmp_path / "a" / "old").touch()
  (tmp_path / "b").write_text("old")
  for make, path in ((atomic.folder, "a"), (atomic.file, "b")):
    with pytest.raises(ZeroDivisionError), make(tmp_path / path) as temporary:
      (temporary / "new" if temporary.is_dir() else temporary).touch()
      raise ZeroDivisionError
  assert names(tmp_path) == ["a", "b"] and names(tmp_path / "a") == ["old"]
  assert (tmp_path / "b").read_text() == "old"


def test_a_folder_is_replaced(tmp_path):
  for content in ("old", "new"):
    with atomic.folder(tmp_path / "a") as temporary:
      (temporary / content).touch()
  assert names(tmp_path) == ["a"] and names(tmp_path / "a") == ["new"]


def test_a_killed_process_is_cleaned_up_after(tmp_path):
  """It left an unfinished file, one replaced already, and one not yet."""
  for name in (".partial-a", ".partial-before-b", "b", ".partial-before-c"):
    (tmp_path / name).mkdir()
    (tmp_path / name / name).touch()
  atomic.recover(tmp_path)
  assert names(tmp_path) == ["b", "c"]
  assert names(tmp_path / "b") == ["b"]
  assert names(tmp_path / "c") == [".partial-before-c"]
  atomic.recover(tmp_path / "missing")
