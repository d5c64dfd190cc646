"""The order of imports, and that the documents name files that exist."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = ROOT / "agents_pipeline"

# A folder imports only from those above it.
MAY_IMPORT = {
  "files": set(),
  "ops": set(),
  "losses": set(),
  "networks": set(),
  "config": {"files"},
  "replay": {"config", "losses", "ops"},
  "environments": {"config", "ops"},
  "training": {"config"},
  "evaluation": {"config", "environments", "files"},
  "agents": {
    "config",
    "environments",
    "evaluation",
    "losses",
    "networks",
    "ops",
    "replay",
    "training",
  },
  "runs": {
    "agents",
    "config",
    "environments",
    "evaluation",
    "files",
    "networks",
    "training",
  },
  "apps": {
    "config",
    "environments",
    "evaluation",
    "files",
    "runs",
    "training",
  },
}


def imports(path):
  """The rooms that a file imports, wherever in it."""
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.ImportFrom) and node.module:
      parts = node.module.split(".")
      if parts[0] == "agents_pipeline":
        yield from parts[1:2] or [alias.name for alias in node.names]
    elif isinstance(node, ast.Import):
      for alias in node.names:
        parts = alias.name.split(".")
        if parts[0] == "agents_pipeline" and len(parts) > 1:
          yield parts[1]


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_imports_go_one_way(room):
  files = list((PACKAGE / room).rglob("*.py"))
  assert files
  for path in files:
    for imported in imports(path):
      allowed = MAY_IMPORT[room] | {room, "errors", "interfaces"}
      assert imported in allowed, f"{path.relative_to(ROOT)}: {imported}"


def test_allowed_imports_go_one_way():
  rooms = list(MAY_IMPORT)
  for room, allowed in MAY_IMPORT.items():
    assert allowed <= set(rooms[: rooms.index(room)]), room


def test_the_drawing_shows_these_imports():
  drawing = (ROOT / "docs" / "structure.md").read_text()
  drawn = set(re.findall(r"^  (\w+) --> (\w+)$", drawing, re.M))
  through = {
    room: set().union(*(MAY_IMPORT[other] for other in allowed))
    for room, allowed in MAY_IMPORT.items()
  }
  assert drawn == {
    (room, other)
    for room, allowed in MAY_IMPORT.items()
    for other in allowed - through[room]
  }


def test_what_the_walks_through_the_code_name_is_there():
  text = (ROOT / "docs" / "structure.md").read_text()
  steps = re.findall(r"^\| \d+ \| `([\w/.]+)` \| `([\w.]+)`", text, re.M)
  assert len(steps) > 20
  for path, name in steps:
    tree = ast.parse((PACKAGE / path).read_text())
    *owner, attribute = name.split(".")
    for node in owner:
      tree = next(n for n in tree.body if getattr(n, "name", "") == node)
    names = {getattr(n, "name", getattr(n, "attr", "")) for n in ast.walk(tree)}
    assert attribute in names, f"{path}: {name}"


def test_agents_do_not_import_each_other():
  folders = [p.parent for p in (PACKAGE / "agents").glob("*/__init__.py")]
  assert len(folders) >= 2
  for folder in folders:
    others = {f"agents_pipeline.agents.{f.name}" for f in folders} - {
      f"agents_pipeline.agents.{folder.name}"
    }
    for path in folder.glob("*.py"):
      for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
          assert node.module not in others, path


def test_every_room_has_its_rule():
  rooms = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
  assert rooms == set(MAY_IMPORT)


def test_there_is_no_room_for_everything_else():
  for path in PACKAGE.rglob("*.py"):
    assert path.stem not in ("utils", "common", "helpers", "misc")
    assert len(path.read_text().splitlines()) <= 400, path


def test_paths_in_our_notes_exist():
  made = r"^(runs|\.venv|build)"
  for note in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
    for path in re.findall(r"`([\w./-]+/[\w./-]*)`", note.read_text()):
      if "." not in path.split("/")[-1] and not path.endswith("/"):
        continue
      there = any(
        (base / path).exists() for base in (ROOT, note.parent, PACKAGE)
      )
      in_run_folder = path.split("/")[0] in (
        "checkpoints", "policy", "tf_agents_policy", "videos", "assets.extra",
      )  # fmt: skip
      assert there or in_run_folder or re.match(made, path), f"{note}: {path}"


def test_every_make_target_in_our_notes_exists():
  makefile = (ROOT / "Makefile").read_text()
  targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
  notes = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
  named = {
    target
    for note in notes
    for target in re.findall(r"`[^`\n]*\bmake ([a-z-]+)", note.read_text())
  }
  assert {"train", "test"} <= named <= targets


def test_every_metric_is_explained(make_experiment, make_a2c_experiment):
  from agents_pipeline.agents import building
  from agents_pipeline.config import seeding
  from agents_pipeline.runs import metrics

  text = (ROOT / "docs" / "metrics.md").read_text()
  for make in (make_experiment, make_a2c_experiment):
    pipeline = building.build(make(), seeding.Seeds(0))
    measured = (*pipeline.measure_names, *pipeline.schedules)
    assert "loss" in measured
    for column in metrics.columns(measured):
      assert f"`{column}`" in text
