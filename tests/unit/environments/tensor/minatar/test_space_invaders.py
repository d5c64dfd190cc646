"""SpaceInvaders' rules, worked out by hand."""

import numpy as np
import tensorflow as tf

from agents_pipeline.environments.tensor.minatar import space_invaders
from agents_pipeline.ops import random_stream

NOOP, LEFT, RIGHT, FIRE = 0, 1, 3, 5


def make(**arguments):
  return space_invaders.SpaceInvaders(
    1,
    random_stream.RandomStream(0),
    use_minimal_action_set=False,
    **arguments,
  )


def board(*cells):
  filled = np.zeros((10, 10), bool)
  for cell in cells:
    filled[cell] = True
  return filled


def begin(**changes):
  state = make().start(())
  return state._replace(**{k: tf.constant([v]) for k, v in changes.items()})


def play(state, action=NOOP, **arguments):
  """Returns the next state, the reward and whether it is the end."""
  state, reward, ended = make(**arguments).play(
    state, tf.constant([action]), ()
  )
  return state, int(reward[0]), bool(ended[0])


def cells(of_board):
  return {tuple(map(int, cell)) for cell in np.argwhere(of_board[0])}


def number(x):
  return int(x[0])


def test_a_game_begins_with_a_wave_going_left():
  state = begin()
  assert cells(state.aliens) == {(r, c) for r in range(4) for c in range(2, 8)}
  assert number(state.cannon) == 5
  seen = make().observe(make().begin(())).numpy()[0]
  assert seen[..., 1].sum() == seen[..., 2].sum() == 24
  assert seen[..., 3].sum() == 0 and seen[9, 5, 0] == 1


def test_the_cannon_stays_on_the_board():
  assert number(play(begin(cannon=0), LEFT)[0].cannon) == 0
  assert number(play(begin(cannon=9), RIGHT)[0].cannon) == 9


def test_the_cannon_shoots_once_in_five_steps():
  """The bullet moves in the step in which it is shot."""
  state, _, _ = play(begin(cannon=1), FIRE)
  assert cells(state.bullets) == {(8, 1)}
  assert number(state.shot_timer) == 4
  for i in range(4):
    state, _, _ = play(state, FIRE)
    assert cells(state.bullets) == {(7 - i, 1)}
  assert cells(play(state, FIRE)[0].bullets) == {(3, 1), (8, 1)}


def test_a_bullet_and_an_alien_meet():
  state, reward, ended = play(
    begin(bullets=board((4, 4), (0, 0)), aliens=board((3, 4), (2, 4)))
  )
  assert (reward, ended) == (1, False)
  assert cells(state.aliens) == {(2, 4)}
  assert cells(state.bullets) == set()  # the other one has left the board


def test_aliens_move_when_their_time_comes():
  """Few of them more often: as many steps between moves as there are."""
  state, _, _ = play(begin(aliens=board((2, 4), (2, 5)), move_timer=0))
  assert cells(state.aliens) == {(2, 3), (2, 4)}
  assert number(state.move_timer) == 1
  full, _, _ = play(begin(move_timer=0))
  assert number(full.move_timer) == 11
  assert cells(play(begin(move_timer=1))[0].aliens) == cells(begin().aliens)


def test_at_a_wall_aliens_go_down_and_turn():
  state, _, ended = play(
    begin(aliens=board((2, 0), (2, 4)), move_timer=0, direction=-1)
  )
  assert cells(state.aliens) == {(3, 0), (3, 4)}
  assert number(state.direction) == 1 and not ended
  state, _, _ = play(begin(aliens=board((2, 9)), move_timer=0, direction=1))
  assert cells(state.aliens) == {(3, 9)} and number(state.direction) == -1


def test_aliens_that_land_or_touch_are_the_end():
  lowest = begin(aliens=board((9, 0)), move_timer=0, cannon=7)
  assert play(lowest)[2]
  onto = begin(aliens=board((9, 4)), move_timer=0, cannon=3, direction=-1)
  assert play(onto)[2]
  assert play(begin(aliens=board((9, 4)), cannon=3), RIGHT)[2]
  assert not play(begin(aliens=board((9, 5)), cannon=3), RIGHT)[2]


def test_the_nearest_alien_shoots_from_the_lowest_row():
  """Of two as near, the one on the left."""
  aliens = board((2, 3), (1, 3), (3, 7), (4, 0))
  state, _, _ = play(begin(aliens=aliens, cannon=5, alien_shot_timer=0))
  assert cells(state.alien_bullets) == {(2, 3)}
  assert number(state.alien_shot_timer) == 9
  state, _, _ = play(begin(aliens=aliens, cannon=6, alien_shot_timer=0))
  assert cells(state.alien_bullets) == {(3, 7)}


def test_a_bullet_of_an_alien_falls_onto_the_cannon():
  state, _, ended = play(begin(alien_bullets=board((7, 5)), cannon=5))
  assert cells(state.alien_bullets) == {(8, 5)} and not ended
  assert play(state)[2]
  assert not play(state, LEFT)[2]


def test_the_next_wave_is_faster():
  last = begin(aliens=board((3, 4)), bullets=board((4, 4)), move_period=8)
  state, reward, _ = play(last)
  assert reward == 1 and len(cells(state.aliens)) == 24
  assert number(state.move_period) == 7
  fastest = last._replace(move_period=tf.constant([6]))
  assert number(play(fastest)[0].move_period) == 6
  unramped, _, _ = play(last, difficulty_ramping=False)
  assert number(unramped.move_period) == 8
