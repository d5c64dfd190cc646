"""Freeway's rules, worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.environments.tensor.minatar import freeway
from agents_pipeline.ops import random_stream

NOOP, UP, DOWN = 0, 2, 4
SPEEDS = tf.constant([[1, -1, 2, -2, 3, -3, 5, -5]])
OTHERS = tf.constant([[-4] * 8])


def make():
  return freeway.Freeway(
    1, random_stream.RandomStream(0), use_minimal_action_set=False
  )


def begin(**changes):
  state = make().start(SPEEDS)
  return state._replace(**{k: tf.constant([v]) for k, v in changes.items()})


def play(state, action=NOOP):
  """Returns the next state, the reward and whether it is the end."""
  state, reward, ended = make().play(state, tf.constant([action]), OTHERS)
  return state, int(reward[0]), bool(ended[0])


def number(x):
  return int(x[0])


def test_the_chicken_moves_every_third_step():
  state, rows = begin(columns=[9] * 8), []
  for _ in range(7):
    state, _, _ = play(state, UP)
    rows.append(number(state.chicken))
  assert rows == [9, 9, 9, 8, 8, 8, 7]


@pytest.mark.parametrize(("row", "action", "to"), [(9, DOWN, 9), (5, DOWN, 6)])
def test_the_chicken_stays_on_the_board(row, action, to):
  state, _, _ = play(begin(chicken=row, move_timer=0), action)
  assert number(state.chicken) == to


def test_cars_move_as_often_as_their_speed_says():
  """Each waits for as many steps as its speed, also at first."""
  state, columns = begin(), []
  for _ in range(6):
    state, _, _ = play(state)
    columns.append(state.columns.numpy()[0])
  expected = [  # of speeds 1, -1, 2, -2, 3, -3, 5, -5
    [0, 0, 0, 0, 0, 0, 0, 0],
    [1, 9, 0, 0, 0, 0, 0, 0],
    [1, 9, 1, 9, 0, 0, 0, 0],
    [2, 8, 1, 9, 1, 9, 0, 0],
    [2, 8, 1, 9, 1, 9, 0, 0],
    [3, 7, 2, 8, 1, 9, 1, 9],
  ]
  np.testing.assert_array_equal(columns, expected)


def test_the_top_is_worth_one_and_changes_the_cars():
  state, reward, ended = play(begin(chicken=1, move_timer=0), UP)
  assert (reward, ended, number(state.chicken)) == (1, False, 9)
  np.testing.assert_array_equal(state.speeds, OTHERS)
  np.testing.assert_array_equal(state.timers, [[3] * 8])
  np.testing.assert_array_equal(state.columns, [[0] * 8])


def test_a_car_sends_the_chicken_back_before_and_after_it_moves():
  before = begin(chicken=1, columns=[4] + [0] * 7, timers=[0] + [9] * 7)
  assert number(play(before)[0].chicken) == 9
  after = begin(chicken=1, columns=[3] + [0] * 7, timers=[0] + [9] * 7)
  state, reward, ended = play(after)
  assert (number(state.chicken), reward, ended) == (9, 0, False)
  waiting = begin(chicken=1, columns=[3] + [0] * 7, timers=[1] + [9] * 7)
  assert number(play(waiting)[0].chicken) == 1


def test_a_game_ends_with_its_2501st_step():
  assert not play(begin(steps_left=1))[2]
  assert play(begin(steps_left=0))[2]
  assert number(begin().steps_left) == 2_500


def test_the_board_shows_what_is_behind_a_car_by_its_speed():
  """Over the edge it is on the other side."""
  board = make().observe(make().begin(SPEEDS)).numpy()[0]
  assert board[9, 4, 0] == 1 and board[..., 0].sum() == 1
  np.testing.assert_array_equal(np.argwhere(board[..., 1])[:, 0], range(1, 9))
  trails = {tuple(map(int, x)) for x in np.argwhere(board[..., 2:])}
  assert trails == {
    (1, 9, 0), (2, 1, 0), (3, 9, 1), (4, 1, 1),
    (5, 9, 2), (6, 1, 2), (7, 9, 4), (8, 1, 4),
  }  # fmt: skip


def test_speeds_are_uniformly_distributed():
  game = freeway.Freeway(
    2_000, random_stream.RandomStream(0), use_minimal_action_set=False
  )
  values, counts = np.unique(game.draw(), return_counts=True)
  assert [*values] == [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5]
  # Of 16,000, within four standard deviations.
  assert np.abs(counts - 1_600).max() < 4 * (16_000 * 0.1 * 0.9) ** 0.5
