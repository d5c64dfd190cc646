"""What it takes to step copies of an environment, by how they are reached.

The environment itself takes no time. Nothing learns, and no policy computes.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from agents_pipeline.config import schema
from benchmarks import interleaved, slow_environment

WAYS = ("sync", "async", "ray", "collectors")
NUM_COPIES = (1, 4)
NUM_BYTES = (
  0,
  28_224,
  307_200,
)  # four floats; Atari's 84 x 84 x 4; 320 x 320 x 3
NUM_STEPS_PER_CHUNK = 32
_NUM_STEPS = 96  # of a turn: three chunks, less than an episode


def configuration(
  vectorization: str, num_copies: int, num_bytes: int = 0
) -> schema.EnvironmentConfig:
  """Settings of copies of an environment that takes no time, one per actor."""
  return schema.EnvironmentConfig(
    name=slow_environment.NAME,
    num_envs=num_copies,
    vectorization=vectorization,
    arguments={"num_bytes": num_bytes},
  )


def episode_seed(copy: int, episode: int) -> int:
  """The seed of an episode; of no matter here."""
  return copy + episode


class _Stepping:
  """Copies that are stepped from here."""

  def __init__(self, way: str, num_copies: int, num_bytes: int):
    from agents_pipeline.environments import making, ray_vector_env

    config = configuration(way, num_copies, num_bytes)
    if way == "ray":
      self._env = ray_vector_env.RayVectorEnv(config)
    else:
      self._env = making.make_vector_environment(config)
    self.close = self._env.close

  def run(self) -> float:
    """Returns seconds per step of all copies."""
    num_copies = self._env.num_envs
    self._env.reset(seed=list(range(num_copies)))
    actions: np.ndarray = np.zeros(num_copies, np.int64)
    start = time.perf_counter()
    for _ in range(_NUM_STEPS):
      self._env.step(actions)
    return (time.perf_counter() - start) / _NUM_STEPS


class _Collecting:
  """Copies that step themselves, a chunk at a time."""

  def __init__(self, num_copies: int, num_bytes: int):
    from agents_pipeline import interfaces
    from agents_pipeline.environments import ray_collectors

    self._env = ray_collectors.CollectedVectorEnv(
      configuration("ray", num_copies, num_bytes),
      interfaces.Collecting(
        slow_environment.Always0(), NUM_STEPS_PER_CHUNK, is_ahead=False
      ),
      episode_seed,
    )
    self._env.make_request = lambda steps_ahead: []
    self.close = self._env.close

  def run(self) -> float:
    """Returns seconds per step of all copies."""
    num_copies = self._env.num_envs
    self._env.reset(seed=list(range(num_copies)))
    episodes: np.ndarray = np.zeros(num_copies, np.int64)
    start = time.perf_counter()
    for _ in range(_NUM_STEPS):
      self._env.step(self._env.next_actions(episodes))
    return (time.perf_counter() - start) / _NUM_STEPS


def measure(num_rounds: int, report: Callable[[str], None]) -> list[dict]:
  """Measures all ways in turn, for each size and number of copies.

  Returns:
    A row for each way, size and number of copies: the median of the rounds, the
    lowest and the highest, in seconds per step of all copies.
  """
  rows = []
  for num_copies in NUM_COPIES:
    for num_bytes in NUM_BYTES:
      report(f"a step, copies: {num_copies}, bytes: {num_bytes:,}")
      sides: dict = {
        way: _Stepping(way, num_copies, num_bytes) for way in WAYS[:-1]
      }
      sides[WAYS[-1]] = _Collecting(num_copies, num_bytes)
      turns = {way: side.run for way, side in sides.items()}
      interleaved.take_turns(turns, range(1))  # warms up
      found = interleaved.take_turns(turns, range(num_rounds))
      for side in sides.values():
        side.close()
      rows += [
        {
          "way": way,
          "num_copies": num_copies,
          "num_bytes": num_bytes,
          "seconds": statistics.median(seconds),
          "low": min(seconds),
          "high": max(seconds),
        }
        for way, seconds in found.items()
      ]
  return rows
