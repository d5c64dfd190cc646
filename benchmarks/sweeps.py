"""What an iteration costs over environments, batch sizes and capacities.

Tensor CartPole, the networks and the optimizers of `make bench`. An iteration
of DQN is one step of each environment and one update, one of A2C five steps of
each and one update.

python -m benchmarks.sweeps [--quick] [--tables=batch] [--output=FILE.json]
"""

import dataclasses
import json
import pathlib
import statistics
import time
from collections.abc import Callable, Sequence

from absl import flags

from agents_pipeline.apps import command_line
from benchmarks import interleaved, machine, our_loop

_NUM_ENVS = (1, 4, 16, 64, 256, 1_024, 4_096)
_BATCH_SIZES = (32, 64, 128, 256, 1_024, 4_096)
_CAPACITIES = (10_000, 100_000, 1_000_000)  # env steps
# XLA may copy the tables once per call, so short calls show their size.
_ITERATIONS_PER_CALL = (1_000, 20_000)


@dataclasses.dataclass(frozen=True)
class Row:
  """One size.

  Attributes:
    label: of it.
    make: builds a loop, whose `run` takes env steps.
    env_steps: of one iteration.
    per_call: iterations of each call; None is all of a turn.
  """

  label: str
  make: Callable[[], our_loop.DqnLoop | our_loop.A2cLoop]
  env_steps: int
  per_call: int | None = None


def _dqn(*bindings: str, num_envs: int = 1) -> Callable[[], our_loop.DqnLoop]:
  return lambda: our_loop.DqnLoop(
    "tensor", *bindings, num_envs=num_envs, num_train_steps=1
  )


def _environments_of_dqn(num_envs: Sequence[int]) -> list[Row]:
  return [Row(f"{n:,}", _dqn(num_envs=n), n) for n in num_envs]


def _environments_of_a2c(num_envs: Sequence[int]) -> list[Row]:
  make = lambda n: lambda: our_loop.A2cLoop("tensor", num_envs=n)
  return [Row(f"{n:,}", make(n), 5 * n) for n in num_envs]


def _batches(sizes: Sequence[int]) -> list[Row]:
  return [
    Row(f"{size:,}", _dqn(f"DqnConfig.batch_size = {size}"), 1)
    for size in sizes
  ]


def _capacities(sizes: Sequence[int]) -> list[Row]:
  rows = []
  for capacity in sizes:
    make = _once(_dqn(f"ReplayConfig.capacity_env_steps = {capacity}"))
    rows += [
      Row(f"{capacity:,}, {count:,} per call", make, 1, count)
      for count in _ITERATIONS_PER_CALL
    ]
  return rows


def _once(make: Callable) -> Callable:
  """Makes one loop for several rows."""
  made: list = []

  def make_first():
    if not made:
      made.append(make())
    return made[0]

  return make_first


# name -> title, sizes, and the rows of sizes.
_TABLES: dict[
  str, tuple[str, Sequence[int], Callable[[Sequence[int]], list[Row]]]
] = {
  "dqn_environments": (
    "DQN: environments, 1 step of each and 1 update of batch 64 per iteration",
    _NUM_ENVS,
    _environments_of_dqn,
  ),
  "a2c_environments": (
    "A2C: environments, 5 steps of each and 1 update per iteration",
    _NUM_ENVS,
    _environments_of_a2c,
  ),
  "batch": (
    "DQN: batch size, 1 environment, 1 update per step",
    _BATCH_SIZES,
    _batches,
  ),
  "capacity": (
    "DQN: env steps that the buffer keeps, and iterations per call",
    _CAPACITIES,
    _capacities,
  ),
}


def _measure(rows: Sequence[Row], rounds: int, seconds: float) -> list[dict]:
  """Measures the rows of a table, interleaved."""
  turns = {}
  for number, row in enumerate(rows):
    command_line.say(f"  builds {row.label} ({number + 1} of {len(rows)})")
    turns[row.label] = _turn(row, seconds)
  told = (
    command_line.say(f"  round {turn + 1} of {rounds}")
    for turn in range(rounds)
  )
  rates = interleaved.take_turns(turns, told)
  found = []
  for row in rows:
    micros = [1e6 * row.env_steps / rate for rate in rates[row.label]]
    found.append(
      {
        "label": row.label,
        "micros": statistics.median(micros),
        "low": min(micros),
        "high": max(micros),
        "env_steps_per_second": statistics.median(rates[row.label]),
      }
    )
  return found


def _turn(row: Row, seconds: float) -> Callable[[], float]:
  """Builds a row; returns what runs it for so long and tells env steps/s."""
  loop = row.make()

  def run(env_steps: int) -> tuple[float, float]:
    start = time.perf_counter()
    rate = loop.run(env_steps)
    return rate, time.perf_counter() - start

  if row.per_call is None:
    amount = interleaved.fitting_amount(run, row.env_steps, seconds)
    return lambda: loop.run(amount)

  def repeat() -> float:
    start, done, took = time.perf_counter(), 0, 0.0
    while not done or time.perf_counter() - start < seconds:
      done += row.per_call
      took += row.per_call / loop.run(row.per_call)
    return done / took

  return repeat


def table(found: dict) -> str:
  """A table of 80 columns."""
  lines = [
    found["title"],
    f"{'':28}{'us per iteration (min to max)':>38}{'env steps/s':>14}",
  ]
  for row in found["rows"]:
    micros = f"{row['micros']:,.1f} ({row['low']:,.1f} to {row['high']:,.1f})"
    lines.append(
      f"{row['label']:>28}{micros:>38}{row['env_steps_per_second']:>14,.0f}"
    )
  return "\n".join(lines)


def markdown(found: dict) -> str:
  """The same of all tables, as Markdown."""
  parts = []
  for one in found["tables"]:
    lines = [
      f"**{one['title']}**",
      "",
      "| | us per iteration | range | env steps/s |",
      "| --- | --- | --- | --- |",
    ]
    lines += [
      f"| {row['label']} | {row['micros']:,.1f} | {row['low']:,.1f} to "
      f"{row['high']:,.1f} | {row['env_steps_per_second']:,.0f} |"
      for row in one["rows"]
    ]
    parts.append("\n".join(lines))
  parts.append(f"{machine.origin_in_words(found['about'])}.")
  return "\n\n".join(parts)


def main() -> int:
  """Measures, prints the tables, and returns the exit code."""
  values = flags.FLAGS
  about = machine.describe()
  with command_line.quiet_imports():
    from agents_pipeline.pipelines import building

    assert building
  rounds = values.rounds or (1 if values.quick else 5)
  seconds = 0.2 if values.quick else 0.5
  found: dict = {"about": about, "rounds": rounds, "tables": []}
  for name in values.tables or _TABLES:
    title, sizes, make_rows = _TABLES[name]
    command_line.say(title)
    if values.quick:
      sizes = (sizes[0], sizes[len(sizes) // 2], sizes[-1])
    rows = _measure(make_rows(sizes), rounds, seconds)
    measured = {"title": title, "rows": rows}
    found["tables"].append(measured)
    print(f"\n{table(measured)}\n", flush=True)
  if values.output:
    path = pathlib.Path(values.output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_integer("rounds", None, "Turns of each.", lower_bound=1)
  flags.DEFINE_bool("quick", False, "Three sizes of each table, one round.")
  flags.DEFINE_multi_enum("tables", [], list(_TABLES), "Only these.")
  flags.DEFINE_string("output", None, "A JSON file to write as well.")
  command_line.run(main)
