"""Breakout's rules, worked out by hand."""

import numpy as np
import tensorflow as tf

from agents_pipeline.environments.tensor.minatar import breakout
from agents_pipeline.ops import random_stream

NOOP, LEFT, RIGHT = 0, 1, 3


def make():
  return breakout.Breakout(
    1, random_stream.RandomStream(0), use_minimal_action_set=False
  )


def begin(**changes):
  """A game whose ball comes from the left, with some values changed."""
  state = make().start(tf.constant([True]))
  return state._replace(**{k: tf.constant([v]) for k, v in changes.items()})


def play(state, action=NOOP):
  """Returns the next state as numbers and NumPy boards, reward and end."""
  state, reward, ended = make().play(state, tf.constant([action]), ())
  return state, int(reward[0]), bool(ended[0])


def ball(state):
  """Row, column, down and right of the ball."""
  return tuple(
    int(x[0]) for x in (state.row, state.column, state.down, state.right)
  )


def test_a_game_begins_below_three_rows_of_bricks():
  state = begin()
  assert ball(state) == (3, 0, 1, 1)
  assert ball(make().start(tf.constant([False]))) == (3, 9, 1, -1)
  assert int(state.paddle[0]) == 4
  board = make().observe(make().begin(tf.constant([True]))).numpy()[0]
  assert board.shape == (10, 10, 4) and board.dtype == np.uint8
  assert board[..., 3].sum() == 30 and np.all(board[1:4, :, 3])
  assert [*np.argwhere(board[..., 0])[0]] == [9, 4]
  assert [*np.argwhere(board[..., 1])[0]] == [3, 0]


def test_the_paddle_stays_on_the_board():
  assert int(play(begin(paddle=0), LEFT)[0].paddle[0]) == 0
  assert int(play(begin(paddle=9), RIGHT)[0].paddle[0]) == 9
  assert int(play(begin(paddle=4), RIGHT)[0].paddle[0]) == 5


def test_the_ball_flies_diagonally_and_leaves_a_trail():
  state, reward, ended = play(begin(row=5, column=3))
  assert ball(state) == (6, 4, 1, 1)
  assert (int(state.last_row[0]), int(state.last_column[0])) == (5, 3)
  assert (reward, ended) == (0, False)


def test_a_side_wall_turns_the_ball():
  """It stays in its column for a step."""
  state, _, _ = play(begin(row=5, column=9))
  assert ball(state) == (6, 9, 1, -1)
  assert ball(play(begin(row=5, column=0, right=-1))[0]) == (6, 0, 1, 1)


def test_the_ceiling_turns_the_ball():
  state, reward, _ = play(begin(row=0, column=3, down=-1))
  assert ball(state) == (0, 4, 1, 1)
  assert reward == 0


def test_a_brick_breaks_and_turns_the_ball():
  state, reward, _ = play(begin(row=4, column=3, down=-1))
  assert ball(state) == (4, 4, 1, 1)
  assert reward == 1
  assert (
    not state.bricks[0, 3, 4]
    and int(tf.reduce_sum(tf.cast(state.bricks, tf.int32))) == 29
  )


def test_of_bricks_in_a_row_only_the_first_breaks():
  """Within the wall the ball flies on until it is out."""
  inside = begin(row=3, column=3, down=-1, struck=True)
  state, reward, _ = play(inside)
  assert ball(state) == (2, 4, -1, 1) and bool(state.struck[0])
  assert reward == 0 and bool(state.bricks[0, 2, 4])
  outside, _, _ = play(begin(row=5, column=3, struck=True))
  assert not outside.struck[0]


def test_the_paddle_bounces_the_ball_up_and_its_edge_back():
  over, reward, ended = play(begin(row=8, column=4, paddle=4))
  assert ball(over) == (8, 5, -1, 1)
  assert (reward, ended) == (0, False)
  edge, _, ended = play(begin(row=8, column=3, paddle=4))
  assert ball(edge) == (8, 4, -1, -1) and not ended
  # The paddle moves before the ball.
  assert ball(play(begin(row=8, column=4, paddle=5), LEFT)[0]) == (8, 5, -1, 1)


def test_a_missed_ball_is_the_end():
  _, reward, ended = play(begin(row=8, column=3, paddle=7))
  assert (reward, ended) == (0, True)


def test_bricks_come_back_when_the_ball_is_down():
  """Not when the last one breaks."""
  one = np.zeros((10, 10), bool)
  one[3, 4] = True
  state, reward, _ = play(begin(row=4, column=3, down=-1, bricks=one))
  assert reward == 1 and not np.any(state.bricks)
  low = state._replace(
    row=tf.constant([8]), column=tf.constant([4]), paddle=tf.constant([4])
  )
  assert int(tf.reduce_sum(tf.cast(play(low)[0].bricks, tf.int32))) == 30
