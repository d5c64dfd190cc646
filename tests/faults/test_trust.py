"""What is loaded runs no code of its own."""

import ast
import collections
import pathlib
import re
import sys

import pytest

import agents_pipeline
from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.evaluation import loaded_policy
from agents_pipeline.files import run_folder
from agents_pipeline.runs import checkpoints, export

PACKAGE = pathlib.Path(agents_pipeline.__file__).parent
ENOUGH = (
  "Experiment.agent = @DqnConfig()",
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 2_000",
)

unpickled: list = []


def listen(event, arguments):
  """Python audits every class that a pickle names."""
  if event == "pickle.find_class":
    unpickled.append(arguments)


sys.addaudithook(listen)


def test_policies_and_checkpoints_hold_no_pickles(
  make_simple_and_combined, train, tmp_path
):
  train(
    make_simple_and_combined("EnvironmentConfig.backend = 'gymnasium'"), "run"
  )
  run = run_folder.RunFolder(tmp_path / "run")
  unpickled.clear()
  policy = tmp_path / "policy"
  export.export_from_checkpoint(run, "best", policy, print)
  loaded, setting = loaded_policy.load_for(policy, None)
  assert setting.name == "CartPole-v1"
  experiment = gin_files.load_experiment([run.config])
  pipeline = building.build(experiment, seeding.Seeds(0))
  saved = checkpoints.Checkpoints(run.checkpoints, pipeline.tracked)
  assert saved.restore(print)
  pipeline.resume()
  assert unpickled == []
  assert loaded.about["environment"] == "CartPole-v1"


def test_the_audit_hears_pickles():
  import fractions
  import pickle

  unpickled.clear()
  pickle.loads(pickle.dumps(fractions.Fraction(1, 2)))
  assert unpickled


# Two processes of ours, the first of which starts the second.
BETWEEN_OURSELVES = {"renderer.py", "recording.py"}


def test_nothing_of_ours_unpickles_or_evaluates():
  for path in PACKAGE.rglob("*.py"):
    for node in ast.walk(ast.parse(path.read_text())):
      if isinstance(node, ast.Import):
        names = {alias.name for alias in node.names}
        assert not names & {"pickle", "dill", "joblib"}, path
        if "cloudpickle" in names:
          assert path.name in BETWEEN_OURSELVES
      if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        assert node.func.id not in ("eval", "exec"), path
      if isinstance(node, ast.keyword):
        assert node.arg != "allow_pickle", path


def test_gin_files_import_only_when_allowed(tmp_path, monkeypatch):
  monkeypatch.syspath_prepend(tmp_path)
  (tmp_path / "sneaky.py").write_text("import os\nos.environ['SNEAKED'] = '1'")
  monkeypatch.delenv("SNEAKED", raising=False)
  inner, outer = tmp_path / "inner.gin", tmp_path / "outer.gin"
  inner.write_text("import sneaky\n")
  outer.write_text(f"include '{inner}'\n")
  for files, bindings in (
    ([inner], ()),
    ([outer], ()),
    ([], ("import sneaky",)),
    ([], ("from sneaky import os",)),
    ([], (f"include '{inner}'",)),
  ):
    with pytest.raises(errors.UserError, match="--allow_gin_imports"):
      gin_files.load_experiment(files, (*ENOUGH, *bindings))
  assert "sneaky" not in sys.modules
  gin_files.load_experiment([outer], ENOUGH, allow_imports=True)
  assert sys.modules.pop("sneaky")


def test_the_locks_are_hashed():
  root = PACKAGE.parent
  locks = list(root.glob("requirements*.lock"))
  assert len(locks) == 9
  for lock in locks:
    text = lock.read_text().replace("\\\n", "")
    pinned = [line for line in text.splitlines() if "==" in line]
    assert pinned
    for line in pinned:
      if not line.lstrip().startswith("#"):
        assert "--hash=sha256:" in line, line
  makefile = (root / "Makefile").read_text()
  for lock in locks:
    assert f"--require-hashes -r {lock.name}" in makefile


def test_locks_of_one_environment_pin_the_same_versions():
  """pip refuses to install two versions of a package."""
  versions = collections.defaultdict(set)
  for name in ("", "-test", "-serving", "-tracking", "-gpu", "-docs", "-scale"):
    lock = PACKAGE.parent / f"requirements{name}.lock"
    pins = re.findall(r"^([\w.-]+)==([^ ;]+)", lock.read_text(), re.MULTILINE)
    times = collections.Counter(package for package, _ in pins)
    for package, version in pins:
      if times[package] == 1:  # not one version for each of several Pythons
        versions[package].add(version)
  assert len(versions) > 200
  assert {name: pins for name, pins in versions.items() if len(pins) > 1} == {}
