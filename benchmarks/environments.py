"""`make test-environments`: other people's environments, one run of each.

Every row of `environment_rows.py` is trained for 2,000 env steps, evaluated,
recorded and exported as a user does it, and its policy is served by a process
that has only TensorFlow and NumPy; or it has to be refused. The table is
printed, and, where no --only selects rows, written to docs/environments.md. The
exit code is 1 if a row is not as it should be.

python -m benchmarks.environments [--only=minigrid,taxi] [--root_dir=...]
"""

import dataclasses
import pathlib
import shutil
import textwrap
import time

from absl import flags

from agents_pipeline.apps import command_line
from benchmarks import (
  commands,
  environment_checks,
  environment_rows,
  machine,
  report,
)

_PAGE = pathlib.Path(__file__).parents[1] / "docs" / "environments.md"
_AS_IT_SHOULD_BE = "as it should be"
_WIDTH, _NAME_WIDTH = 80, 22
_PAGE_WIDTH = 120

_PACKAGES = (
  "agents_pipeline",
  "ale-py",
  "box2d",
  "flappy-bird-gymnasium",
  "gym-anytrading",
  "gymnasium",
  "highway-env",
  "minatar",
  "minigrid",
  "mo-gymnasium",
  "mujoco",
  "numpy",
  "panda-gym",
  "tensorflow",
  "tetris-gymnasium",
  "tf-agents",
  "vizdoom",
)


@dataclasses.dataclass(frozen=True)
class Result:
  """What became of a row.

  Attributes:
    row: the row.
    seconds: the seconds that the row took.
    problem: what is not as it should be; "" if nothing.
  """

  row: environment_rows.Row
  seconds: float
  problem: str

  @property
  def verdict(self) -> str:
    """The result in words."""
    if self.row.skip is not None:
      return f"left out: {self.row.skip}"
    return self.problem or _AS_IT_SHOULD_BE


def run(row: environment_rows.Row, root: pathlib.Path) -> Result:
  """Runs a row in a new folder of its own."""
  if row.skip is not None:
    return Result(row, 0.0, "")
  folder = root / row.name
  shutil.rmtree(folder, ignore_errors=True)
  folder.mkdir(parents=True)
  start = time.perf_counter()
  problem = environment_checks.problem_of(row, folder)
  problem = problem.replace(f"{folder}/", "")
  return Result(row, time.perf_counter() - start, problem)


def line(result: Result) -> str:
  """A row of the table in a terminal; long problems take several lines."""
  head = f"{result.row.name:{_NAME_WIDTH}}{result.seconds:5.0f} s  "
  return textwrap.fill(
    result.verdict,
    _WIDTH,
    initial_indent=head,
    subsequent_indent=" " * len(head),
  )


def markdown(about: dict, results: list[Result]) -> str:
  """The table of the page, and how it came about."""
  rows = [
    [
      result.row.name,
      f"`{result.row.environment}`",
      result.row.agent.upper() if result.row.agent else "`--environment`",
      "refused" if result.row.refused is not None else "trained",
      f"{result.seconds:.0f}",
      result.verdict.replace("|", "\\|"),
    ]
    for result in results
  ]
  header = ["row", "environment", "agent", "expected", "seconds", "result"]
  origin = (
    f"{machine.origin_in_words(about)}, {machine.in_words(about)}; "
    f"{machine.packages_in_words(about)}."
  )
  wrapped = textwrap.fill(
    origin, _PAGE_WIDTH, break_long_words=False, break_on_hyphens=False
  )
  return f"{wrapped}\n\n{report.markdown_table(header, rows)}"


def main() -> int:
  """Runs the rows that the flags select, and returns the exit code."""
  about = machine.describe(_PACKAGES)
  root = pathlib.Path(flags.FLAGS.root_dir).absolute()
  results = []
  for name in commands.choose(flags.FLAGS.only, environment_rows.ROWS):
    results.append(run(environment_rows.ROWS[name], root))
    print(line(results[-1]), flush=True)
  num_wrong = sum(bool(result.problem) for result in results)
  num_run = sum(result.row.skip is None for result in results)
  left_out = len(results) - num_run
  print(
    f"{num_run - num_wrong} of {num_run} rows are as they should be"
    + f"; {left_out} left out" * (left_out > 0)
  )
  if not flags.FLAGS.only:
    page = _PAGE.read_text("utf-8")
    text = report.between_markers(page, "measured", markdown(about, results))
    _PAGE.write_text(text, "utf-8")
    command_line.report(f"written: {_PAGE}")
  return command_line.FAILED if num_wrong else command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_list("only", [], "Names of rows; all by default.")
  flags.DEFINE_string("root_dir", "runs/environments", "Of the run folders.")
  command_line.run(main)
