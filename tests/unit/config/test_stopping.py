"""When a run ends early."""

import pytest
import tensorflow as tf
from tf_agents.trajectories import time_step as ts

from agents_pipeline.config import schema, stopping
from agents_pipeline.training import episode_statistics


def after_episodes(*returns):
  """Statistics of one environment whose episodes had one step each."""
  statistics = episode_statistics.EpisodeStatistics(1, 9)
  for value in returns:
    last = ts.termination(tf.zeros((1, 1)), tf.constant([value]))
    statistics.keep(statistics.count(last))
  return statistics


@pytest.mark.parametrize(
  ("stop", "returns", "best", "expected"),
  [
    (stopping.AtTheEnd(), [99.0], 99.0, False),
    (stopping.OnLastEpisodes(5.0), [4.0, 5.0], -9.0, True),
    (stopping.OnLastEpisodes(5.0), [5.0, 4.0], 9.0, False),
    (stopping.OnEvaluation(5.0), [9.0], 4.0, False),
    (stopping.OnEvaluation(5.0), [], 5.0, True),
    (stopping.OnEvaluation(5.0), [], float("-inf"), False),
  ],
)
def test_a_run_stops_when_it_has_succeeded(stop, returns, best, expected):
  training = schema.TrainingConfig(100, stop=stop)
  found = training.should_stop(after_episodes(*returns), tf.Variable(best))
  assert bool(found) == expected


def test_a_run_stops_after_its_episodes():
  training = schema.TrainingConfig(100, num_episodes=2)
  stops = lambda *returns: bool(
    training.should_stop(after_episodes(*returns), tf.Variable(0.0))
  )
  assert [stops(1.0), stops(1.0, 1.0), stops(1.0, 1.0, 1.0)] == [
    False, True, True
  ]  # fmt: skip
