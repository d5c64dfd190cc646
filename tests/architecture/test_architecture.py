"""The order of imports, where tests lie, and that notes name what there is."""

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
  "cluster": set(),
  "config": {"files"},
  "networks": {"config", "ops"},
  "replay": {"config", "losses", "ops"},
  "environments": {"cluster", "config", "ops"},
  "training": {"config", "ops"},
  "evaluation": {"config", "environments", "files"},
  "reports": {"config", "evaluation", "files"},
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
    "cluster",
    "config",
    "environments",
    "evaluation",
    "files",
    "networks",
    "reports",
    "training",
  },
  "sweeps": {
    "cluster",
    "config",
    "evaluation",
    "files",
    "runs",
  },
  "api": {
    "config",
    "environments",
    "evaluation",
    "files",
    "networks",
    "runs",
  },
  "apps": {
    "cluster",
    "config",
    "environments",
    "evaluation",
    "files",
    "reports",
    "runs",
    "sweeps",
    "training",
  },
}

# Of DQN and its family; no agent itself.
SHARED_BY_AGENTS = "q_learning"

# Files without tests of their own name, and why.
TESTED_ELSEWHERE = {
  "agents/a2c/pipeline.py": "tests/equivalence/test_rollout_iterations.py",
  "agents/c51/pipeline.py": "tests/resume/test_resume.py",
  "agents/dqn/pipeline.py": "tests/unit/agents/q_learning/test_pipeline.py",
  "agents/nadam.py": "tests/unit/agents/test_optimizers.py",
  "agents/parts.py": "both pipelines begin with it",
  "agents/pipeline.py": "both pipelines do all of it",
  "agents/q_learning/config.py": "tests/unit/agents/dqn/test_config.py",
  "agents/q_learning/distributions.py": "tests/unit/agents/c51",
  "agents/qr_dqn/pipeline.py": "tests/resume/test_resume.py",
  "agents/registry.py": "every pipeline is built by its two lines",
  "apps/compare.py": "tests/apps/test_apps.py, tests/inputs",
  "apps/evaluate.py": "tests/apps/test_apps.py runs it",
  "apps/export_policy.py": "tests/apps/test_apps.py runs it",
  "apps/policy_flags.py": "tests/apps/test_apps.py, tests/inputs",
  "apps/record_video.py": "tests/apps/test_apps.py runs it",
  "apps/experiment_flags.py": "tests/apps/test_apps.py, tests/inputs",
  "apps/sweep.py": "tests/apps/test_sweeps.py runs it",
  "apps/train.py": "tests/apps/test_apps.py runs it",
  "config/agent.py": "tests/unit/agents/dqn/test_config.py",
  "config/collectors.py": "tests/unit/agents/q_learning/test_collecting.py",
  "config/encoders.py": "tests/unit/environments/test_leaves.py",
  "config/rules.py": "tests/unit/config/test_fields.py",
  "config/environment.py": "tests/unit/config/test_schema.py",
  "environments/backends/gymnasium.py": "test_loading.py makes both",
  "environments/backends/tensor.py": "test_loading.py makes both",
  "environments/display.py": "tests/faults/test_renderer.py",
  "environments/tensor/minatar/seaquest_moves.py": "test_seaquest.py there",
  "environments/tensor/minatar/seaquest_state.py": "test_seaquest.py there",
  "environments/tensor/mountain_car.py": "test_tensor_environment.py there",
  "environments/collected_environment.py": "tests/cluster/test_collectors.py",
  "environments/ray_actor.py": "tests/cluster/test_ray_vector_env.py",
  "environments/ray_collectors.py": "tests/cluster/test_collectors.py",
  "environments/ray_copies.py": "tests/cluster/test_ray_vector_env.py",
  "environments/ray_vector_env.py": "tests/cluster/test_ray_vector_env.py",
  "evaluation/loaded_policy.py": "tests/equivalence/test_served_policy.py",
  "evaluation/renderer.py": "a process: tests/faults/test_renderer.py",
  "evaluation/served_policy.py": "tests/equivalence/test_served_policy.py",
  "losses/shapes.py": "the tests of every loss give it wrong ones",
  "reports/provenance.py": "tests/unit/reports/test_page.py",
  "reports/sections.py": "tests/unit/reports/test_page.py",
  "replay/specs.py": "a record that every buffer is made of",
  "runs/finalize.py": "the end of a run: tests/apps/test_apps.py",
  "runs/provenance.py": "tests/unit/runs/test_run_record.py",
  "runs/restored_policy.py": "tests/unit/runs/test_export.py",
  "runs/run.py": "names what a run consists of",
  "runs/sinks/service.py": "tests/unit/runs/sinks/test_tracked_run.py",
  "runs/sinks/service_process.py": "tests/unit/runs/sinks/test_tracked_run.py",
  "runs/sinks/sink.py": "an interface",
  "runs/train_process.py": "tests/apps/test_sweeps.py, tests/cluster",
  "runs/training_run.py": "whole runs: tests/resume/test_resume.py",
  "runs/training_session.py": "whole runs: tests/resume/test_resume.py",
  "runs/videos.py": "tests/faults/test_renderer.py",
  "sweeps/grid.py": "tests/unit/sweeps/test_schedule.py",
  "sweeps/planned.py": "tests/unit/sweeps/test_schedule.py",
  "sweeps/processes.py": "tests/apps/test_sweeps.py",
  "sweeps/sweep_folder.py": "tests/apps/test_sweeps.py, tests/inputs",
  "sweeps/table.py": "tests/unit/sweeps/test_summary.py",
  "training/on_device.py": "tests/equivalence/test_iterations.py",
  "training/replay_calls.py": "tests/equivalence/test_iterations.py",
  "training/rollout_iteration.py": "as agents/a2c/pipeline.py",
}


