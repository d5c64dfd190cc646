"""The loop, driven by calls that only count."""

import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.collection import episode_statistics
from agents_pipeline.training import iterations, loop


def totals(count, loss):
  """Of so many train steps with one loss and q 3."""
  sums = {"loss": loss * count, "mean_q": 3.0 * count}
  return iterations.TrainTotals(
    tf.constant(count, tf.int64), {k: tf.constant(v) for k, v in sums.items()}
  )


def run(sizes, start=0, loss=2.0, should_stop=lambda: False):
  """Runs the loop over fake calls; returns results and the tape of calls."""
  tape = []
  statistics = episode_statistics.EpisodeStatistics(1, 9)
  statistics.env_steps.assign(start)
  train_steps = tf.Variable(0, dtype=tf.int64)

  def collect(count):
    tape.append(("collect", int(count)))
    done = int(count) * sizes.num_env_steps_per_iteration
    statistics.env_steps.assign_add(done)
    return totals(0, 0.0)

  def train(count):
    collect(count)
    tape[-1] = ("train", int(count))
    train_steps.assign_add(int(count))
    return totals(int(count), loss)

  compiled = iterations.Iterations(collect, train)
  results = list(
    loop.run(compiled, sizes, statistics, train_steps, should_stop)
  )
  return results, tape


def test_collects_first_then_trains_and_stops_at_every_period():
  results, tape = run(loop.LoopSizes(500, 150, 1, (100, 250)))
  assert tape == [
    ("collect", 100), ("collect", 50), ("train", 50), ("train", 50),
    ("train", 50), ("train", 100), ("train", 100),
  ]  # fmt: skip
  assert [r.env_steps for r in results] == [100, 150, 200, 250, 300, 400, 500]
  assert results[-1].train_steps == 350
  assert (results[0].means, results[0].num_train_steps) == ({}, 0)
  assert results[3].means == {"loss": 2.0, "mean_q": 3.0}
  assert results[3].num_env_steps == 50


def test_goes_on_from_where_the_counters_stand():
  results, tape = run(loop.LoopSizes(300, 50, 1, (100,)), start=170)
  assert tape == [("train", 30), ("train", 100)]
  assert [r.env_steps for r in results] == [200, 300]
  assert run(loop.LoopSizes(300, 50, 1, (100,)), start=300)[0] == []


def test_many_environments_round_up_to_whole_iterations():
  results, tape = run(loop.LoopSizes(100, 8, 16, (50,)))
  assert tape == [("collect", 1), ("train", 3), ("train", 3)]
  assert [r.env_steps for r in results] == [16, 64, 112]


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_run(loss):
  with pytest.raises(errors.RunError, match="diverged.* at train step 50, env"):
    run(loop.LoopSizes(300, 50, 1, (100,)), loss=loss)


def test_goes_on_calling_until_the_stop_where_steps_are_spent_on_resets():
  statistics = episode_statistics.EpisodeStatistics(1, 9)
  train_steps = tf.Variable(0, dtype=tf.int64)

  def train(count):
    statistics.env_steps.assign_add(max(int(count) * 3 // 4, 1))
    train_steps.assign_add(int(count))
    return totals(int(count), 1.0)

  compiled = iterations.Iterations(train, train)
  sizes = loop.LoopSizes(40, 1, 1, (20,))
  statistics.env_steps.assign(1)
  results = list(
    loop.run(compiled, sizes, statistics, train_steps, lambda: False)
  )
  assert [r.env_steps for r in results] == [20, 40]
  assert results[0].means == results[1].means == {"loss": 1.0, "mean_q": 3.0}
  assert sum(r.num_train_steps for r in results) == int(train_steps)
