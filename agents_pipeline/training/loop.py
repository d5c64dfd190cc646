"""The training loop: a generator of results for callbacks and sinks.

A result covers an interval, from one stop to the next. An interval is cut into
compiled calls by the clock, which does not change any number.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.training import (
  episode_statistics,
  iterations,
  learners,
)

# Target duration of a compiled call; signals are handled between calls.
_SECONDS_PER_CALL = 1.0


@dataclasses.dataclass(frozen=True)
class IntervalResult:
  """What happened in an interval.

  Attributes:
    env_steps: env steps done since the beginning of the run.
    train_steps: train steps done since the beginning of the run.
    num_env_steps: env steps done within `seconds`.
    num_train_steps: train steps done within `seconds`.
    means: the means of the agent's measures over the interval's train steps; {}
      without any.
    num_episodes: episodes that ended since the beginning of the run.
    episodes: the episodes that ended within the interval.
    seconds: the wall time of the interval; after a resume, of the part since
      then.
    is_last: whether the run ends here.
  """

  env_steps: int
  train_steps: int
  num_env_steps: int
  num_train_steps: int
  means: dict[str, float]
  num_episodes: int
  episodes: episode_statistics.Episodes
  seconds: float
  is_last: bool


@dataclasses.dataclass(frozen=True)
class Stops:
  """When results are due, and when the run ends.

  Attributes:
    num_env_steps: the env steps after which the run ends.
    num_env_steps_before_training: the env steps after which train steps begin.
    num_env_steps_per_iteration: the env steps of an iteration, of all
      environments together; None where an iteration is as long as its episodes
      are.
    periods_env_steps: the periods of results: one is due at every multiple of
      each.
  """

  num_env_steps: int
  num_env_steps_before_training: int
  num_env_steps_per_iteration: int | None
  periods_env_steps: tuple[int, ...]

  def iterations_until(self, stop: int, env_steps: int) -> int:
    """The iterations that reach a stop, if every one of their steps counts."""
    if self.num_env_steps_per_iteration is None:
      return 1
    return math.ceil((stop - env_steps) / self.num_env_steps_per_iteration)

  def next_stop(self, env_steps: int) -> int:
    """The env step at which the next result is due."""
    due = [self.num_env_steps] + [
      (env_steps // period + 1) * period for period in self.periods_env_steps
    ]
    if env_steps < self.num_env_steps_before_training:
      due.append(self.num_env_steps_before_training)
    return min(due)


class Interval(tf.Module):
  """Totals since the last result; part of checkpoints.

  A run may be left within an interval, and resumes there.
  """

  def __init__(
    self,
    measure_names: Iterable[str],
    measure_bounds: Mapping[str, float] | None = None,
  ):
    """Begins at zero.

    Args:
      measure_names: the names of what the agent measures.
      measure_bounds: name -> how large a measure may be, for messages.
    """
    super().__init__(name="interval")
    self._names = tuple(measure_names)
    self._bounds = dict(measure_bounds or {})
    # Where it began.
    self.env_steps = tf.Variable(0, dtype=tf.int64, name="env_steps")
    self.num_episodes = tf.Variable(0, dtype=tf.int64, name="num_episodes")
    self._totals = tf.nest.map_structure(
      tf.Variable, iterations.no_train_steps(len(self._names))
    )

  @property
  def totals(self) -> iterations.TrainTotals:
    """Sums over the interval's train steps so far."""
    return tf.nest.map_structure(lambda v: v.value(), self._totals)

  @totals.setter
  def totals(self, totals: iterations.TrainTotals) -> None:
    tf.nest.map_structure(lambda v, new: v.assign(new), self._totals, totals)

  @property
  def what_diverged(self) -> str:
    """Message that names the measure that diverged."""
    for name, total in zip(self._names, self._totals.sums.numpy(), strict=True):
      if not np.isfinite(total):
        return f"{name} is not finite"
    return " or ".join(
      f"{name} is beyond plus or minus {bound:g}"
      for name, bound in self._bounds.items()
    )

  def means(self) -> dict[str, float]:
    """Means of the measures over the interval's train steps; {} without any."""
    num_train_steps = int(self._totals.num_train_steps)
    if not num_train_steps:
      return {}
    sums = self._totals.sums.numpy().tolist()
    return {
      name: total / num_train_steps
      for name, total in zip(self._names, sums, strict=True)
    }

  def end(
    self,
    statistics: episode_statistics.EpisodeStatistics,
    num_episodes: int | None = None,
  ) -> None:
    """Begins the next interval, once the result of this one is written.

    Args:
      statistics: the counters.
      num_episodes: the result's number of episodes, where several learners have
        counted them.
    """
    statistics.forget_ended(num_episodes)
    self.env_steps.assign(statistics.env_steps)
    self.num_episodes.assign(statistics.num_episodes)
    self.totals = iterations.no_train_steps(len(self._names))


