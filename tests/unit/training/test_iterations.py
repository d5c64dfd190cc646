"""Totals of train steps, and loops of iterations."""

import types

import pytest
import tensorflow as tf

from agents_pipeline.training import iterations

# Two measures, one of them bounded, of what is given as a train step's info.
AGENT = types.SimpleNamespace(
  measures={"loss": lambda info: info[0], "mean_q": lambda info: info[1]},
  measure_bounds={"mean_q": 10.0},
)


def test_totals_are_sums_over_train_steps(compiled):
  def add_two():
    totals = iterations.no_train_steps(2)
    for info in ([1.0, -10.0], [2.0, 4.0]):
      totals = totals.add(AGENT, tf.constant(info))
    return totals

  totals = compiled(add_two)()
  assert int(totals.num_train_steps) == 2
  assert totals.sums.numpy().tolist() == [3.0, -6.0]
  assert not bool(totals.diverged)


@pytest.mark.parametrize(
  "info", [[float("nan"), 0.0], [float("inf"), 0.0], [0.0, -10.5]]
)
def test_one_diverged_train_step_marks_the_totals(info):
  totals = iterations.no_train_steps(2)
  found = []
  for step in ([0.0, 0.0], info, [0.0, 0.0]):
    totals = totals.add(AGENT, tf.constant(step))
    found.append(not bool(totals.diverged))
  assert found == [True, False, False]


def test_infinity_is_unsound_whatever_the_bound():
  agent = types.SimpleNamespace(
    measures={"mean_q": lambda info: info[0]}, measure_bounds={"mean_q": 1e39}
  )
  infinite = tf.constant([float("inf")])
  assert bool(iterations.no_train_steps(1).add(agent, infinite).diverged)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_repeating(count, compiled):
  double = lambda x: 2 * x
  expected = 2**count
  found = compiled(lambda n, x: iterations.repeat(n, double, x))
  assert int(found(tf.constant(count), tf.constant(1))) == expected
  assert int(iterations.repeat(count, double, tf.constant(1))) == expected


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 9])
def test_repeating_in_turns_of_four(count, compiled):
  add = lambda x: x + 1
  found = compiled(
    lambda n: iterations.repeat(n, add, tf.constant(0), per_turn=4)
  )
  assert int(found(tf.constant(count))) == count


def test_a_turn_that_has_begun_is_finished(compiled):
  add, below_5 = lambda x: x + 1, lambda x: x < 5
  found = compiled(
    lambda n: iterations.repeat(n, add, tf.constant(0), below_5, per_turn=4)
  )
  assert int(found(tf.constant(20))) == 8
  assert int(found(tf.constant(6))) == 5  # the last two one by one


def test_repeating_stops_where_it_does_not_continue(compiled):
  found = compiled(
    lambda x: iterations.repeat(9, lambda x: 2 * x, x, lambda x: x < 5)
  )(tf.constant(1))
  assert int(found) == 8
