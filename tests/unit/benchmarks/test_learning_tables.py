"""Comparing seeds, and which learning tables are older than their code."""

import json
import re
import subprocess

import numpy as np
import pytest
import small_runs

from agents_pipeline import errors
from agents_pipeline.files import run_folder
from benchmarks import comparison, learning, learning_tables, minatar


def test_differences_of_pairs_cancel_what_seeds_have_in_common():
  before = {0: 100.0, 1: 200.0, 2: 300.0, 3: 400.0}
  after = {3: 405.0, 0: 105.0, 1: 205.0, 2: 305.0}  # in another order
  found = comparison.differences(before, after, "mean")
  np.testing.assert_allclose(found, 5.0)
  assert comparison.probability_of_difference(found) == 1.0
  unpaired = comparison.differences(
    before, {seed + 1: value for seed, value in after.items()}, "mean"
  )
  assert unpaired.std() > 50
  assert comparison.probability_of_difference(unpaired) < 0.5


@pytest.mark.parametrize(
  ("found", "expected"),
  [
    ([1, 2, 3, 4], 1.0),
    ([-1, 1], 0.0),
    ([-1, 1, 1, 1], 0.5),  # p = 2 * 1 / 4
    ([0, 0, 0], 0.0),
  ],
)
def test_the_probability_that_two_differ(found, expected):
  assert comparison.probability_of_difference(np.array(found)) == expected


def test_equal_seeds_do_not_differ():
  seeds = {0: 1.0, 1: 2.0, 2: 9.0}
  lines = comparison.describe(seeds, dict(seeds))
  assert lines[0] == "3 and 3 seeds, paired"
  assert lines[1] == (
    "mean 4.0 -> 4.0: difference +0.0 (95 %: +0.0 to +0.0), probability that "
    "they differ 0.000"
  )


def test_what_holds_no_seeds_is_rejected(tmp_path):
  with pytest.raises(errors.UserError, match="expected a folder with finished"):
    comparison.read_returns(tmp_path)


def test_a_summary_of_seeds():
  rows = [{"mean_return": value} for value in (4.0, 4.0, 4.0, 0.0, 9.0)]
  found = learning.summary(rows)
  assert found["interquartile_mean"] == 4.0
  assert (found["worst"], found["best"]) == (0.0, 9.0)
  assert 0.0 <= found["low"] <= 4.0 <= found["high"] <= 9.0


def test_the_training_return_is_that_of_the_last_twentieth(tmp_path):
  file = tmp_path / "episodes.csv"
  rows = "env_steps,episode_return,episode_length\n500,9,5\n950,7,450\n"
  file.write_text(f"{rows}951,1,1\n1000,4,49\n")
  assert learning.last_training_return(file, 1_000) == 2.5
  file.write_text(rows)
  assert learning.last_training_return(file, 1_000) is None


def test_the_seconds_of_a_resumed_run_are_unknown(tmp_path):
  run = run_folder.RunFolder(tmp_path)
  run.metrics.write_text("env_steps\n10\n20\n")
  run.episodes.write_text("env_steps,episode_return\n19,3.0\n20,1.0\n")
  record = {"mean_return": 2.5, "policy_env_steps": 10, "env_steps": 20}
  record["seconds"] = {"compile": 1.0, "train": 2.5}
  for starts, seconds in ((["a"], 3.5), (["a", "b"], None)):
    run.run_record.write_text(json.dumps(record | {"starts": starts}))
    row = learning._row(3, run)
    assert row["seconds"] == seconds
    assert (row["seed"], row["training_return"], row["early_rows"]) == (3, 1, 1)


def test_minatar_by_the_measure_of_the_paper():
  seeds = [
    {"mean_return": 20.04, "training_return": 8.26},
    {"mean_return": 3.0, "training_return": 7.0},
  ]
  tables = {"dqn_minatar_breakout": {"seeds": seeds}}
  _, _, *rows = minatar.markdown(tables.get).splitlines()
  assert rows == [
    "| Breakout | random actions | 0.5 |  |  |",
    "| Breakout | DQN | 8.3, 7.0 | about 10.0 | 20.0, 3.0 |",
    "| SpaceInvaders | random actions | 2.9 |  |  |",
  ]


@pytest.fixture
def repository(tmp_path):
  """A repository, and a function that commits a file and returns the hash."""
  git = lambda *words: subprocess.run(
    ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words],
    cwd=tmp_path,
    check=True,
    capture_output=True,
    text=True,
  ).stdout.strip()
  git("init", "--quiet")

  def commit(path, text):
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    git("add", "-A")
    git("commit", "--quiet", "-m", f"{path} {text}")
    return git("rev-parse", "HEAD")

  return tmp_path, commit


