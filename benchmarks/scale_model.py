"""How far collectors on a cluster carry, on paper: a simulation.

python -m benchmarks.scale_model --costs=runs/bench/scale_costs.json \\
  [--markdown=docs/scaling.md]

Lockstep collectors with a copy of the policy, one environment each, on more
machines than there are here. The costs are what `benchmarks.scale_costs` has
measured on one machine; the network's, and how much environments differ, are
assumed (`Assumed`). What comes out is a bound, not a measurement: nothing else
on the machines or the network is in it.
"""

import dataclasses
import json
import pathlib
import statistics
from typing import NamedTuple

import numpy as np
from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from benchmarks import machine, report

_FLAGS = flags.FLAGS

_ENV_MILLISECONDS = (1, 5, 20, 100)
_NUM_COLLECTORS = (1, 4, 16, 64, 256, 1024)
_KILLS_PER_HOUR = (1, 10, 100, 1000)
# A field of `Costs`, in words, its unit in seconds, digits and name.
_IN_WORDS = (
  ("iteration", "the learner, per iteration", 1e6, 0, "us"),
  ("copy", "the learner, per copy and iteration in addition", 1e6, 1, "us"),
  ("message", "the learner, per collector and chunk", 1e3, 2, "ms"),
  ("act", "a collector, per env step", 1e6, 0, "us"),
  ("answer", "a collector's answer, without any env step", 1e3, 2, "ms"),
  (
    "recovery",
    "until another collector has taken a dead one's place",
    1,
    1,
    "s",
  ),
  ("restart", "until a learner that was killed learns again", 1, 1, "s"),
)
_NUM_PERIODS = 200  # simulated; the mean of them counts


@dataclasses.dataclass(frozen=True)
class Costs:
  """What is measured. All but `weights_bytes` in seconds.

  Attributes:
    iteration: the learner's time per iteration, whatever the number of copies.
    copy: the learner's time per copy and iteration, in addition.
    message: the learner's time per collector and chunk, to ask and to take.
    act: a collector's time per env step, for everything but the environment.
    answer: the time from asking a collector to its answer, of no env step at
      all.
    recovery: the time from the end of a collector until another has its
      environment where it was, without the env steps that it takes again.
    restart: the time from the end of the learner until it learns again, where
      the same command follows at once.
    weights_bytes: the bytes of the policy's weights.
  """

  iteration: float
  copy: float
  message: float
  act: float
  answer: float
  recovery: float
  restart: float
  weights_bytes: int


@dataclasses.dataclass(frozen=True)
class Assumed:
  """What was not measured.

  Attributes:
    bandwidth: the bytes per second into and out of the learner's machine.
    step_variation: the standard deviation of an env step, over its mean.
    machine_variation: the standard deviation of a collector's speed, over its
      mean.
    chunk_length: the env steps of each collector in a chunk.
    bytes_per_step: the bytes of an observation and the step taken from it.
    episode_length: the env steps of an episode; half of them are taken again
      after a kill.
    checkpoint_seconds: the seconds from one checkpoint to the next; half of
      that is done again where the learner is killed.
  """

  bandwidth: float = 10e9 / 8
  step_variation: float = 0.3
  machine_variation: float = 0.05
  chunk_length: int = 32
  bytes_per_step: int = 64
  episode_length: int = 200
  checkpoint_seconds: float = 60.0


class Rate(NamedTuple):
  """What a number of collectors reaches.

  Attributes:
    env_steps: the env steps per second of all collectors.
    bound: what takes longest: "collector", "learner" or "network".
  """

  env_steps: float
  bound: str


def rate(
  costs: Costs, assumed: Assumed, env_seconds: float, num_collectors: int
) -> Rate:
  """The rate of lockstep with a staleness of one chunk.

  The learner takes chunk c while chunk c + 1 is collected, so that a chunk
  takes as long as the slowest of: the last collector to end, the learner, the
  network.
  """
  length = assumed.chunk_length
  last = _slowest(assumed, env_seconds, num_collectors).mean()
  seconds = {
    "collector": costs.answer + length * costs.act + last,
    "learner": num_collectors * costs.message
    + length * (costs.iteration + num_collectors * costs.copy),
    "network": num_collectors
    * max(length * assumed.bytes_per_step, costs.weights_bytes)  # in, out
    / assumed.bandwidth,
  }
  bound = max(seconds, key=lambda name: seconds[name])
  return Rate(num_collectors * length / seconds[bound], bound)


def _slowest(
  assumed: Assumed, env_seconds: float, num_collectors: int
) -> np.ndarray:
  """Seconds [periods] in the environment, of the last collector to end.

  Env steps have a gamma distribution, so that of their sum is known: it is
  sampled as a whole. How fast each collector is stays the same throughout:
  quantiles of a normal distribution.
  """
  normal = statistics.NormalDist()
  speed = 1 + assumed.machine_variation * np.array(
    [normal.inv_cdf((i + 0.5) / num_collectors) for i in range(num_collectors)]
  )
  if not assumed.step_variation:
    longest = env_seconds / speed.min()
    return np.full(_NUM_PERIODS, assumed.chunk_length * longest)
  rng = np.random.default_rng(0)
  shape = assumed.step_variation**-2  # of one env step
  steps = rng.gamma(
    shape * assumed.chunk_length,
    env_seconds / shape,
    (_NUM_PERIODS, num_collectors),
  )
  return (steps / speed).max(axis=1)


