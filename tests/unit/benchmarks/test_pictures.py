"""The pictures of the documentation, and the command that remakes them."""

import pathlib
import re

from benchmarks import pictures

ROOT = pathlib.Path(__file__).parents[3]


def test_every_picture_has_a_configuration_and_is_shown():
  shown = set()
  for page in (ROOT / "README.md", ROOT / "docs/recipes.md"):
    shown |= set(re.findall(r"images/(\w+)\.png", page.read_text("utf-8")))
  assert set(pictures.configurations()) == shown
  for name in shown:
    assert (ROOT / f"configs/{name}.gin").exists()


def test_a_curve_is_copied_when_its_run_has_ended(tmp_path, monkeypatch):
  def train(gin_file, root_dir, cwd):
    assert gin_file == "configs/dqn_catch.gin" and cwd == ROOT
    root_dir.mkdir(parents=True)
    (root_dir / "learning_curve.png").write_bytes(b"curve")

  monkeypatch.setattr(pictures.commands, "train", train)
  monkeypatch.setattr(pictures, "_IMAGES", tmp_path)
  pictures.remake("dqn_catch", tmp_path / "runs")
  assert (tmp_path / "dqn_catch.png").read_bytes() == b"curve"
