"""Remakes the learning tables of docs/learning.md, or says which are old.

python -m benchmarks.learning_tables --root_dir=runs/tables --at_once=2
python -m benchmarks.learning_tables --check

Each table is a JSON file in docs/learning/: what every seed of a configuration
reached, on which commit, machine and versions. Where code that learning depends
on has changed since, the table is old: --check lists the commits and exits with
1. --verify trains the first seed of every old table again, of runs of more than
five minutes the first tenth; where metrics.csv is the same to the byte as the
table's, or as what the table's code gives on this machine, the table holds for
today's code too, and is marked so.
"""

import dataclasses
import json
import math
import pathlib
import statistics
import subprocess

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from benchmarks import commands, learning, machine, minatar, report

ROOT = pathlib.Path(__file__).parents[1]
TABLES = ROOT / "docs" / "learning"
PAGE = ROOT / "docs" / "learning.md"
_LONG = 300  # seconds of a seed, from which on its first tenth is compared
_FLAGS = flags.FLAGS

# What a seed's numbers depend on, beside its own configuration.
DEPENDENCIES = (
  "agents_pipeline/__init__.py",
  "agents_pipeline/agents",
  "agents_pipeline/config",
  "agents_pipeline/environments",
  "agents_pipeline/evaluation/best_policy.py",
  "agents_pipeline/evaluation/evaluator.py",
  "agents_pipeline/evaluation/loaded_policy.py",
  "agents_pipeline/evaluation/served_policy.py",
  "agents_pipeline/losses",
  "agents_pipeline/networks",
  "agents_pipeline/ops",
  "agents_pipeline/replay",
  "agents_pipeline/runs/callbacks.py",
  "agents_pipeline/runs/training_session.py",
  "agents_pipeline/training",
  "requirements.lock",
)


@dataclasses.dataclass(frozen=True)
class Task:
  """A table to make.

  Attributes:
    name: the name of the configuration, configs/NAME.gin.
    num_seeds: the number of seeds, which are 0 to this - 1; more where a run
      is short.
    wanted: the return that it is compared with, in words.
    bindings: gin bindings over the configuration, such as a shorter run.
  """

  name: str
  num_seeds: int
  wanted: str
  bindings: tuple[str, ...] = ()


# Of the paper's 5,000,000 frames, which take hours per seed.
_MINATAR = ("TrainingConfig.num_env_steps = 2_000_000",)

TASKS = (
  Task("dqn_cartpole", 20, "500 (RL Zoo)"),
  Task("dqn_cartpole_prioritized", 20, "500, as `dqn_cartpole`"),
  Task("c51_cartpole", 20, "500, as `dqn_cartpole`"),
  Task("qr_dqn_cartpole", 20, "500, as `dqn_cartpole`"),
  Task("rainbow_cartpole", 20, "500, as `dqn_cartpole`"),
  Task("dqn_acrobot", 20, "-76.6 (RL Zoo)"),
  Task("dqn_mountaincar", 20, "-100.8 (RL Zoo)"),
  Task("dqn_lunarlander", 30, "154.4 (RL Zoo, on v2)"),
  Task("a2c_cartpole", 20, "500 (RL Zoo)"),
  Task("a2c_acrobot", 20, "-83.4 (RL Zoo)"),
  Task("a2c_pendulum", 20, "-162 (RL Zoo)"),
  Task("a2c_lunarlander", 10, "155.8 (RL Zoo, on v2)"),
  Task("dqn_cartpole_tutorial", 20, "195"),
  Task("dqn_cartpole_soft_target", 10, "475"),
  Task("dqn_cartpole_episodic", 20, "475"),
  Task("dqn_cartpole_episodic_400", 20, "475"),
  Task("dqn_cartpole_pixels", 10, "150"),
  Task("a2c_cartpole_advantage", 20, "195"),
  Task("dqn_flappy_ball", 20, "0.95"),
  Task("dqn_catch", 10, "1.0"),
  *(
    Task(f"{agent}_minatar_{game}", 3, "[below](#minatar)", _MINATAR)
    for game, agents in (
      ("breakout", ("dqn", "c51", "qr_dqn", "rainbow", "a2c")),
      ("space_invaders", ("dqn", "qr_dqn", "rainbow", "a2c")),
    )
    for agent in agents
  ),
)


