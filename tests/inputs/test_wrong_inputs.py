"""Every wrong input of the table, answered by its one line."""

import os
import pathlib
import re
import shlex
import shutil

import pytest
import starter

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[2]
TABLE = pathlib.Path(__file__).with_name("wrong_inputs.txt").read_text()

TINY = [
  "Experiment.agent = @DqnConfig()",
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 60",
  "EvaluationConfig.period_env_steps = 60",
  "EvaluationConfig.num_episodes_while_training = 1",
  "EvaluationConfig.num_episodes = 1",
  "DqnConfig.hidden_layers = (4,)",
  "DqnConfig.batch_size = 4",
  "DqnConfig.num_random_env_steps = 10",
  "DqnConfig.num_env_steps_before_training = 10",
  "ReplayConfig.capacity_env_steps = 100",
]


def rows():
  """(what is typed, the answer) of the table."""
  lines = [line for line in TABLE.splitlines() if not line.startswith("#")]
  for block in "\n".join(lines).strip().split("\n\n"):
    typed, answer = block.split("\n")
    yield pytest.param(typed.removeprefix("$ "), answer, id=typed[2:80])


@pytest.fixture(scope="module")
def place(starting, tmp_path_factory):
  """A folder with what the table speaks of, and a starter of processes."""
  folder = tmp_path_factory.mktemp("inputs")
  (folder / "file").write_text("x")
  (folder / "bad.gin").write_bytes(b"\xff\xfe\x00bad")
  (folder / "imports.gin").write_text("import os\n")
  (folder / "inc.gin").write_text("include 'nowhere.gin'\n")
  (folder / "loop.gin").write_text(f"include '{folder}/loop.gin'\n")
  (folder / "empty").mkdir()
  (folder / "junk").mkdir()
  (folder / "junk" / "saved_model.pb").write_bytes(b"junk")
  code, _, err = starting.run_app(
    "train",
    [f"--root_dir={folder}/run", *map(binding, TINY)],
    ROOT,
    replaced=starter.NO_VIDEOS,
  )
  assert code == 0, err
  (folder / "run/videos").mkdir()
  (folder / "run/videos/trained.mp4").write_bytes(b"a video")
  for name, file, content in (
    ("damaged", "variables/variables.index", ""),
    ("babble", "assets.extra/policy.json", "[1]"),
  ):
    shutil.copytree(folder / "run" / "policy", folder / name)
    (folder / name / file).write_text(content)
  for name, file, content in (
    ("rowless", "metrics.csv", "env_steps,loss\n1,much\n"),
    ("unjudged", "evaluation.json", "{}"),
    ("unset", "config.gin", ""),
    ("unread", "run.json", "{}"),
  ):
    (folder / "broken" / name).mkdir(parents=True)
    for kept in ("run.json", "config.gin", "metrics.csv", "evaluation.json"):
      shutil.copy(folder / "run" / kept, folder / "broken" / name)
    (folder / "broken" / name / file).write_text(content)
  (folder / "lite").mkdir()
  (folder / "lite" / "policy.tflite").write_text("x")
  (folder / "spoilt").mkdir()
  (folder / "spoilt" / "run.json").write_text("{")
  return folder, starting


def binding(text):
  return f"--gin_bindings={text}"


def filled(text, folder):
  for word, name in (
    ("$NEW", "new"), ("$RUN", "run"), ("$FILE", "file"), ("$EMPTY", "empty"),
    ("$JUNK", "junk"), ("$DAMAGED", "damaged"), ("$BABBLE", "babble"),
    ("$SPOILT", "spoilt"), ("$LITE", "lite"),
    ("$FOLDER", ""),
  ):  # fmt: skip
    text = text.replace(word, os.path.join(folder, name).rstrip("/"))
  for word, length in (("X300", 300), ("X248", 248)):
    text = text.replace(word, "x" * length)
  return text


def there(folder):
  """Everything in a folder, and when each file was written."""
  return {
    p: p.stat().st_mtime_ns if p.is_file() else None for p in folder.rglob("*")
  }


@pytest.mark.parametrize(("typed", "answer"), list(rows()))
def test_one_line_answers_and_nothing_changes(place, typed, answer):
  folder, starting = place
  app, *words = shlex.split(typed)
  flags = []
  for word in words:
    flags += map(binding, TINY) if word == "$TINY" else [filled(word, folder)]
  before = there(folder)
  code, out, err = starting.run_app(app, flags, ROOT)
  assert len(err.splitlines()) == 1, err
  expected = re.escape("error: " + filled(answer, folder))
  assert re.fullmatch(expected.replace("<any>", ".*"), err.strip()), err
  assert (code, out) == (2, "")
  assert there(folder) == before


@pytest.mark.parametrize(
  ("name", "answer", "raised"),
  [
    (
      "breaks_on_import:X",
      "cannot import 'tests.inputs.breaks_on_import' (RuntimeError: no "
      "licence)",
      'raise RuntimeError("no\\nlicence")',
    ),
    (
      "exits_on_import:X",
      "cannot import 'tests.inputs.exits_on_import' (SystemExit: 3)",
      "raise SystemExit(3)",
    ),
    ("breaks_when_made:Breaks", "KeyError: 'device'", 'KeyError("device")'),
    (
      "breaks_when_made:Fine",  # but not its vector version
      "no vectors",
      'raise AssertionError("no vectors")',
    ),
    (
      "breaks_when_made:Spaceless",
      "AttributeError: no space",
      'raise AttributeError("no space")',
    ),
  ],
)
def test_an_environment_whose_code_raises_leaves_its_traceback(
  place, tmp_path, name, answer, raised
):
  _, starting = place
  name, root = f"tests.inputs.{name}-v0", tmp_path / "run"
  bindings = (*TINY, f"EnvironmentConfig.name = '{name}'")
  if "Fine" in name or "Spaceless" in name:
    bindings += ("EnvironmentConfig.vectorization = 'vector_entry_point'",)
  flags = [f"--root_dir={root}", *map(binding, bindings)]
  for _ in range(2):  # what it leaves is not in the way of the next try
    code, _, err = starting.run_app("train", flags, ROOT)
    assert (code, err) == (
      2,
      f"error: environment {name!r}: {answer}; see {root}/traceback.txt\n",
    )
    assert raised in (root / "traceback.txt").read_text()
    assert [path.name for path in root.iterdir()] == ["traceback.txt"]


def test_the_table_is_long():
  assert len(list(rows())) >= 60
