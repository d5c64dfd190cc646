"""When a run has done what it was for, before its last env step."""

import functools
from collections.abc import Callable

import tensorflow as tf

from agents_pipeline.config import schema, stopping
from agents_pipeline.training import episode_statistics


def condition(
  training: schema.TrainingConfig,
  statistics: episode_statistics.EpisodeStatistics,
  best_return: tf.Variable,
) -> Callable[[], tf.Tensor]:
  """Whether a run ends before its last env step.

  Args:
    training: its `stop` and `num_episodes`.
    statistics: of the episodes that are trained on.
    best_return: [] float32, of the best evaluation so far.

  Returns:
    () -> [] bool, whether to stop now. Runs inside XLA.
  """
  success = succeeded(training.stop, statistics, best_return)
  limit = training.num_episodes
  if limit is None:
    return success
  return lambda: success() | (statistics.num_episodes >= limit)


@functools.singledispatch
def succeeded(
  choice: stopping.Stop,
  statistics: episode_statistics.EpisodeStatistics,
  best_return: tf.Variable,
) -> Callable[[], tf.Tensor]:
  """The condition that a choice of `config/stopping.py` stands for.

  Args:
    choice: when a run has done what it was for.
    statistics: of the episodes that are trained on.
    best_return: [] float32, of the best evaluation so far.

  Returns:
    () -> [] bool. Runs inside XLA.
  """
  raise TypeError(f"{choice!r} is no rule of stopping")


@succeeded.register
def _(choice: stopping.AtTheEnd, statistics, best_return):
  del choice, statistics, best_return
  return lambda: tf.constant(False)


@succeeded.register
def _(choice: stopping.OnLastEpisodes, statistics, best_return):
  del best_return
  return lambda: statistics.last_episodes_reached(choice.min_episode_return)


@succeeded.register
def _(choice: stopping.OnEvaluation, statistics, best_return):
  del statistics
  return lambda: best_return >= choice.min_mean_return