def imports(path):
  """The folders that a file imports, wherever in it."""
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.ImportFrom):
      assert node.level == 0, f"{path}: imports are absolute"
      parts = node.module.split(".")
      if parts[0] == "agents_pipeline":
        yield from parts[1:2] or [alias.name for alias in node.names]
    elif isinstance(node, ast.Import):
      for alias in node.names:
        parts = alias.name.split(".")
        if parts[0] == "agents_pipeline" and len(parts) > 1:
          yield parts[1]


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_imports_go_one_way(folder):
  files = list((PACKAGE / folder).rglob("*.py"))
  assert files
  for path in files:
    for imported in imports(path):
      allowed = MAY_IMPORT[folder] | {folder, "errors", "interfaces"}
      assert imported in allowed, f"{path.relative_to(ROOT)}: {imported}"


def test_allowed_imports_go_one_way():
  folders = list(MAY_IMPORT)
  for folder, allowed in MAY_IMPORT.items():
    assert allowed <= set(folders[: folders.index(folder)]), folder


def test_the_drawing_shows_these_imports():
  drawing = (ROOT / "docs" / "structure.md").read_text()
  drawn = set(re.findall(r"^  (\w+) --> (\w+)$", drawing, re.M))
  through = {
    folder: set().union(*(MAY_IMPORT[other] for other in allowed))
    for folder, allowed in MAY_IMPORT.items()
  }
  assert drawn == {
    (folder, other)
    for folder, allowed in MAY_IMPORT.items()
    for other in allowed - through[folder]
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
    names = {getattr(n, "name", "") for n in tree.body}
    if owner:  # what its methods set counts as well
      names |= {n.attr for n in ast.walk(tree) if _is_set_on_self(n)}
    assert attribute in names, f"{path}: {name}"


def _is_set_on_self(node):
  return (
    isinstance(node, ast.Attribute)
    and isinstance(node.ctx, ast.Store)
    and getattr(node.value, "id", "") == "self"
  )


def test_agents_import_what_they_share_and_not_each_other():
  folders = [p.parent for p in (PACKAGE / "agents").glob("*/__init__.py")]
  assert len(folders) >= 2
  for folder in folders:
    others = {
      f"agents_pipeline.agents.{f.name}"
      for f in folders
      if f.name not in (folder.name, SHARED_BY_AGENTS)
    }
    for path in folder.glob("*.py"):
      for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in getattr(node, "names", [])]
        module = getattr(node, "module", None)
        full = [f"{module}.{name}" for name in names] if module else names
        for name in full:
          assert not any(f"{name}.".startswith(f"{o}.") for o in others), path


