"""What is said where TF-Agents is missing, and what the wheel requires."""

import importlib.metadata
import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

import agents_pipeline
from agents_pipeline import installation

ROOT = pathlib.Path(__file__).parents[2]
PACKAGES = "--no-deps tf-agents==0.19.0 gym==0.23.0"
NAME = re.compile(r"[a-z][a-z-]*")  # of a package, at the start of a line
BY_UV = f"uv pip install {shlex.quote(f'--python={sys.executable}')} {PACKAGES}"
NONE_IS = "agents_pipeline needs tf-agents 0.19.0, and none is installed; run: "


def run(*arguments, found=ROOT):
  """Runs Python without installed packages (-S), not even pip."""
  path = os.pathsep.join([str(ROOT), str(found)])
  return subprocess.run(
    [sys.executable, "-S", *arguments],
    capture_output=True,
    text=True,
    env=os.environ | {"PYTHONPATH": path},
  )


def installed(folder, **versions):
  for name, version in versions.items():
    about = folder / f"{name}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
  return folder


@pytest.fixture
def console_script(tmp_path):
  script = tmp_path / "bin" / "agents-pipeline"
  script.parent.mkdir()
  script.write_text("from agents_pipeline.__main__ import main\nmain()\n")
  return str(script)


def test_every_form_of_a_command_is_refused_in_one_line(console_script):
  for form in (
    [console_script],
    ["-m", "agents_pipeline"],
    ["-m", "agents_pipeline.apps.train"],
  ):
    done = run(*form, "train", "--root_dir=run")
    assert done.stderr == f"error: {NONE_IS}{BY_UV}\n", form
    assert (done.returncode, done.stdout) == (2, ""), form


def test_an_import_raises_the_same_line():
  done = run("-c", "import agents_pipeline")
  assert done.stderr.endswith(f"\nImportError: {NONE_IS}{BY_UV}\n")
  assert done.returncode == 1


def test_other_versions_are_refused_as_well(tmp_path):
  old = installed(tmp_path, tf_agents="0.18.0", gym="0.23.0")
  line = run("-m", "agents_pipeline", found=old).stderr
  assert "tf-agents 0.19.0, and 0.18.0 is installed; run: " in line


def test_gym_is_looked_for_too(tmp_path):
  alone = installed(tmp_path, tf_agents="0.19.0")
  line = run("-m", "agents_pipeline", found=alone).stderr
  assert "needs gym 0.23.0, and none is installed; run: " in line


def test_it_is_content_with_these_versions(tmp_path):
  both = installed(tmp_path, tf_agents="0.19.0", gym="0.23.0")
  check = "from agents_pipeline import installation"
  # Then the next import fails, as there is nothing else.
  line = run("-c", check, found=both).stderr.splitlines()[-1]
  assert line.startswith("ModuleNotFoundError: ")


def test_pip_is_named_where_there_is_pip():
  python = shlex.quote(sys.executable)
  assert installation.command() == f"{python} -m pip install {PACKAGES}"


def required(file):
  """The names in a list of requirements, or in that of setup.cfg."""
  text = (ROOT / file).read_text()
  listed = re.search(r"\ninstall_requires =\n((?:  .*\n)+)", text)
  lines = (listed.group(1) if listed else text).splitlines()
  return {
    found.group() for found in map(NAME.match, map(str.strip, lines)) if found
  }


def test_the_wheel_requires_what_tf_agents_needs_in_place_of_tf_agents():
  wheel, lock = required("setup.cfg"), required("requirements.in")
  assert lock - wheel == {"tf-agents"}
  assert wheel - lock == {"protobuf", "six", "tensorflow-probability", "wrapt"}
  needed = {
    NAME.match(line).group()
    for line in importlib.metadata.requires("tf-agents")
    if "extra ==" not in line
  }
  assert needed - wheel == {"gym", "pygame"}


def test_the_versions_are_those_of_the_lock_and_the_documentation():
  for page in ("README.md", "docs/how_to/install.md"):
    assert f"$ pip install {PACKAGES}" in (ROOT / page).read_text()
  lock = (ROOT / "requirements.lock").read_text()
  for name, version in installation.ADDED_BY_HAND.items():
    assert f"\n{name}=={version} " in lock


def test_what_names_the_version_of_the_package_names_this_one():
  version = agents_pipeline.__version__
  assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
  assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text()
  assert "attr: agents_pipeline.__version__" in (ROOT / "setup.cfg").read_text()