def changes_since(commit: str, name: str, root: pathlib.Path = ROOT):
  """Later commits that changed what a table depends on, newest first.

  Args:
    commit: the commit of the table; where it ends in "+", files differed from
      it.
    name: the name of the configuration.
    root: the root of the repository.

  Returns:
    "hash subject" of each commit, or why none is known.
  """
  if commit.endswith("+"):
    return [f"{commit} had changes that were not committed"]
  paths = [*DEPENDENCIES, f"configs/{name}.gin"]
  found = subprocess.run(
    ["git", "log", "--format=%h %s", f"{commit}..HEAD", "--", *paths],
    cwd=root,
    capture_output=True,
    text=True,
  )
  if found.returncode:
    return [f"{commit[:9]} is no commit of this repository"]
  differs = subprocess.run(
    ["git", "diff", "--quiet", "HEAD", "--", *paths], cwd=root
  )
  now = ["changes that are not committed"] if differs.returncode else []
  return now + found.stdout.splitlines()


def clean_commit(root: pathlib.Path = ROOT) -> str:
  """The commit that a table is of; tables themselves may have changed since.

  Raises:
    UserError: a file that learning depends on differs from the commit.
  """
  paths = [*DEPENDENCIES, "benchmarks", "configs"]
  commit, changed = (
    subprocess.run(
      ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()
    for arguments in (
      ("rev-parse", "HEAD"),
      ("status", "--porcelain", "--", *paths),
    )
  )
  if changed:
    raise errors.UserError(
      f"{changed.split()[-1]} differs from the commit that the table would "
      "name; expected a clone without changes"
    )
  return commit


def read(name: str) -> dict | None:
  """The table of a configuration; None where it was never made."""
  path = TABLES / f"{name}.json"
  return json.loads(path.read_text("utf-8")) if path.exists() else None


def _write(name: str, table: dict) -> None:
  commands.write_json(TABLES / f"{name}.json", table, indent=1)
  render()


def make(task: Task, root: pathlib.Path, at_once: int) -> None:
  """Trains every seed of a configuration and writes its table."""
  commit = clean_commit()
  about = machine.describe() | {"git_commit": commit}  # of when it begins
  # Where the runs are is of this machine alone.
  about["command"] = [
    word for word in about["command"] if not word.startswith("--root_dir")
  ]
  rows = learning.train_seeds(
    f"configs/{task.name}.gin",
    range(task.num_seeds),
    root / commit / task.name,  # earlier code's runs are others
    bindings=task.bindings,
    at_once=at_once,
  )
  _write(task.name, {"about": about, "seeds": rows})


def held_at(table: dict) -> str:
  """The last commit whose code is known to give the numbers of a table."""
  return table.get("verified_at") or table["about"]["git_commit"]


def _code_of(commit: str, root: pathlib.Path) -> pathlib.Path:
  """A clone at a commit, made when it is first asked for."""
  clone = root / "code" / commit
  if not clone.exists():
    for words in (
      ["clone", "--quiet", "--shared", str(ROOT), str(clone)],
      ["-C", str(clone), "checkout", "--quiet", commit],
    ):
      subprocess.run(["git", *words], check=True)
  return clone


def verify(task: Task, root: pathlib.Path) -> bool:
  """Whether the first seed of a table gives the same numbers today.

  Another kind of machine may round differently. So where the numbers differ,
  the code of the commit at which the table last held trains the seed as well:
  on one machine, both must give the same.
  """
  table, now = read(task.name), clean_commit()
  assert table is not None
  file, first = f"configs/{task.name}.gin", table["seeds"][0]
  # Unknown seconds are of a run that was resumed: a long one.
  is_long = "early_rows" in first and (first["seconds"] or math.inf) > _LONG

  def digest(commit: str, code: pathlib.Path) -> str:
    """The digest of what the code of a commit gives."""
    folder = root / "verify" / commit / task.name
    how: dict = {"bindings": task.bindings, "code": code}
    if is_long:
      return learning.digest_of_first_tenth(file, first, folder, **how)
    (row,) = learning.train_seeds(file, [0], folder, **how)
    return row["metrics_sha256"]

  found = digest(now, ROOT)
  is_same = found == first[f"{'early_' if is_long else ''}metrics_sha256"]
  if not is_same:
    is_same = found == digest(held_at(table), _code_of(held_at(table), root))
  if is_same:
    rows = {"verified_rows": first["early_rows"]} if is_long else {}
    table.pop("verified_rows", None)
    _write(task.name, table | {"verified_at": now} | rows)
  return is_same


def render() -> None:
  """Writes the tables into docs/learning.md."""
  header = [
    "configuration", "seeds", "env steps", "interquartile mean", "95 %",
    "worst, best seed", "wanted", "seconds", "commit",
  ]  # fmt: skip
  tables = ((task, read(task.name)) for task in TASKS)
  rows = [_cells(task, table) for task, table in tables if table]
  write_section("tables", report.markdown_table(header, rows))
  write_section("minatar", minatar.markdown(read))


def write_section(name: str, text: str) -> None:
  """Replaces a section of docs/learning.md that is made by a command."""
  page = report.between_markers(PAGE.read_text("utf-8"), name, text)
  PAGE.write_text(page, "utf-8")


def _cells(task: Task, table: dict) -> list[str]:
  """The row of one configuration."""
  rows = table["seeds"]
  found = learning.summary(rows)
  digits = 2 if max(abs(found["worst"]), abs(found["best"])) < 10 else 1
  number = lambda key: f"{found[key]:.{digits}f}"
  seconds = [row["seconds"] for row in rows if row["seconds"] is not None]
  commit = table["about"]["git_commit"][:9]
  if "verified_at" in table:
    what = "its first tenth" if "verified_rows" in table else "the same"
    commit += f", {what} at {table['verified_at'][:9]}"
  return [
    f"`{task.name}`",
    str(len(rows)),
    _range([row["env_steps"] for row in rows], "{:,}"),
    number("interquartile_mean"),
    f"{number('low')} to {number('high')}",
    f"{number('worst')}, {number('best')}",
    task.wanted,
    f"{statistics.median(seconds):.0f}" if seconds else "",
    commit,
  ]


def _range(values: list, form: str) -> str:
  low, high = min(values), max(values)
  text = form.format(low)
  return text if low == high else f"{text} to {form.format(high)}"


def _check(tasks: list[Task], verifies: bool, root: pathlib.Path) -> int:
  """Says which tables are old, and returns the exit code."""
  num_old = 0
  for task in tasks:
    table = read(task.name)
    if table is None or len(table["seeds"]) < task.num_seeds:
      num_old += 1
      seeds = f"has {len(table['seeds'])} of" if table else "was never made of"
      print(f"{task.name}: {seeds} {task.num_seeds} seeds")
      continue
    changes = changes_since(held_at(table), task.name)
    if changes and verifies and verify(task, root):
      print(f"{task.name}: seed 0 is the same as far as it was trained")
      changes = []
    if changes:
      num_old += 1
      more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
      print(f"{task.name}: older than {changes[0]}{more}")
  print(f"{len(tasks) - num_old} of {len(tasks)} tables are of today's code")
  return command_line.FAILED if num_old else command_line.DONE


def main() -> int:
  """Makes or checks tables, and returns the exit code."""
  chosen = commands.choose(_FLAGS.only, [task.name for task in TASKS])
  tasks = [task for task in TASKS if task.name in chosen]
  root = pathlib.Path(_FLAGS.root_dir).absolute()
  if _FLAGS.check or _FLAGS.verify:
    return _check(tasks, _FLAGS.verify, root)
  for task in tasks:
    command_line.report(task.name)
    make(task, root, _FLAGS.at_once)
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_string("root_dir", "runs/tables", "Of the run folders.")
  flags.DEFINE_list("only", [], "Names of configurations; all by default.")
  flags.DEFINE_integer("at_once", 1, "Processes at a time.", lower_bound=1)
  flags.DEFINE_bool("check", False, "Say which tables are old; train nothing.")
  flags.DEFINE_bool("verify", False, "Train one seed of every old table.")
  command_line.run(main)
