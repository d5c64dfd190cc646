"""Asterix's rules, worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.environments.tensor.minatar import asterix
from agents_pipeline.ops import random_stream

NOOP, LEFT, UP, RIGHT, DOWN = range(5)


def make(batch_size=1, **arguments):
  return asterix.Asterix(
    batch_size,
    random_stream.RandomStream(0),
    use_minimal_action_set=False,
    **arguments,
  )


def draws(from_left=True, is_gold=False, row=0.0):
  """Where row is the share of the free rows that are above."""
  bits = np.array([row * 2**32], np.uint32)
  return asterix.Draws(
    tf.constant([from_left]), tf.constant([is_gold]), tf.constant(bits)
  )


def begin(**changes):
  state = make().start(())
  return state._replace(**{k: tf.constant([v]) for k, v in changes.items()})


def things(*given):
  """Fields of the state, of (row, column, from left, is gold) of each thing."""
  columns, there = [0] * 8, [False] * 8
  from_left, is_gold = [False] * 8, [False] * 8
  for row, column, right, gold in given:
    columns[row - 1], there[row - 1] = column, True
    from_left[row - 1], is_gold[row - 1] = right, gold
  return {
    "columns": columns,
    "there": there,
    "from_left": from_left,
    "is_gold": is_gold,
  }


def play(state, action=NOOP, what=None, **arguments):
  """Returns the next state, the reward and whether it is the end."""
  state, reward, ended = make(**arguments).play(
    state, tf.constant([action]), what or draws()
  )
  return state, int(reward[0]), bool(ended[0])


def where(state):
  """Row and column of each thing."""
  return [
    (i + 1, int(state.columns[0, i])) for i in range(8) if state.there[0, i]
  ]


@pytest.mark.parametrize(
  ("position", "action", "to"),
  [
    ((5, 5), LEFT, (5, 4)),
    ((5, 5), DOWN, (6, 5)),
    ((5, 0), LEFT, (5, 0)),
    ((5, 9), RIGHT, (5, 9)),
    ((1, 5), UP, (1, 5)),
    ((8, 5), DOWN, (8, 5)),
  ],
)
def test_the_player_stays_within_its_rows(position, action, to):
  state, _, _ = play(begin(row=position[0], column=position[1]), action)
  assert (int(state.row[0]), int(state.column[0])) == to


def test_something_comes_into_a_free_row_every_ten_steps():
  """The 11th step brings the first; the third of seven free rows is the 4th."""
  state = begin()
  for _ in range(10):
    state, _, _ = play(state)
  assert where(state) == [] and int(state.spawn_timer[0]) == 0
  state, _, _ = play(state, what=draws(False, True, 0.0))
  # It is also time to move.
  assert where(state) == [(1, 8)] and int(state.spawn_timer[0]) == 9
  taken = begin(spawn_timer=0, **things((2, 5, True, False)))
  state, _, _ = play(taken, what=draws(True, False, 2 / 7 + 0.01))
  assert where(state) == [(2, 5), (4, 0)]


def test_nothing_comes_where_every_row_is_taken():
  full = things(*((row, 1, True, True) for row in range(1, 9)))
  state, _, _ = play(begin(spawn_timer=0, **full), what=draws(row=0.99))
  assert where(state) == [(row, 1) for row in range(1, 9)]
  assert int(state.spawn_timer[0]) == 9


def test_things_move_every_five_steps_and_leave():
  state = begin(
    move_timer=1,
    **things((2, 3, True, False), (3, 0, False, True), (4, 9, False, False)),
  )
  state, _, _ = play(state)
  assert where(state) == [(2, 3), (3, 0), (4, 9)]
  state, _, _ = play(state)
  assert where(state) == [(2, 4), (4, 8)]
  assert int(state.move_timer[0]) == 4


@pytest.mark.parametrize("column", [5, 4])
def test_gold_is_worth_one_and_an_enemy_is_the_end(column):
  """Before they move as after."""
  gold = begin(move_timer=0, **things((5, column, True, True)))
  state, reward, ended = play(gold)
  assert (reward, ended, where(state)) == (1, False, [])
  enemy = begin(move_timer=0, **things((5, column, True, False)))
  _, reward, ended = play(enemy)
  assert (reward, ended) == (0, True)
  still = begin(move_timer=1, **things((5, 4, True, True)))
  assert play(still)[1] == 0
  assert play(still, LEFT)[1] == 1


def test_it_becomes_harder_every_102_steps():
  """More at first; with every second time they are faster too."""

  def periods(state):
    return int(state.spawn_period[0]), int(state.move_period[0])

  state, changes = begin(), []
  for step in range(1, 210):
    before = periods(state)
    state, _, _ = play(state._replace(there=tf.zeros((1, 8), tf.bool)))
    if periods(state) != before:
      changes.append((step, *periods(state)))
  assert changes == [(102, 9, 5), (204, 8, 4)]
  due = begin(ramp_timer=-1)
  assert periods(play(due)[0]) == (9, 5)
  assert periods(play(due, difficulty_ramping=False)[0]) == (10, 5)
  hardest = begin(ramp_timer=-1, spawn_period=1, move_period=1)
  assert periods(play(hardest)[0]) == (1, 1)


def test_the_board_shows_enemies_gold_and_where_they_came_from():
  game = make()
  state = begin(**things((2, 3, True, False), (4, 0, True, True)))
  boards = [np.argwhere(x[0]).tolist() for x in game.channels(state)]
  assert boards == [[[5, 5]], [[2, 3]], [[2, 2]], [[4, 0]]]


def test_one_thing_in_three_is_gold():
  drawn = make(9_000).draw()
  share = lambda x: np.mean(x.numpy())
  assert abs(share(drawn.is_gold) - 1 / 3) < 4 * (2 / 9 / 9_000) ** 0.5
  assert abs(share(drawn.from_left) - 1 / 2) < 4 * (1 / 4 / 9_000) ** 0.5
