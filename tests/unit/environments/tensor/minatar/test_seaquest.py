"""Seaquest's rules, worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.environments.tensor.minatar import (
  seaquest,
  seaquest_state,
)
from agents_pipeline.ops import random_stream

NOOP, LEFT, UP, RIGHT, DOWN, FIRE = range(6)
FISH, SUBMARINE = False, True


def make(batch_size=1, **arguments):
  return seaquest.Seaquest(
    batch_size,
    random_stream.RandomStream(0),
    use_minimal_action_set=False,
    **arguments,
  )


def draws(from_left=True, is_submarine=False, row=1):
  """Of an enemy and of a diver, into one of the rows 1 to 8."""
  side, index = tf.constant([from_left]), tf.constant([row - 1])
  return seaquest.Draws(side, tf.constant([is_submarine]), index, side, index)


def begin(**changes):
  """Below the surface, with some values changed."""
  state = make().start(())._replace(row=tf.constant([5]))
  return state._replace(
    **{
      name: tf.constant([value]) if not isinstance(value, tuple) else value
      for name, value in changes.items()
    }
  )


def enemies(*given):
  """Of (row, column, right, kind, move timer, shot timer), oldest first."""
  size = seaquest_state.NUM_ENEMIES
  fields = [[True] * len(given), *map(list, zip(*given, strict=True))]
  fields = [column + [0] * (size - len(given)) for column in fields]
  types = (bool, np.int32, np.int32, bool, bool, np.int32, np.int32)
  return seaquest_state.Enemies(
    *(
      tf.constant(np.array([x]).astype(t))
      for x, t in zip(fields, types, strict=True)
    )
  )


def pair(kind, *given):
  """Divers or bullets, of their fields without `there`, oldest first."""
  fields = [[True] * len(given), *map(list, zip(*given, strict=True))]
  fields = [column + [0] * (2 - len(given)) for column in fields]
  return kind(
    *(
      tf.constant(
        np.array([x]).astype(bool if name in ("there", "right") else np.int32)
      )
      for name, x in zip(kind._fields, fields, strict=True)
    )
  )


def divers(*given):
  """Of (row, column, right, move timer)."""
  return pair(seaquest_state.Divers, *given)


def bullets(*given):
  """Of (row, column, right)."""
  return pair(seaquest_state.Bullets, *given)


def play(state, action=NOOP, what=None, **arguments):
  """Returns the next state, the reward and whether it is the end."""
  state, reward, ended = make(**arguments).play(
    state, tf.constant([action]), what or draws()
  )
  return state, int(reward[0]), bool(ended[0])


def cells(things):
  """Row and column of each of them that is there."""
  return [
    (int(things.row[0, i]), int(things.column[0, i]))
    for i in range(things.there.shape[1])
    if things.there[0, i]
  ]


def number(x):
  return int(x[0])


@pytest.mark.parametrize(
  ("position", "action", "to"),
  [
    ((5, 5), UP, (4, 5)),
    ((8, 5), DOWN, (8, 5)),
    ((5, 0), LEFT, (5, 0)),
    ((5, 9), RIGHT, (5, 9)),
  ],
)
def test_the_player_stays_in_the_sea(position, action, to):
  state, _, _ = play(begin(row=position[0], column=position[1]), action)
  assert (number(state.row), number(state.column)) == to
  assert bool(state.faces_right[0]) == (action == RIGHT)


def test_the_player_shoots_the_way_it_faces_once_in_five_steps():
  state, _, _ = play(begin(faces_right=True), FIRE)
  assert cells(state.bullets) == [(5, 6)] and number(state.shot_timer) == 4
  state, _, _ = play(state, FIRE)
  assert cells(state.bullets) == [(5, 7)]
  left, _, _ = play(begin(bullets=bullets((3, 9, True))), FIRE)
  assert cells(left.bullets) == [(5, 4)]  # the other one left the board


def test_a_bullet_hits_a_fish_before_a_submarine():
  """Of fish, the one that came first."""
  here = (
    (5, 3, True, SUBMARINE, 3, 9),
    (5, 3, True, FISH, 2, 9),
    (5, 3, True, FISH, 1, 9),
  )
  state = begin(
    enemies=enemies(*here), next_enemy=3, bullets=bullets((5, 4, False))
  )
  state, reward, ended = play(state)
  assert (reward, ended) == (1, False) and cells(state.bullets) == []
  np.testing.assert_array_equal(state.enemies.there[0, :3], [True, False, True])


def test_an_enemy_that_swims_into_a_bullet_is_hit():
  """Submarines first, of several the newest; those that wait are not."""
  state = begin(
    row=2,
    enemies=enemies(
      (5, 2, True, SUBMARINE, 0, 9),
      (5, 2, True, SUBMARINE, 0, 8),
      (5, 2, True, FISH, 0, 9),
      (5, 3, True, FISH, 9, 9),
    ),
    next_enemy=4,
    bullets=bullets((5, 2, True)),
  )
  flown = state._replace(
    enemies=state.enemies._replace(row=tf.constant([[6] * 32]))
  )
  assert play(flown)[1] == 0
  # The bullet flies to column 3 first, where the fish waits.
  hit, reward, _ = play(state)
  assert reward == 1 and not hit.enemies.there[0, 3]
  without = state._replace(
    enemies=enemies(
      (5, 2, True, SUBMARINE, 0, 9),
      (5, 2, True, SUBMARINE, 0, 8),
      (5, 2, True, FISH, 0, 9),
    )
  )
  hit, reward, _ = play(without)
  assert reward == 1 and cells(hit.bullets) == []
  np.testing.assert_array_equal(hit.enemies.there[0, :3], [True, False, True])


def test_an_enemy_comes_every_twenty_steps():
  """And none against another one in its row."""
  state = begin(spawn_timer=0, move_period=4)
  came, _, _ = play(state, what=draws(False, True, 3))
  assert cells(came.enemies) == [(3, 9)] and number(came.next_enemy) == 1
  assert number(came.spawn_timer) == 19
  assert int(came.enemies.move_timer[0, 0]) == 3
  again = came._replace(spawn_timer=tf.constant([0]))
  against, _, _ = play(again, what=draws(True, False, 3))
  assert cells(against.enemies) == [(3, 9)]
  assert number(against.spawn_timer) == 19
  assert cells(play(again, what=draws(False, False, 3))[0].enemies) == [
    (3, 9), (3, 9)
  ]  # fmt: skip


def test_enemies_move_and_leave():
  state = begin(
    enemies=enemies(
      (2, 3, True, FISH, 0, 9),
      (3, 0, False, SUBMARINE, 0, 9),
      (4, 3, False, FISH, 1, 9),
    )
  )
  state, _, ended = play(state)
  assert cells(state.enemies) == [(2, 4), (4, 3)] and not ended
  assert int(state.enemies.move_timer[0, 0]) == 5


@pytest.mark.parametrize("kind", [FISH, SUBMARINE])
def test_an_enemy_that_touches_is_the_end(kind):
  """Before it moves and after."""
  assert play(begin(enemies=enemies((5, 5, True, kind, 0, 9))))[2]
  assert play(begin(enemies=enemies((5, 4, True, kind, 0, 9))))[2]
  assert not play(begin(enemies=enemies((5, 4, True, kind, 1, 9))))[2]


def test_a_submarine_shoots_every_eleven_steps_and_a_bullet_kills():
  """A bullet moves in the step in which it is shot, also one of the dead."""
  state = begin(enemies=enemies((5, 1, True, SUBMARINE, 9, 0)))
  state, _, ended = play(state)
  assert not ended and bool(state.bullets_right[0, 5, 2])
  assert int(state.enemies.shot_timer[0, 0]) == 10
  ends = []
  for _ in range(3):
    state, _, ended = play(state)
    ends.append(ended)
  assert ends == [False, False, True]
  dead = begin(
    enemies=enemies((3, 1, True, SUBMARINE, 0, 0)),
    bullets=bullets((3, 3, False)),
  )
  state, reward, _ = play(dead)
  assert reward == 1 and bool(state.bullets_right[0, 3, 3])


def test_divers_come_get_on_board_and_leave():
  came, _, _ = play(begin(diver_timer=0), what=draws(True, False, 7))
  assert cells(came.divers) == [(7, 0)] and number(came.diver_timer) == 29
  state = begin(divers=divers((5, 5, True, 3), (5, 4, True, 0)))
  state, _, _ = play(state)
  assert number(state.num_divers) == 2 and cells(state.divers) == []
  left, _, _ = play(begin(divers=divers((3, 9, True, 0), (3, 4, False, 0))))
  assert cells(left.divers) == [(3, 3)]


def test_the_sixth_place_is_for_the_newer_diver():
  state = begin(num_divers=5, divers=divers((5, 5, True, 3), (5, 5, True, 2)))
  state, _, _ = play(state)
  assert number(state.num_divers) == 6
  np.testing.assert_array_equal(state.divers.there, [[True, False]])
  assert int(state.divers.move_timer[0, 0]) == 2


def surface(**changes):
  """From just below the surface to it."""
  return play(begin(row=1, at_surface=False, **changes), UP)


def test_surfacing_with_divers_costs_one_and_fills_up_the_oxygen():
  state, reward, ended = surface(num_divers=2, oxygen=17)
  assert (reward, ended) == (0, False)
  assert (number(state.num_divers), number(state.oxygen)) == (1, 200)
  again, _, _ = play(state)
  assert number(again.num_divers) == 1  # it stays there for nothing


def test_surfacing_with_none_is_the_end():
  assert surface(num_divers=0, oxygen=50)[2]


def test_six_divers_are_worth_the_oxygen():
  """As in the package, they leave -1."""
  state, reward, ended = surface(num_divers=6, oxygen=139)
  assert (reward, ended) == (6, False)
  assert (number(state.num_divers), number(state.oxygen)) == (-1, 200)


def test_oxygen_runs_out_below_the_surface():
  state, _, ended = play(begin(oxygen=1))
  assert number(state.oxygen) == 0 and not ended
  assert play(state)[2]
  at_the_top, _, _ = play(begin(row=0, at_surface=True, oxygen=9))
  assert number(at_the_top.oxygen) == 9


def test_surfacing_makes_it_harder():
  """More enemies each time; with every second time they are faster too."""

  def periods(num_ramps, **arguments):
    state = begin(row=1, at_surface=False, num_divers=3, num_ramps=num_ramps)
    state, _, _ = play(state, UP, **arguments)
    return number(state.spawn_period), number(state.move_period)

  assert periods(0) == (19, 5)
  assert periods(1) == (19, 4)
  assert periods(1, difficulty_ramping=False) == (20, 5)


def test_the_board_shows_it_all():
  state = begin(
    oxygen=101,
    num_divers=2,
    faces_right=True,
    enemies=enemies((2, 3, True, FISH, 0, 9), (3, 9, False, SUBMARINE, 0, 9)),
    divers=divers((6, 0, True, 3)),
    bullets=bullets((4, 7, True)),
  )
  boards = [np.argwhere(x[0]).tolist() for x in make().channels(state)]
  assert boards == [
    [[5, 5]],  # the front
    [[5, 4]],
    [[4, 7]],  # a bullet
    [[2, 2]],  # what is behind the others is off the board
    [],
    [[2, 3]],
    [[3, 9]],
    [[9, i] for i in range(5)],  # oxygen
    [[9, 7], [9, 8]],  # divers on board
    [[6, 0]],
  ]


def test_one_enemy_in_three_is_a_submarine():
  drawn = make(9_000).draw()
  share = np.mean(drawn.is_submarine.numpy())
  assert abs(share - 1 / 3) < 4 * (2 / 9 / 9_000) ** 0.5
  _, counts = np.unique(drawn.row, return_counts=True)
  assert len(counts) == 8
  assert np.abs(counts - 1_125).max() < 4 * (9_000 * 7 / 64) ** 0.5
