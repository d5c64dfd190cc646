"""What an iteration costs over environments, batch sizes and capacities.

Tensor CartPole, the networks and the optimizers of `make bench`. An iteration
of DQN is one step of each environment and one update, one of A2C five steps of
each and one update.

python -m benchmarks.sweeps [--quick] [--tables=batch] [--output=FILE.json]
"""

import pathlib
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from benchmarks import commands, machine, measuring
from benchmarks.processes import Side

_NUM_ENVS = (1, 4, 16, 64, 256, 1_024, 4_096)
_BATCH_SIZES = (32, 64, 128, 256, 1_024, 4_096)
_CAPACITIES = (10_000, 100_000, 1_000_000)  # env steps
_LOGS = pathlib.Path("runs/bench/sweeps")
# XLA may copy the tables once per call, so short calls show their size.
_ITERATIONS_PER_CALL = (1_000, 20_000)
_SECONDS_TO_BUILD = 5.0  # of one size, about, on two cores


def _row(
  label: str, loop: str, *bindings: str, multiple: int = 1, **options
) -> Side:
  """A side of one size; its own process chooses its threads by the size."""
  arguments = ("tensor", *bindings)
  process = label.replace(" ", "_")
  loop = f"benchmarks.our_loop:{loop}"
  return Side(label, loop, arguments, options, process, multiple)


class Table(NamedTuple):
  """What is measured for each of several sizes."""

  title: str
  sizes: Sequence[int]
  make_rows: Callable[[int], list[Side]]


_TABLES = {
  "dqn_environments": Table(
    "DQN: environments, 1 step of each and 1 update of batch 64 per iteration",
    _NUM_ENVS,
    lambda n: [
      _row(f"{n:,}", "DqnLoop", multiple=n, num_envs=n, num_train_steps=1)
    ],
  ),
  "a2c_environments": Table(
    "A2C: environments, 5 steps of each and 1 update per iteration",
    _NUM_ENVS,
    lambda n: [_row(f"{n:,}", "A2cLoop", multiple=5 * n, num_envs=n)],
  ),
  "batch": Table(
    "DQN: batch size, 1 environment, 1 update per step",
    _BATCH_SIZES,
    lambda n: [_row(f"{n:,}", "DqnLoop", f"DqnConfig.batch_size = {n}")],
  ),
  "capacity": Table(
    "DQN: env steps that the buffer keeps, and iterations per call",
    _CAPACITIES,
    lambda n: [
      _row(
        f"{n:,}, {count:,} per call",
        "DqnLoop",
        f"ReplayConfig.capacity_env_steps = {n}",
        iterations_per_call=count,
        multiple=count,
      )
      for count in _ITERATIONS_PER_CALL
    ],
  ),
}


def _measure(name: str, rounds: int, is_quick: bool) -> dict:
  """Measures a table, its rows interleaved.

  Raises:
    RunError: a row has a problem.
  """
  title, sizes, make_rows = _TABLES[name]
  if is_quick:
    sizes = (sizes[0], sizes[len(sizes) // 2], sizes[-1])
  rows = {side.title: side for size in sizes for side in make_rows(size)}
  with measuring.Bench(
    {title: list(rows)},
    rows,
    rounds,
    0.2 if is_quick else 0.5,
    _LOGS / name,
    seconds_to_build=_SECONDS_TO_BUILD * len(rows),
  ) as bench:
    bench.build()
    rates = bench.rates(title)
    for label, problem in bench.problems.items():
      raise errors.RunError(f"{label}: {problem}")
  found = []
  for label, side in rows.items():
    env_steps = side.multiple // side.options.get("iterations_per_call", 1)
    micros = [1e6 * env_steps / rate for rate in rates[label]]
    found.append(
      {
        "label": label,
        "micros": statistics.median(micros),
        "low": min(micros),
        "high": max(micros),
        "env_steps_per_second": statistics.median(rates[label]),
      }
    )
  return {"title": title, "rows": found}


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


def main() -> int:
  """Measures, prints the tables, and returns the exit code."""
  values = flags.FLAGS
  rounds = values.rounds or (1 if values.quick else 5)
  found: dict = {"about": machine.describe(), "rounds": rounds, "tables": []}
  for name in values.tables or _TABLES:
    found["tables"].append(_measure(name, rounds, values.quick))
    print(f"\n{table(found['tables'][-1])}\n", flush=True)
  if values.output:
    commands.write_json(pathlib.Path(values.output), found)
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_integer("rounds", None, "Turns of each.", lower_bound=1)
  flags.DEFINE_bool("quick", False, "Three sizes of each table, one round.")
  flags.DEFINE_multi_enum("tables", [], list(_TABLES), "Only these.")
  flags.DEFINE_string("output", None, "A JSON file to write as well.")
  command_line.run(main)