def test_what_everything_may_import_imports_no_room():
  for name in ("errors.py", "interfaces.py"):
    assert not set(imports(PACKAGE / name)), name


def test_no_function_is_longer_than_a_screen():
  for path in PACKAGE.rglob("*.py"):
    for node in ast.walk(ast.parse(path.read_text())):
      if isinstance(node, ast.FunctionDef):
        lines = node.end_lineno - node.lineno + 1
        docstring = ast.get_docstring(node, clean=False)
        documented = len(docstring.split("\n")) if docstring else 0
        assert lines - documented <= 60, f"{path}: {node.name}"


def test_every_room_has_its_rule():
  folders = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
  assert folders == set(MAY_IMPORT)


def test_every_file_has_tests_of_its_own_name():
  """agents_pipeline/x/y.py has tests/unit/x/test_y.py; __init__.py has none."""
  files = {
    str(path.relative_to(PACKAGE))
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py"
  }
  unit = ROOT / "tests" / "unit"
  tested = {
    file
    for file in files
    if (unit / file).with_name(f"test_{pathlib.Path(file).name}").exists()
  }
  assert files - tested == set(TESTED_ELSEWHERE)
  for file, where in TESTED_ELSEWHERE.items():
    for path in re.findall(r"tests/[\w/.]*\w", where):
      assert (ROOT / path).exists(), file


def test_tests_of_no_file_lie_elsewhere():
  """tests/unit/x/test_y.py is of x/y.py; test_y_z.py too, of one thing of y."""
  unit = ROOT / "tests" / "unit"
  for path in unit.rglob("test_*.py"):
    folder = path.parent.relative_to(unit)
    folder = (ROOT if folder.parts[:1] == ("benchmarks",) else PACKAGE) / folder
    name = path.stem.removeprefix("test_")
    assert any(
      f"{name}_".startswith(f"{file.stem}_") for file in folder.glob("*.py")
    ), path


def test_no_two_modules_of_tests_share_a_name():
  """Outside a package, pytest imports them by the name of the file alone."""
  tests = ROOT / "tests"
  for folder in {path.parent for path in (tests / "unit").rglob("test_*.py")}:
    assert (folder / "__init__.py").exists(), folder
  names = [
    path.name
    for path in tests.rglob("*.py")
    if path.name != "conftest.py" and not (path.parent / "__init__.py").exists()
  ]
  assert len(names) == len(set(names)), sorted(names)


def test_there_is_no_room_for_everything_else():
  for path in PACKAGE.rglob("*.py"):
    assert path.stem not in ("utils", "common", "helpers", "misc")
    assert len(path.read_text().splitlines()) <= 400, path


def test_paths_in_our_notes_exist():
  made = r"^(runs|trials|\.venv|build)"
  for note in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
    for path in re.findall(r"`([\w./-]+/[\w./-]*)`", note.read_text()):
      if "." not in path.split("/")[-1] and not path.endswith("/"):
        continue
      there = any(
        (base / path).exists() for base in (ROOT, note.parent, PACKAGE)
      )
      in_run_folder = path.split("/")[0] in (
        "checkpoints", "policy", "tf_agents_policy", "videos", "assets.extra",
        "wandb", "learners",
      )  # fmt: skip
      assert there or in_run_folder or re.match(made, path), f"{note}: {path}"


def test_every_file_is_on_the_map():
  """By itself, or by its folder where every file is of one kind."""
  notes = (ROOT / "WORKSPACE_NOTES.md").read_text()
  for path in PACKAGE.rglob("*.py"):
    name = path.relative_to(PACKAGE).as_posix()
    is_there = f"`{name}`" in notes
    of_one_kind = name.startswith(("environments/tensor/", "runs/sinks/"))
    assert is_there or of_one_kind or path.name == "__init__.py", name


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
