"""How far collectors on a cluster carry, on paper: a simulation.

python -m benchmarks.scale_model --costs=COSTS.json [--markdown=docs/scaling.md]

Lockstep collectors with a copy of the policy, one environment each, on more
machines than there are here. The costs are measured on one machine, and given
as {"costs": the fields of `Costs`, "about": `machine.describe()`}; the
network's, and how much environments differ, are assumed (`Assumed`). What comes
out is a bound, not a measurement: nothing else on the machines or the network
is in it.
"""

import dataclasses
import json
import pathlib
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
_NUM_PERIODS = 200  # simulated; the mean of them counts


@dataclasses.dataclass(frozen=True)
class Costs:
  """What was measured. All but `weights_bytes` in seconds.

  Attributes:
    iteration: of the learner, per iteration, whatever the number of copies.
    copy: of the learner, per copy and iteration, in addition.
    message: of the learner, per collector and chunk: asking and taking.
    act: of a collector, per env step: everything but the environment.
    answer: from asking a collector to its answer, of no env step at all.
    recovery: from the end of a collector until another has its environment
      where it was, without the env steps that it takes again.
    weights_bytes: of the policy.
  """

  iteration: float
  copy: float
  message: float
  act: float
  answer: float
  recovery: float
  weights_bytes: int


@dataclasses.dataclass(frozen=True)
class Assumed:
  """What was not measured.

  Attributes:
    bandwidth: bytes per second, into and out of the learner's machine.
    step_variation: standard deviation of an env step, over its mean.
    machine_variation: of the speed of a collector, over its mean.
    chunk_length: env steps of each collector in a chunk.
    bytes_per_step: of an observation and the step taken from it.
    episode_length: env steps; half of them are taken again after a kill.
  """

  bandwidth: float = 10e9 / 8
  step_variation: float = 0.3
  machine_variation: float = 0.05
  chunk_length: int = 32
  bytes_per_step: int = 64
  episode_length: int = 200


class Rate(NamedTuple):
  """What a number of collectors reaches.

  Attributes:
    env_steps: per second, of all collectors.
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
  sampled as a whole. How fast each collector is stays the same throughout.
  """
  rng = np.random.default_rng(0)
  speed = 1 + assumed.machine_variation * rng.standard_normal(num_collectors)
  if not assumed.step_variation:
    longest = env_seconds / speed.min()
    return np.full(_NUM_PERIODS, assumed.chunk_length * longest)
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

  All wait for one that is made again and takes half an episode again, in
  addition to the chunk under way.
  """
  again = assumed.episode_length / 2 + assumed.chunk_length
  lost = costs.recovery + again * (env_seconds + costs.act)
  return 1 / (1 + kills_per_hour * lost / 3600)


def markdown(costs: Costs, about: dict) -> str:
  """Both tables, with where the costs come from."""
  assumed = Assumed()
  rates = [
    [f"{milliseconds} ms"]
    + [
      _rate_in_words(costs, assumed, milliseconds / 1e3, n)
      for n in _NUM_COLLECTORS
    ]
    for milliseconds in _ENV_MILLISECONDS
  ]
  shares = [
    [f"{milliseconds} ms"]
    + [
      f"{goodput(costs, assumed, milliseconds / 1e3, kills):.1%}"
      for kills in _KILLS_PER_HOUR
    ]
    for milliseconds in _ENV_MILLISECONDS
  ]
  header = ["an env step", *(f"{n:,} collectors" for n in _NUM_COLLECTORS)]
  kills = ["an env step", *(f"{n:,} per hour" for n in _KILLS_PER_HOUR)]
  return "\n\n".join(
    [
      f"Costs: {machine.origin_in_words(about)}, {machine.in_words(about)}.",
      report.markdown_table(header, rates),
      report.markdown_table(kills, shares),
    ]
  )


def _rate_in_words(
  costs: Costs, assumed: Assumed, env_seconds: float, num_collectors: int
) -> str:
  found = rate(costs, assumed, env_seconds, num_collectors)
  share = found.env_steps * env_seconds / num_collectors
  return f"{found.env_steps:,.0f} ({share:.0%}, {found.bound})"


def main() -> int:
  """Prints the tables or writes them into a page; returns the exit code."""
  try:
    read = json.loads(pathlib.Path(_FLAGS.costs).read_text("utf-8"))
    costs, about = Costs(**read["costs"]), read["about"]
  except (OSError, ValueError, LookupError, TypeError) as error:
    raise errors.UserError(f"--costs={_FLAGS.costs!r}: {error}") from None
  tables = markdown(costs, about)
  if not _FLAGS.markdown:
    print(tables)
    return command_line.DONE
  page = pathlib.Path(_FLAGS.markdown)
  text = report.between_markers(page.read_text("utf-8"), "model", tables)
  page.write_text(text, "utf-8")
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_string("costs", None, "What was measured.", required=True)
  flags.DEFINE_string("markdown", None, "A page to write the tables into.")
  command_line.run(main)
