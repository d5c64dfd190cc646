"""C51, QR-DQN and prioritized DQN beside DQN, all with DQN's settings.

python -m benchmarks.family --root_dir=runs/family --at_once=2

A configuration of DQN, configs/dqn_TASK.gin, is trained by the other methods,
which change nothing of it but the agent or its replay. It is double DQN
already. What every seed reached goes to docs/learning/family/METHOD_TASK.json.
CartPole is not trained here: there each method has a configuration and a table
of its own. The table in docs/learning.md compares the seeds that all methods of
a task have.
"""

import dataclasses
import pathlib

import numpy as np
from absl import flags

from agents_pipeline.apps import command_line
from benchmarks import (
  commands,
  comparison,
  learning,
  learning_tables,
  machine,
  report,
)

TABLES = learning_tables.TABLES / "family"
_FLAGS = flags.FLAGS


@dataclasses.dataclass(frozen=True)
class Task:
  """A task that DQN has a configuration for.

  Attributes:
    num_seeds: the number of seeds, which are 0 to this - 1.
    v_min: the least return that C51's support holds.
    v_max: the largest return that C51's support holds.
  """

  num_seeds: int
  v_min: float
  v_max: float


TASKS = {
  "acrobot": Task(10, -100.0, 0.0),  # -1 per step, gamma 0.99
  "mountaincar": Task(10, -50.0, 0.0),  # -1 per step, gamma 0.98
  "lunarlander": Task(5, -200.0, 200.0),
}


def _prioritized(text: str, task: Task) -> str:
  return (
    text.replace("ReplayConfig.capacity", "PrioritizedReplay.capacity")
    + "\nDqnConfig.replay = @PrioritizedReplay()\n"
  )


def _c51(text: str, task: Task) -> str:
  return _of_agent("C51Config", text) + (
    f"\nC51Config.num_atoms = 51\nC51Config.v_min = {task.v_min}\n"
    f"C51Config.v_max = {task.v_max}\n"
  )


def _qr_dqn(text: str, task: Task) -> str:
  return _of_agent("QrDqnConfig", text) + "\nQrDqnConfig.num_quantiles = 51\n"


def _of_agent(config: str, text: str) -> str:
  """The configuration of another agent, whose loss is its own."""
  lines = text.replace("DqnConfig", config).splitlines()
  return "\n".join(x for x in lines if not x.startswith(f"{config}.loss"))


METHODS = {"prioritized_dqn": _prioritized, "c51": _c51, "qr_dqn": _qr_dqn}

_TITLES = {
  "prioritized_dqn": "prioritized DQN",
  "c51": "C51",
  "qr_dqn": "QR-DQN",
}

# Method -> the name of its configuration of CartPole.
CARTPOLE = {
  "prioritized_dqn": "dqn_cartpole_prioritized",
  "c51": "c51_cartpole",
  "qr_dqn": "qr_dqn_cartpole",
}


def gin_text(method: str, task: str) -> str:
  """DQN's configuration of a task, changed to another method."""
  path = learning_tables.ROOT / "configs" / f"dqn_{task}.gin"
  return METHODS[method](path.read_text("utf-8"), TASKS[task])


def make(method: str, task: str, root: pathlib.Path, at_once: int) -> None:
  """Trains every seed of a method and a task, and writes their table."""
  commit = learning_tables.clean_commit()
  folder = root / commit / f"{method}_{task}"
  folder.mkdir(parents=True, exist_ok=True)
  file = folder.with_suffix(".gin")
  file.write_text(gin_text(method, task), "utf-8")
  rows = learning.train_seeds(
    str(file), range(TASKS[task].num_seeds), folder, at_once=at_once
  )
  about = machine.describe() | {"git_commit": commit}
  about.pop("command")
  TABLES.mkdir(exist_ok=True)
  table = {"about": about, "seeds": rows}
  commands.write_json(TABLES / f"{method}_{task}.json", table, indent=1)


def rows_of(task: str) -> list[list[str]]:
  """The rows of a task: DQN's, and one for each method that has a table."""
  found = {
    method: comparison.read_returns(path)
    for method, path in _tables_of(task).items()
    if path.exists()
  }
  if not found:
    return []
  dqn = comparison.read_returns(learning_tables.TABLES / f"dqn_{task}.json")
  seeds = sorted(set(dqn).intersection(*found.values()))
  dqn = {seed: dqn[seed] for seed in seeds}
  rows = [[task, "DQN", *_cells(dqn), "", ""]]
  for method, returns in found.items():
    returns = {seed: returns[seed] for seed in seeds}
    drawn = comparison.differences(dqn, returns, "interquartile mean")
    low, high = np.percentile(drawn, [2.5, 97.5])
    differ = comparison.probability_of_difference(drawn)
    more = f"{low:+.1f} to {high:+.1f}", f"{differ:.2f}"
    rows.append([task, _TITLES[method], *_cells(returns), *more])
  return rows


def _tables_of(task: str) -> dict[str, pathlib.Path]:
  """Method -> its table of a task, which may not be made yet."""
  if task == "cartpole":
    return {
      method: learning_tables.TABLES / f"{name}.json"
      for method, name in CARTPOLE.items()
    }
  return {method: TABLES / f"{method}_{task}.json" for method in METHODS}


def _cells(returns: dict[int, float]) -> tuple[str, str, str]:
  found = learning.summary([{"mean_return": r} for r in returns.values()])
  return (
    str(len(returns)),
    f"{found['interquartile_mean']:.1f}",
    f"{found['low']:.1f} to {found['high']:.1f}",
  )


def render() -> str:
  """Writes the table into docs/learning.md, and returns it."""
  header = [
    "task", "method", "seeds", "interquartile mean", "95 %",
    "difference to DQN (95 %)", "probability that they differ",
  ]  # fmt: skip
  rows = [row for task in ("cartpole", *TASKS) for row in rows_of(task)]
  table = report.markdown_table(header, rows)
  learning_tables.write_section("family", table)
  return table


def main() -> int:
  """Trains what is asked for, prints the table, and returns the exit code."""
  names = {f"{m}_{t}": (m, t) for t in TASKS for m in METHODS}
  for name in commands.choose(_FLAGS.only, [*names]):
    command_line.report(name)
    make(*names[name], pathlib.Path(_FLAGS.root_dir), _FLAGS.at_once)
  print(render())
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_string("root_dir", "runs/family", "Of the run folders.")
  flags.DEFINE_list("only", [], "Such as c51_acrobot; all by default.")
  flags.DEFINE_integer("at_once", 1, "Processes at a time.", lower_bound=1)
  command_line.run(main)
