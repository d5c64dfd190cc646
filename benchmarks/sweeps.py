"""What an iteration costs over environments, batch sizes and capacities.

Tensor CartPole, the networks and the optimizers of `make bench`. An iteration
of DQN is one step of each environment and one update, one of A2C five steps of
each and one update.

python -m benchmarks.sweeps [--quick] [--tables=batch] [--output=FILE.json]
"""

import dataclasses
import functools
import json
import pathlib
import statistics
import time
from collections.abc import Callable, Sequence

from absl import flags

from agents_pipeline.apps import command_line
from benchmarks import interleaved, machine, worker_pool

_NUM_ENVS = (1, 4, 16, 64, 256, 1_024, 4_096)
_BATCH_SIZES = (32, 64, 128, 256, 1_024, 4_096)
_CAPACITIES = (10_000, 100_000, 1_000_000)  # env steps
_LOGS = pathlib.Path("runs/bench/sweeps")
# XLA may copy the tables once per call, so short calls show their size.
_ITERATIONS_PER_CALL = (1_000, 20_000)


@dataclasses.dataclass(frozen=True)
class Row:
  """One size. Each has a process of its own, which chooses its threads.

  Attributes:
    label: of it.
    blueprint: of a loop, whose `run` takes env steps.
    env_steps: of one iteration.
    per_call: iterations of each call; None is all of a turn.
  """

  label: str
  blueprint: worker_pool.Blueprint
  env_steps: int
  per_call: int | None = None


def _row(label: str, loop: str, *bindings: str, env_steps: int, **options):
  per_call = options.pop("per_call", None)
  blueprint = worker_pool.Blueprint(
    label.replace(" ", "_"),
    f"benchmarks.our_loop:{loop}",
    ("tensor", *bindings),
    options,
  )
  return Row(label, blueprint, env_steps, per_call)


def _environments_of_dqn(num_envs: Sequence[int]) -> list[Row]:
  return [
    _row(f"{n:,}", "DqnLoop", env_steps=n, num_envs=n, num_train_steps=1)
    for n in num_envs
  ]


def _environments_of_a2c(num_envs: Sequence[int]) -> list[Row]:
  return [
    _row(f"{n:,}", "A2cLoop", env_steps=5 * n, num_envs=n) for n in num_envs
  ]


def _batches(sizes: Sequence[int]) -> list[Row]:
  return [
    _row(f"{n:,}", "DqnLoop", f"DqnConfig.batch_size = {n}", env_steps=1)
    for n in sizes
  ]


def _capacities(sizes: Sequence[int]) -> list[Row]:
  return [
    _row(
      f"{capacity:,}, {count:,} per call",
      "DqnLoop",
      f"ReplayConfig.capacity_env_steps = {capacity}",
      env_steps=1,
      per_call=count,
    )
    for capacity in sizes
    for count in _ITERATIONS_PER_CALL
  ]


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


def _measure(
  rows: Sequence[Row], rounds: int, seconds: float, logs: pathlib.Path
) -> list[dict]:
  """Measures the rows of a table, interleaved."""
  blueprints = {row.label: row.blueprint for row in rows}
  with worker_pool.WorkerPool(blueprints, logs) as pool:
    pool.build(lambda line: command_line.say(f"  {line}"))
    turns = {row.label: _turn(pool, row, seconds) for row in rows}
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


def _turn(
  pool: worker_pool.WorkerPool, row: Row, seconds: float
) -> Callable[[], float]:
  """Returns what runs a row for so long and tells env steps/s."""
  run = functools.partial(pool.run, row.label)
  if row.per_call is None:
    amount = interleaved.fitting_amount(run, row.env_steps, seconds)
    return lambda: run(amount)[0]

  def repeat() -> float:
    start, done, took = time.perf_counter(), 0, 0.0
    while not done or time.perf_counter() - start < seconds:
      done += row.per_call
      took += row.per_call / run(row.per_call)[0]
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
  rounds = values.rounds or (1 if values.quick else 5)
  seconds = 0.2 if values.quick else 0.5
  found: dict = {"about": about, "rounds": rounds, "tables": []}
  for name in values.tables or _TABLES:
    title, sizes, make_rows = _TABLES[name]
    command_line.say(title)
    if values.quick:
      sizes = (sizes[0], sizes[len(sizes) // 2], sizes[-1])
    rows = _measure(make_rows(sizes), rounds, seconds, _LOGS / name)
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