def test_a_table_is_old_where_what_it_depends_on_has_changed(repository):
  root, commit = repository
  since = lambda hash_, name: [
    line.split(" ", 1)[1]
    for line in learning_tables.changes_since(hash_, name, root)
  ]
  table = commit("agents_pipeline/agents/dqn/agent.py", "1")
  commit("README.md", "1")
  commit("configs/other.gin", "1")
  commit("agents_pipeline/apps/train.py", "1")
  assert since(table, "mine") == []
  assert since(table, "other") == ["configs/other.gin 1"]
  commit("agents_pipeline/ops/random_stream.py", "1")
  commit("agents_pipeline/agents/dqn/agent.py", "2")
  assert since(table, "mine") == [
    "agents_pipeline/agents/dqn/agent.py 2",
    "agents_pipeline/ops/random_stream.py 1",
  ]


def test_a_table_of_no_known_commit_is_old(repository):
  root, commit = repository
  known = commit("README.md", "1")
  (change,) = learning_tables.changes_since(f"{known}+", "mine", root)
  assert change == f"{known}+ had changes that were not committed"
  (change,) = learning_tables.changes_since("f" * 40, "mine", root)
  assert change == "fffffffff is no commit of this repository"


def test_one_table_does_not_keep_the_next_from_being_made(repository):
  root, commit = repository
  commit("agents_pipeline/agents/dqn/agent.py", "1")
  last = commit("docs/learning.md", "1")
  (root / "docs" / "learning.md").write_text("with a table more")
  (root / "docs" / "learning").mkdir()
  (root / "docs" / "learning" / "new.json").write_text("{}")
  assert learning_tables.clean_commit(root) == last
  (root / "agents_pipeline/agents/dqn/agent.py").write_text("2")
  with pytest.raises(errors.UserError, match="dqn/agent.py differs from the"):
    learning_tables.clean_commit(root)


def test_the_bindings_of_a_table_reach_its_seeds(tmp_path, monkeypatch):
  shorter = ("TrainingConfig.num_env_steps = 9",)
  task = learning_tables.Task("dqn_catch", 2, "1", shorter)
  seen = []

  def train_seeds(gin_file, seeds, root, *, bindings=(), at_once=1, code=None):
    seen.append((gin_file, list(seeds), bindings))
    return [{"metrics_sha256": "a"}]

  monkeypatch.setattr(learning, "train_seeds", train_seeds)
  monkeypatch.setattr(learning_tables, "clean_commit", lambda: "1234")
  monkeypatch.setattr(learning_tables, "TABLES", tmp_path)
  monkeypatch.setattr(learning_tables, "render", lambda: None)
  learning_tables.make(task, tmp_path, 1)
  assert learning_tables.verify(task, tmp_path)
  file = "configs/dqn_catch.gin"
  assert seen == [(file, [0, 1], shorter), (file, [0], shorter)]


@pytest.mark.parametrize("seconds", [9.0, 900.0, None])
def test_a_table_holds_where_its_own_code_gives_the_same_here(
  tmp_path, monkeypatch, seconds
):
  task = learning_tables.Task("dqn_catch", 1, "1")
  found = {}  # clone -> what its code gives on this machine

  def digest_of_first_tenth(gin_file, row, root, *, bindings, code):
    assert seconds != 9.0 and row["early_rows"] == 3
    return found[code]

  def train_seeds(gin_file, seeds, root, *, bindings, code):
    assert seconds == 9.0
    return [{"metrics_sha256": found[code]}]

  monkeypatch.setattr(learning, "digest_of_first_tenth", digest_of_first_tenth)
  monkeypatch.setattr(learning, "train_seeds", train_seeds)
  monkeypatch.setattr(learning_tables, "clean_commit", lambda: "now")
  monkeypatch.setattr(
    learning_tables, "_code_of", lambda commit, root: root / commit
  )
  monkeypatch.setattr(learning_tables, "TABLES", tmp_path)
  monkeypatch.setattr(learning_tables, "render", lambda: None)
  digests = {"metrics_sha256": "a", "early_metrics_sha256": "a"}
  row = {"seconds": seconds, "early_rows": 3} | digests
  table = {"about": {"git_commit": "made"}, "seeds": [row]}

  def holds(now, by_commit):
    (tmp_path / "dqn_catch.json").write_text(json.dumps(table))
    found.clear()
    found[learning_tables.ROOT] = now
    found.update({tmp_path / commit: x for commit, x in by_commit.items()})
    is_same = learning_tables.verify(task, tmp_path)
    assert (learning_tables.read(task.name).get("verified_at") == "now") == (
      is_same
    )
    return is_same

  assert holds("a", {})
  assert holds("b", {"made": "b"})
  assert not holds("b", {"made": "c"})
  table["verified_at"] = "later"
  assert holds("b", {"later": "b"})
  assert not holds("b", {"later": "c"})


