"""The loop, driven by calls that only count."""

import math
import time

import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.training import episode_statistics, iterations, loop


class Counting:
  """Calls that only count, and the interval and counters they move."""

  def __init__(self, stops, start=0, loss=2.0, seconds=0.0, per_turn=1):
    self.stops, self.loss, self.seconds = stops, loss, seconds
    self.per_turn = per_turn
    self.tape = []  # of (call, iterations)
    self.statistics = episode_statistics.EpisodeStatistics(1, 9)
    self.statistics.env_steps.assign(start)
    self.train_steps = tf.Variable(0, dtype=tf.int64)
    self.interval = loop.Interval(("loss", "mean_q"))
    self.interval.end(self.statistics)
    self.results = []

  def _collect(self, count):
    self.tape.append(("collect", int(count)))
    time.sleep(self.seconds * int(count))
    steps = int(count) * self.stops.num_env_steps_per_iteration
    self.statistics.env_steps.assign_add(steps)

  def _train(self, count, totals):
    self._collect(count)
    self.tape[-1] = ("train", int(count))
    self.train_steps.assign_add(int(count))
    added = int(count) * tf.constant([self.loss, 3.0])
    return iterations.TrainTotals(
      totals.num_train_steps + int(count),
      totals.sums + added,
      tf.constant(not math.isfinite(self.loss)),
    )

  def run(self, wants_to_stop=lambda: False, should_stop=lambda: False):
    """Runs the loop, and writes its results at once."""
    for result in loop.run(
      iterations.Iterations(self._collect, self._train, self.per_turn),
      self.stops,
      self.interval,
      self.statistics,
      self.train_steps,
      should_stop,
      wants_to_stop,
    ):
      self.results.append(result)
      self.interval.end(self.statistics)
    return self

  def counts(self, call):
    return [count for name, count in self.tape if name == call]


def test_collects_first_then_trains_and_stops_at_every_period():
  done = Counting(loop.Stops(500, 150, 1, (100, 250))).run()
  assert [name for name, _ in done.tape] == sorted(n for n, _ in done.tape)
  assert sum(done.counts("collect")) == 150
  assert sum(done.counts("train")) == 350
  results = done.results
  assert [r.env_steps for r in results] == [100, 150, 200, 250, 300, 400, 500]
  assert [r.is_last for r in results] == [False] * 6 + [True]
  assert results[-1].train_steps == 350
  assert (results[0].means, results[0].num_train_steps) == ({}, 0)
  assert results[3].means == {"loss": 2.0, "mean_q": 3.0}
  assert results[3].num_env_steps == 50


def test_resumes_from_the_counters():
  done = Counting(loop.Stops(300, 50, 1, (100,)), start=170).run()
  assert sum(done.counts("train")) == 130 and not done.counts("collect")
  assert [r.env_steps for r in done.results] == [200, 300]
  over = Counting(loop.Stops(300, 50, 1, (100,)), start=300).run()
  assert (over.results, over.tape) == ([], [])


def test_many_environments_round_up_to_whole_iterations():
  done = Counting(loop.Stops(100, 8, 16, (50,))).run()
  assert done.counts("collect") == [1] and sum(done.counts("train")) == 6
  assert [r.env_steps for r in done.results] == [16, 64, 112]


def test_calls_begin_short_and_grow_to_about_a_second():
  quick = Counting(loop.Stops(20_000, 0, 1, (20_000,))).run()
  assert quick.tape[:4] == [("train", 10**i) for i in range(4)]
  slow = Counting(loop.Stops(5, 0, 1, (5,)), seconds=0.4).run()
  assert slow.counts("train") == [1, 2, 2]


def test_calls_are_whole_turns_of_the_compiled_loop_up_to_a_stop():
  quick = Counting(loop.Stops(300, 0, 1, (150,)), per_turn=4).run()
  assert quick.counts("train") == [4, 40, 106, 150]
  slow = Counting(loop.Stops(9, 0, 1, (9,)), seconds=0.18, per_turn=4).run()
  assert slow.counts("train") == [4, 5]  # 5 fit into a second, and 8 are whole


def test_a_stop_request_takes_effect_between_calls_and_the_loop_resumes():
  stops = loop.Stops(200, 0, 1, (100,))
  done = Counting(stops, loss=0.5)
  done.run(wants_to_stop=lambda: int(done.statistics.env_steps) >= 11)
  assert (done.results, done.counts("train")) == ([], [1, 10])
  done.loss = 1.0
  (first, second) = done.run().results
  assert (first.env_steps, second.env_steps) == (100, 200)
  # 11 of 0.5 and 89 of 1; only what was done since is in its seconds.
  assert first.means["loss"] == pytest.approx(0.945)
  assert (first.num_env_steps, first.num_train_steps) == (89, 89)
  assert second.means["loss"] == 1.0


def test_an_unwritten_result_is_yielded_again():
  stops = loop.Stops(100, 0, 1, (100,))
  done = Counting(stops)
  calls = iterations.Iterations(done._collect, done._train)
  run = lambda: loop.run(
    calls, stops, done.interval, done.statistics, done.train_steps, bool
  )
  first = next(run())
  before = list(done.tape)
  second = next(run())
  assert done.tape == before
  assert first.means == second.means == {"loss": 2.0, "mean_q": 3.0}
  assert second.is_last and second.env_steps == 100
  done.interval.end(done.statistics)
  assert list(run()) == []


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_non_finite_loss_ends_the_run(loss):
  with pytest.raises(errors.DivergedError) as caught:
    Counting(loop.Stops(300, 50, 1, (100,)), loss=loss).run()
  assert str(caught.value) == (
    "diverged: loss is not finite at train step 1, env step 51"
  )


def test_calls_again_until_the_stop_where_resets_take_steps():
  done = Counting(loop.Stops(40, 1, 1, (20,)), start=1)
  steps = done.statistics.env_steps
  train = done._train

  def with_resets(count, totals):
    before = int(steps)
    totals = train(count, totals)
    steps.assign(before + max(int(count) * 3 // 4, 1))
    return totals

  done._train = with_resets
  assert [r.env_steps for r in done.run().results] == [20, 40]
  assert done.results[1].means == {"loss": 2.0, "mean_q": 3.0}
  assert sum(r.num_train_steps for r in done.results) == int(done.train_steps)