class _CallSize:
  """Sizes calls to about a second, so that signals are handled promptly."""

  def __init__(self, multiple: int):
    """Begins with short calls.

    Args:
      multiple: the number of iterations that every call does a multiple of, so
        that each iteration of a run meets the same compiled code, however the
        run is cut into calls.
    """
    self._multiple = multiple
    self.limit = multiple  # the first call compiles

  def update(self, num_iterations: int, seconds: float) -> None:
    """Adapts to how long a call took."""
    fitting = int(num_iterations * _SECONDS_PER_CALL / max(seconds, 1e-9))
    limit = max(1, min(fitting, 10 * self.limit))
    self.limit = -(-limit // self._multiple) * self._multiple


def run(
  compiled: iterations.Iterations,
  stops: Stops,
  interval: Interval,
  statistics: episode_statistics.EpisodeStatistics,
  train_steps: tf.Variable,
  should_stop: Callable[[], tf.Tensor],
  wants_to_stop: Callable[[], bool] = lambda: False,
  all_learners: learners.Learners = learners.ALONE,
) -> Iterator[IntervalResult]:
  """Iterates from wherever the counters stand to the end of the run.

  Resuming is no special case: restore the counters, then call this.

  Args:
    compiled: the two compiled calls.
    stops: when to begin training, give results and end.
    interval: the current interval. The caller must call `interval.end` after
      writing each result.
    statistics: the statistics that count env steps.
    train_steps: the counter of train steps.
    should_stop: whether the run has reached its goal, [] bool.
    wants_to_stop: whether the user wants to stop. It is asked before each call;
      once it is true, no more results are given.
    all_learners: the learners of the run, which all do the same calls.

  Yields:
    A result at, or just after, every stop of `stops`.

  Raises:
    DivergedError: a measure of the agent, such as its loss, is not finite, or
      beyond its bound.
  """
  sizes = {
    call: _CallSize(compiled.per_turn)
    for call in (compiled.collect, compiled.train)
  }
  is_last = False
  while not is_last:
    begin, start = int(interval.env_steps), time.perf_counter()
    env_steps = before = int(statistics.env_steps)
    train_steps_before = int(train_steps)
    stop = stops.next_stop(begin)
    while env_steps < stop and not bool(should_stop()):
      if all_learners.any(wants_to_stop()):
        return
      _call(compiled, sizes, stops, interval, env_steps, stop, all_learners)
      env_steps = int(statistics.env_steps)
      if bool(interval.totals.diverged):
        raise errors.DivergedError(
          f"diverged: {interval.what_diverged} at train step "
          f"{int(train_steps):,}, env step {env_steps:,}"
        )
    if env_steps == begin:
      return  # there was nothing left to do
    is_last = env_steps >= stops.num_env_steps or bool(should_stop())
    ended = statistics.ended()
    episodes = all_learners.gather(ended)
    num_elsewhere = len(episodes.returns) - len(ended.returns)
    yield IntervalResult(
      env_steps=env_steps,
      train_steps=int(train_steps),
      num_env_steps=env_steps - before,
      num_train_steps=int(train_steps) - train_steps_before,
      means=interval.means(),
      num_episodes=int(statistics.num_episodes) + num_elsewhere,
      episodes=episodes,
      seconds=time.perf_counter() - start,
      is_last=is_last,
    )


def _call(
  compiled: iterations.Iterations,
  sizes: dict[Callable, _CallSize],
  stops: Stops,
  interval: Interval,
  env_steps: int,
  stop: int,
  all_learners: learners.Learners,
) -> None:
  """Does one compiled call, towards a stop."""
  trains = env_steps >= stops.num_env_steps_before_training
  size = sizes[compiled.train if trains else compiled.collect]
  # More than once to a stop also where environments spend steps on resetting.
  count = min(stops.iterations_until(stop, env_steps), size.limit)
  count = all_learners.least(count)  # `limit` is by each learner's own clock
  start = time.perf_counter()
  if trains:
    interval.totals = compiled.train(tf.constant(count), interval.totals)
  else:
    compiled.collect(tf.constant(count))
  size.update(count, time.perf_counter() - start)