def goodput(
  costs: Costs, assumed: Assumed, env_seconds: float, kills_per_hour: float
) -> float:
  """The share of the time that is left where collectors are killed.

  All wait for the collector that is made again and takes half an episode again,
  in addition to the chunk under way.
  """
  again = assumed.episode_length / 2 + assumed.chunk_length
  lost = costs.recovery + again * (env_seconds + costs.act)
  return 1 / (1 + kills_per_hour * lost / 3600)


def goodput_of_restarts(
  costs: Costs, assumed: Assumed, kills_per_hour: float
) -> float:
  """The share of the time that is left where the learner is killed."""
  lost = costs.restart + assumed.checkpoint_seconds / 2
  return 1 / (1 + kills_per_hour * lost / 3600)


def markdown(costs: Costs) -> str:
  """Rates by number of collectors, and goodput by kills per hour."""
  assumed = Assumed()
  rates = [
    [f"an env step of {milliseconds} ms"]
    + [
      _rate_in_words(costs, assumed, milliseconds / 1e3, n)
      for n in _NUM_COLLECTORS
    ]
    for milliseconds in _ENV_MILLISECONDS
  ]
  shares = [
    [f"a collector, {milliseconds} ms"]
    + [
      f"{goodput(costs, assumed, milliseconds / 1e3, kills):.1%}"
      for kills in _KILLS_PER_HOUR
    ]
    for milliseconds in _ENV_MILLISECONDS
  ]
  shares.append(
    ["the learner"]
    + [
      f"{goodput_of_restarts(costs, assumed, kills):.1%}"
      for kills in _KILLS_PER_HOUR
    ]
  )
  header = ["collectors", *(f"{n:,}" for n in _NUM_COLLECTORS)]
  kills = ["killed", *(f"{n:,} per hour" for n in _KILLS_PER_HOUR)]
  return "\n\n".join(
    [report.markdown_table(header, rates), report.markdown_table(kills, shares)]
  )


def costs_markdown(found: dict) -> str:
  """What `benchmarks.scale_costs` has measured, as Markdown."""
  about, costs = found["about"], found["costs"]
  sizes = sorted({(r["num_copies"], r["num_bytes"]) for r in found["steps"]})
  ways = dict.fromkeys(row["way"] for row in found["steps"])
  cells = {
    (r["way"], r["num_copies"], r["num_bytes"]): r for r in found["steps"]
  }
  steps = [
    [f"`{way}`", *(_milliseconds_of(cells[(way, *size)]) for size in sizes)]
    for way in ways
  ]
  header = ["ms per step of all copies"] + [
    f"{copies} cop{'y' if copies == 1 else 'ies'}, {_size(num_bytes)}"
    for copies, num_bytes in sizes
  ]
  weights = [
    [_size(row["num_bytes"])]
    + [f"{1e3 * row[name]:.2f}" for name in ("put", "answer")]
    for row in found["weights"]
  ]
  alone = [
    [words, f"{scale * costs[name]:,.{digits}f} {unit}"]
    for name, words, scale, digits, unit in _IN_WORDS
  ]
  return "\n\n".join(
    [
      f"{machine.origin_in_words(about)}, {machine.in_words(about)}; "
      f"{machine.packages_in_words(about)}. Medians, and the range of the "
      "rounds.",
      report.markdown_table(header, steps),
      report.markdown_table(
        ["weights", "`ray.put`, ms", "until a collector has answered, ms"],
        weights,
      ),
      report.markdown_table(["what it takes", ""], alone),
    ]
  )


def _milliseconds_of(row: dict) -> str:
  median, low, high = (1e3 * row[name] for name in ("seconds", "low", "high"))
  return f"{median:.3g} ({low:.3g} to {high:.3g})"


def _size(num_bytes: int) -> str:
  if not num_bytes:
    return "4 floats"
  return f"{num_bytes / 1e3:,.0f} kB"


def _rate_in_words(
  costs: Costs, assumed: Assumed, env_seconds: float, num_collectors: int
) -> str:
  found = rate(costs, assumed, env_seconds, num_collectors)
  share = found.env_steps * env_seconds / num_collectors
  return f"{found.env_steps:,.0f} ({share:.0%}, {found.bound})"


def main() -> int:
  """Prints the tables or writes them into a page; returns the exit code."""
  try:
    found = json.loads(pathlib.Path(_FLAGS.costs).read_text("utf-8"))
    parts = {
      "costs": costs_markdown(found),
      "model": markdown(Costs(**found["costs"])),
    }
  except (OSError, ValueError, LookupError, TypeError) as error:
    raise errors.UserError(f"--costs={_FLAGS.costs!r}: {error}") from None
  if not _FLAGS.markdown:
    print("\n\n".join(parts.values()))
    return command_line.DONE
  page = pathlib.Path(_FLAGS.markdown)
  text = page.read_text("utf-8")
  for section, tables in parts.items():
    text = report.between_markers(text, section, tables)
  page.write_text(text, "utf-8")
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_string("costs", None, "What was measured.", required=True)
  flags.DEFINE_string("markdown", None, "A page to write the tables into.")
  command_line.run(main)