def test_the_code_of_a_commit_is_a_clone_of_it(repository, monkeypatch):
  root, commit = repository
  first = commit("README.md", "1")
  commit("README.md", "2")
  monkeypatch.setattr(learning_tables, "ROOT", root)
  for _ in range(2):
    clone = learning_tables._code_of(first, root / "runs")
    assert (clone / "README.md").read_text() == "1"


@pytest.mark.slow
def test_a_long_run_is_compared_by_its_first_tenth(
  make_experiment, tmp_path, monkeypatch
):
  often = (
    "TrainingConfig.num_env_steps = 3_000",
    "TrainingConfig.log_period_env_steps = 100",
  )
  whole = small_runs.train(make_experiment(*often), tmp_path / "whole")
  lines = whole.folder.metrics.read_bytes().splitlines(keepends=True)
  gin_file = tmp_path / "small.gin"
  gin_file.write_text("\n".join([*small_runs.bindings(), *often]))
  row = {"seed": 0, "early_rows": 3}
  found = learning.digest_of_first_tenth(
    str(gin_file), row, tmp_path / "verify"
  )
  assert found == learning._digest(b"".join(lines[:4]))
  assert found != learning._digest(b"".join([*lines[:3], lines[4]]))
  verified = tmp_path / "verify" / "seed_0"
  assert not (verified / "evaluation.json").exists()  # it was stopped


def test_every_dependency_and_every_configuration_exists():
  root = learning_tables.ROOT
  for path in learning_tables.DEPENDENCIES:
    assert (root / path).exists(), path
  named = {task.name for task in learning_tables.TASKS}
  files = {path.stem for path in (root / "configs").glob("*.gin")}
  assert files - named == {"dqn_atari"}  # days
  assert named <= files


def test_the_recipes_name_the_returns_of_the_learning_tables():
  page = (learning_tables.ROOT / "docs" / "recipes.md").read_text("utf-8")
  rows = re.findall(
    r"\| \[.*\]\(#.*-(\w+)\) \| (\d+) \| ([\d.]+) of [\d.]+ \| ([\d.]+) \|",
    page,
  )
  assert len(rows) == 7
  for name, num_seeds, *numbers in rows:
    seeds = learning_tables.read(name)["seeds"]
    assert int(num_seeds) == len(seeds), name
    found = learning.summary(seeds)
    expected = found["interquartile_mean"], found["worst"]
    for number, value in zip(numbers, expected, strict=True):
      num_digits = len(number.partition(".")[2])
      assert number == f"{value:.{num_digits}f}", name


def test_tables_are_rendered_between_their_marks(tmp_path, monkeypatch):
  monkeypatch.setattr(learning_tables, "TABLES", tmp_path)
  monkeypatch.setattr(learning_tables, "PAGE", tmp_path / "learning.md")
  mark = "<!-- tables: begin -->", "<!-- tables: end -->"
  minatar_marks = mark[0].replace("tables", "minatar"), "<!-- minatar: end -->"
  (tmp_path / "learning.md").write_text(
    "\n".join([*minatar_marks, "before", mark[0], "old", mark[1], "x"])
  )
  row = {"policy_env_steps": 5, "env_steps": 10_000, "metrics_sha256": "a"}
  seeds = [
    row | {"seed": i, "mean_return": r, "seconds": s}
    for i, (r, s) in enumerate(((-0.5, 3.0), (1.0, None), (1.0, 5.0)))
  ]
  table = {"about": {"git_commit": "1234567890abc"}, "seeds": seeds}
  (tmp_path / "dqn_catch.json").write_text(json.dumps(table))
  learning_tables.render()
  text = (tmp_path / "learning.md").read_text()
  assert f"{minatar_marks[1]}\nbefore\n{mark[0]}\n\n| configuration " in text
  assert text.endswith(f"| -0.50, 1.00 | 1.0 | 4 | 123456789 |\n\n{mark[1]}\nx")
  assert "| `dqn_catch` | 3 | 10,000 | 0.50 |" in text
  for verified, words in (
    ({"verified_at": "fedcba9876543"}, "the same at fedcba987"),
    (
      {"verified_at": "fedcba9876543", "verified_rows": 2},
      "its first tenth at fedcba987",
    ),
  ):
    (tmp_path / "dqn_catch.json").write_text(json.dumps(table | verified))
    learning_tables.render()
    text = (tmp_path / "learning.md").read_text()
    assert f"| 123456789, {words} |" in text
