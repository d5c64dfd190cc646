"""Env steps and episodes, counted as they happen."""

import pytest
import tensorflow as tf
from tf_agents.trajectories import time_step as ts

from agents_pipeline.training import episode_statistics


def steps(step_type, reward=(0.0, 0.0)):
  return ts.TimeStep(
    tf.constant(step_type, tf.int32), tf.constant(reward), tf.ones((2,)),
    tf.zeros((2, 1)),
  )  # fmt: skip


def watch(statistics, *reached):
  """Observes steps; returns the episodes' returns so far."""
  counted = []
  for step_type, reward in reached:
    counted.append(statistics.count(steps(step_type, reward)))
    statistics.keep(counted[-1])
  return [step.episode_return.numpy().tolist() for step in counted]


def taken(statistics):
  """(env steps, return, length) of every episode since the last look."""
  episodes = statistics.ended()
  statistics.forget_ended()
  return list(zip(*(column.tolist() for column in episodes), strict=True))


def test_statistics_keep_every_ended_episode():
  statistics = episode_statistics.EpisodeStatistics(2, 9)
  watch(
    statistics,
    ([1, 1], (1.0, 10.0)),
    ([2, 1], (2.0, 20.0)),  # ends with 3 after 2 steps
    ([1, 2], (5.0, 30.0)),  # ends with 60 after 3 steps
  )
  assert taken(statistics) == [(4, 3.0, 2), (6, 60.0, 3)]
  assert taken(statistics) == []
  assert int(statistics.env_steps) == 6
  assert int(statistics.num_episodes) == 2
  watch(statistics, ([2, 2], (1.0, 7.0)))
  assert taken(statistics) == [(8, 6.0, 2), (8, 7.0, 1)]


def test_statistics_leave_out_steps_that_only_reset():
  statistics = episode_statistics.EpisodeStatistics(2, 9)
  watch(
    statistics,
    ([2, 1], (1.0, 1.0)),
    ([0, 1], (99.0, 1.0)),  # the first copy resets
    ([2, 2], (4.0, 1.0)),
  )
  assert int(statistics.env_steps) == 5
  assert taken(statistics) == [(2, 1.0, 1), (5, 4.0, 1), (5, 3.0, 3)]


def test_abandoned_episodes_are_not_counted():
  statistics = episode_statistics.EpisodeStatistics(2, 9)
  watch(statistics, ([1, 1], (1.0, 10.0)))
  statistics.abandon_episodes()
  watch(statistics, ([2, 2], (2.0, 20.0)))
  assert taken(statistics) == [(4, 2.0, 1), (4, 20.0, 1)]


def test_observing_gives_the_return_so_far():
  statistics = episode_statistics.EpisodeStatistics(2, 9)
  returns = watch(
    statistics,
    ([1, 1], (1.0, 10.0)),
    ([2, 1], (2.0, 20.0)),
    ([1, 1], (5.0, 30.0)),
  )
  assert returns == [[1.0, 10.0], [3.0, 30.0], [5.0, 60.0]]


def test_success_is_of_the_last_episode_of_every_environment():
  statistics = episode_statistics.EpisodeStatistics(2, 9)
  reached = lambda: bool(statistics.last_episodes_reached(5.0))
  assert not reached()
  watch(statistics, ([2, 1], (7.0, 3.0)))
  assert not reached()  # the second has not ended any
  watch(statistics, ([1, 2], (1.0, 2.0)))
  assert reached()  # 7, and 3 + 2
  watch(statistics, ([2, 1], (1.0, 0.0)))
  assert not reached()  # 2, and 5


def test_the_episodes_of_many_steps_are_kept_at_once(compiled):
  """700 environments, 3 steps: copy i ends an episode at each step t with
  (i + t) % 5 = 0; every step gives 1."""
  statistics = episode_statistics.EpisodeStatistics(700, 500)
  copies = tf.range(700)

  def three_steps():
    counted = []
    for t in range(3):
      ended = (copies + t) % 5 == 0
      reached = ts.TimeStep(
        tf.where(ended, ts.StepType.LAST, ts.StepType.MID),
        tf.ones(700), tf.ones(700), tf.zeros((700, 1)),
      )  # fmt: skip
      counted.append(statistics.count(reached))
    statistics.keep(tf.nest.map_structure(lambda *x: tf.stack(x), *counted))

  compiled(three_steps)()
  found = taken(statistics)
  assert found == [
    (700 * (t + 1), t + 1.0, t + 1)
    for t in range(3)
    for i in range(700)
    if (i + t) % 5 == 0
  ]
  assert len(found) == 420 == int(statistics.num_episodes)


def test_more_episodes_than_there_is_room_for_are_an_error():
  statistics = episode_statistics.EpisodeStatistics(2, 3)
  watch(statistics, ([2, 2], (1.0, 1.0)), ([2, 2], (1.0, 1.0)))
  with pytest.raises(ValueError, match="4 episodes ended"):
    statistics.ended()


@pytest.mark.parametrize("max_episodes", [1, 50])
def test_a_table_of_another_size_keeps_its_episodes(tmp_path, max_episodes):
  before = episode_statistics.EpisodeStatistics(2, 9)
  watch(before, ([2, 2], (1.0, 2.0)), ([1, 2], (5.0, 6.0)))  # three ended
  path = tf.train.Checkpoint(statistics=before).write(str(tmp_path / "state"))
  after = episode_statistics.EpisodeStatistics(2, max_episodes)
  tf.train.Checkpoint(statistics=after).read(path).assert_consumed()
  after.fit_restored()
  watch(after, ([2, 1], (7.0, 0.0)))
  expected = [(2, 1.0, 1), (2, 2.0, 1), (4, 6.0, 1), (6, 12.0, 2)]
  assert taken(after) == expected


def test_several_learners_count_the_env_steps_of_all():
  statistics = episode_statistics.EpisodeStatistics(2, 9, num_learners=3)
  watch(statistics, ([1, 2], (1.0, 10.0)))
  assert int(statistics.env_steps) == 6
  assert statistics.ended().env_steps.tolist() == [6]
  statistics.forget_ended(num_episodes=4)  # three ended elsewhere
  watch(statistics, ([2, 1], (2.0, 20.0)))
  assert int(statistics.num_episodes) == 5
  assert taken(statistics) == [(12, 3.0, 2)]
