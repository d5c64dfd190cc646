"""Which run folders are named."""

import pytest

from agents_pipeline import errors
from agents_pipeline.reports import run_folders


@pytest.fixture
def runs(tmp_path, monkeypatch):
  """A folder of a sweep's runs, with what is none among them."""
  monkeypatch.chdir(tmp_path)
  for name in ("lr/seed_10", "lr/seed_2", "lr/more/seed_1", "other"):
    (tmp_path / name / "videos").mkdir(parents=True)
    (tmp_path / name / "run.json").touch()
  for name in ("lr/.partial-x", "other/policy"):
    (tmp_path / name).mkdir()
    (tmp_path / name / "run.json").touch()
  (tmp_path / "empty").mkdir()
  (tmp_path / "file").touch()


def test_a_folder_counts_as_the_runs_in_it(runs):
  found = run_folders.find(["lr", "other", "lr/seed_2", "./other/"])
  assert run_folders.names(found) == [
    "lr/more/seed_1", "lr/seed_2", "lr/seed_10", "other",
  ]  # fmt: skip
  assert run_folders.names(found[:2]) == ["more/seed_1", "seed_2"]
  assert run_folders.names(found[:1]) == ["seed_1"]


@pytest.mark.parametrize(
  ("text", "expected"),
  [
    ("othr", "'othr' does not exist; expected a run folder; did you mean 'ot"),
    ("nowhere/x", "'nowhere/x' does not exist; expected a run folder"),
    ("file", "'file' is not a folder; expected a run folder"),
    ("empty", "'empty' has no run.json, nor has a folder in it; expected"),
    ("gs://b/run", "RUN='gs://b/run': expected a path on this machine"),
  ],
)
def test_what_holds_no_run_is_refused(runs, text, expected):
  with pytest.raises(errors.UserError) as caught:
    run_folders.find(["other", text])
  assert str(caught.value).startswith(expected)
