"""The training loop: a generator of results that others write and act on."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.collection import episode_statistics
from agents_pipeline.training import iterations


@dataclasses.dataclass(frozen=True)
class IterationResult:
  """What some iterations did.

  Attributes:
    env_steps: done since the beginning of the run.
    train_steps: likewise.
    num_env_steps: of these iterations alone.
    num_train_steps: likewise.
    means: of the agent's measures over their train steps; {} without any.
    episodes: that ended within them.
    seconds: they took.
    is_last: the run ends here.
  """

  env_steps: int
  train_steps: int
  num_env_steps: int
  num_train_steps: int
  means: dict[str, float]
  episodes: episode_statistics.Episodes
  seconds: float
  is_last: bool


@dataclasses.dataclass(frozen=True)
class LoopSizes:
  """When the loop stops to tell.

  Attributes:
    num_env_steps: where the run ends.
    num_env_steps_before_training: where train steps begin.
    num_env_steps_per_iteration: of all environments together; None where an
      iteration is as long as its episodes are, and does many train steps.
    periods_env_steps: a result is due at every multiple of each.
  """

  num_env_steps: int
  num_env_steps_before_training: int
  num_env_steps_per_iteration: int | None
  periods_env_steps: tuple[int, ...]

  def iterations_until(self, stop: int, env_steps: int) -> int:
    """Iterations that reach a stop, if every one of their steps counts."""
    if self.num_env_steps_per_iteration is None:
      return 1
    return math.ceil((stop - env_steps) / self.num_env_steps_per_iteration)

  def next_stop(self, env_steps: int) -> int:
    """The env step at which the next result is due."""
    stops = [self.num_env_steps] + [
      (env_steps // period + 1) * period for period in self.periods_env_steps
    ]
    if env_steps < self.num_env_steps_before_training:
      stops.append(self.num_env_steps_before_training)
    return min(stops)


def run(
  compiled: iterations.Iterations,
  sizes: LoopSizes,
  statistics: episode_statistics.EpisodeStatistics,
  train_steps: tf.Variable,
  should_stop: Callable[[], tf.Tensor],
) -> Iterator[IterationResult]:
  """Iterates from wherever the counters stand to the end of the run.

  Resuming is no special case: restore the counters, then call this.

  Args:
    compiled: the two calls.
    sizes: when to begin training, tell and end.
    statistics: counts env steps.
    train_steps: counts train steps.
    should_stop: whether the run has done what it was for, [] bool.

  Yields:
    A result at, or just after, every stop of `sizes`.

  Raises:
    RunError: a measure of the agent, such as its loss, is not finite.
  """
  env_steps = int(statistics.env_steps)
  while env_steps < sizes.num_env_steps and not bool(should_stop()):
    start, before = time.perf_counter(), env_steps
    begun = before >= sizes.num_env_steps_before_training
    call = compiled.train if begun else compiled.collect
    stop = sizes.next_stop(before)
    sums: dict[str, float] = {}
    done, stopped = 0, False
    # Once, but where environments spend steps on resetting.
    while env_steps < stop and not stopped:
      totals = call(tf.constant(sizes.iterations_until(stop, env_steps)))
      env_steps = int(statistics.env_steps)
      if not bool(totals.is_finite):
        raise errors.RunError(
          f"diverged: {_not_finite(totals)} is not finite at train step "
          f"{int(train_steps):,}, env step {env_steps:,}"
        )
      done += int(totals.num_train_steps)
      for name, value in totals.sums.items():
        sums[name] = sums.get(name, 0.0) + float(value)
      stopped = bool(should_stop())
    yield IterationResult(
      env_steps=env_steps,
      train_steps=int(train_steps),
      num_env_steps=env_steps - before,
      num_train_steps=done,
      means={name: value / done for name, value in sums.items() if done},
      episodes=statistics.take(),
      seconds=time.perf_counter() - start,
      is_last=stopped or env_steps >= sizes.num_env_steps,
    )


def _not_finite(totals: iterations.TrainTotals) -> str:
  return next(k for k, v in totals.sums.items() if not np.isfinite(float(v)))
