"""Every gin file is true, and every field of the configuration is read."""

import ast
import dataclasses
import functools
import pathlib
import re

import pytest

from agents_pipeline.agents import building
from agents_pipeline.config import fields, gin_files, seeding
from agents_pipeline.environments import making

ROOT = pathlib.Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.gin"))
PACKAGE = ROOT / "agents_pipeline"


def test_there_are_configurations():
  assert ROOT / "configs" / "dqn_cartpole.gin" in CONFIGS


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_gin_file_parses_and_builds(path):
  has_buffer = "\nReplayConfig." in path.read_text()
  experiment = gin_files.load_experiment(
    [path],
    # Atari's takes 7 GB.
    ["ReplayConfig.capacity_env_steps = 50_000"] * has_buffer,
  )
  assert making.environment_spec(experiment.environment.name)
  pipeline = building.build(experiment, seeding.Seeds(0))
  assert pipeline.stops.num_env_steps > 0
  pipeline.close()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_number_has_its_unit_and_source(path):
  """A number is followed by a comment: "unit; source"."""
  for line in path.read_text().splitlines():
    value = re.match(r"[\w.]+ = [^#@]*\d", line)
    if value and "name" not in line.split(" = ")[0]:
      assert re.search(r"#\s*\w+", line), line


def classes():
  return list(fields.CLASSES.values())


@functools.cache
def code_without_checks():
  """The package's code without docstrings, comments and `validate` methods."""
  found = []
  for path in PACKAGE.rglob("*.py"):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
      if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
        node.body = [
          n
          for n in node.body
          if getattr(n, "name", "") != "validate"
          and not isinstance(getattr(n, "value", None), ast.Constant)
        ] or [ast.Pass()]
    found.append(ast.unparse(tree))
  return "\n".join(found)


@pytest.mark.parametrize("one", classes(), ids=lambda c: c.__name__)
def test_every_field_is_read(one):
  """By more than the check of its own value, and not only by a docstring."""
  code = code_without_checks()
  for field in dataclasses.fields(one):
    assert re.search(rf"\.{field.name}\b", code), f"{one.__name__}.{field.name}"
