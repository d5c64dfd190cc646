"""Each game against the `minatar` package, and what all of them offer."""

import functools

import minatar
import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.environments.tensor.minatar import (
  asterix,
  breakout,
  freeway,
  seaquest,
  space_invaders,
)
from agents_pipeline.ops import random_stream

NOOP, LEFT, UP, RIGHT, DOWN, FIRE = range(6)
NUM_COPIES = 4
NUM_STEPS = 2_510  # of each copy; Freeway's episodes have 2,501


class RecordedRandom(np.random.RandomState):
  """Remembers what was drawn: ('rand' or 'randint', the limit, the result)."""

  def __init__(self, seed):
    super().__init__(seed)
    self.drawn = []

  def rand(self, *shape):
    return self._remember("rand", 1.0, super().rand(*shape))

  def randint(self, low, high=None, size=None):
    limit = low if high is None else high
    return self._remember("randint", limit, super().randint(low, high, size))

  def _remember(self, name, limit, value):
    self.drawn.append((name, limit, np.copy(value)))
    return value

  def take(self):
    """What was drawn since the last call."""
    drawn, self.drawn = self.drawn, []
    return drawn


def no_draws(drawn):
  """Of one copy, what a game without chance draws."""
  assert not drawn
  return ()


def breakout_start(drawn):
  ((_, _, side),) = drawn
  return side == 0


def freeway_draws(drawn):
  """Speeds; any where none were drawn."""
  if not drawn:
    return np.ones(8, np.int32)
  (_, _, size), (_, _, direction) = drawn
  return (size * np.sign(direction - 0.5)).astype(np.int32)


def asterix_draws(drawn):
  """Bits that choose the same of as many free rows."""
  if not drawn:
    return asterix.Draws(False, False, np.uint32(0))
  (_, _, side), (_, _, gold), *row = drawn
  bits = 0
  if row:
    ((_, num_free, chosen),) = row
    bits = -(-chosen * 2**32 // num_free)
  return asterix.Draws(side < 1 / 2, gold < 1 / 3, np.uint32(bits))


def seaquest_draws(drawn):
  """An enemy's are two of `rand` and a row, a diver's one and a row."""
  enemy, diver = (1.0, 1.0, 1), (1.0, 1)
  values = [value for _, _, value in drawn]
  if [kind for kind, _, _ in drawn[:2]] == ["rand", "rand"]:
    enemy, values = values[:3], values[3:]
  if values:
    diver = values
  return seaquest.Draws(
    enemy[0] < 1 / 2,
    enemy[1] < 1 / 3,
    np.int32(enemy[2] - 1),
    diver[0] < 1 / 2,
    np.int32(diver[1] - 1),
  )


# Name -> class, and from what was drawn to the draws of a start and of a step.
GAMES = {
  "asterix": (asterix.Asterix, no_draws, asterix_draws),
  "breakout": (breakout.Breakout, breakout_start, no_draws),
  "freeway": (freeway.Freeway, freeway_draws, freeway_draws),
  "seaquest": (seaquest.Seaquest, no_draws, seaquest_draws),
  "space_invaders": (space_invaders.SpaceInvaders, no_draws, no_draws),
}
every_game = pytest.mark.parametrize("name", GAMES)


def make(name, batch_size=NUM_COPIES, **arguments):
  return GAMES[name][0](
    batch_size=batch_size,
    rng=random_stream.RandomStream(0),
    **{"use_minimal_action_set": False, **arguments},
  )


def random_actions(rng, game):
  del game
  return rng.integers(0, 6)


def play_theirs(name, choose_action, is_immortal, **arguments):
  """Plays NUM_STEPS steps of the package's game.

  Args:
    name: of the game.
    choose_action: random numbers, their game -> action.
    is_immortal: whether a game goes on after its end.
    arguments: of their environment, and 'seed'.

  Returns:
    The first draws and board, and of each step the action, the chance of a
    sticky one, what was drawn, the board, the reward, whether it was the end,
    and what was drawn for the next episode.
  """
  seed = arguments.pop("seed")
  game = minatar.Environment(name, **arguments)
  random = game.random = game.env.random = RecordedRandom(seed)
  _, start_draws, step_draws = GAMES[name]
  rng = np.random.default_rng(seed)

  def begin():
    game.reset()
    game.last_action = NOOP  # theirs keeps it, and may repeat it
    return start_draws(random.take())

  def board():
    return game.state().astype(np.uint8)

  draws = begin()
  first, steps = (draws, board()), []
  for _ in range(NUM_STEPS):
    action = choose_action(rng, game)
    reward, ended = game.act(int(action))
    (_, _, chance), *drawn = random.take()
    result = [np.int64(action), np.float32(chance), step_draws(drawn)]
    result += [board(), np.float32(reward), np.bool_(ended)]
    if ended and not is_immortal:
      draws = begin()
    game.env.terminal = False
    steps.append((*result, draws))
  return (first, tf.nest.map_structure(lambda *x: np.stack(x), *steps)), game


@functools.cache  # compiled once for all tests
def player_of_ours(name, **arguments):
  """What plays the same with our game: see `play_ours`."""
  game = make(name, **arguments)

  @tf.function(jit_compile=True)
  def play(start_draws, given, is_immortal):
    def step(carried, given):
      action, chance, draws, start_draws = given
      state, reward, ended = game.advance(carried[0], action, chance, draws)
      board = game.observe(state)
      begins = ended & ~is_immortal
      state = tf.where(begins[:, None], game.begin(start_draws), state)
      return state, board, reward, ended

    state = game.begin(start_draws)
    zeros = tf.zeros((NUM_COPIES,))
    results = tf.scan(
      step, given, (state, game.observe(state), zeros, zeros > 0)
    )
    return game.observe(state), results[1:]

  return play


def play_ours(play, first, steps, is_immortal):
  """Plays the same; returns boards, rewards and ends, [T, B, ...] each."""
  actions, chances, draws, _, _, _, start_draws = steps
  given = actions, chances, draws, start_draws
  return play(first, given, tf.constant(is_immortal))


def check_equal(
  name, choose_action=random_actions, is_immortal=False, **arguments
):
  """Plays both sides, and returns their games, rewards and ends [T, B]."""
  played, theirs = zip(
    *(
      play_theirs(name, choose_action, is_immortal, seed=seed, **arguments)
      for seed in range(NUM_COPIES)
    ),
    strict=True,
  )
  draws, board = tf.nest.map_structure(
    lambda *x: np.stack(x), *[first for first, _ in played]
  )
  steps = tf.nest.map_structure(
    lambda *x: np.stack(x, axis=1), *[steps for _, steps in played]
  )
  first_board, (boards, rewards, ends) = play_ours(
    player_of_ours(name, **arguments), draws, steps, is_immortal
  )
  np.testing.assert_array_equal(first_board, board)
  np.testing.assert_array_equal(boards, steps[3])
  np.testing.assert_array_equal(rewards, steps[4])
  np.testing.assert_array_equal(ends, steps[5])
  return theirs, rewards.numpy(), ends.numpy()


@every_game
def test_equals_the_package_step_for_step(name):
  """10,040 random actions, with sticky ones, and more than one episode."""
  _, _, ends = check_equal(name)
  assert ends.sum(axis=0).min() >= 1


def mostly(actions):
  """Chooses one of these at random, or now and then any of the six."""
  return lambda rng, game: rng.choice([*actions * 3, *range(6)])


def follow_the_ball(rng, game):
  """Keeps the paddle where the ball will be, or is, when it comes down."""
  right = game.env.ball_dir in (1, 2)
  target = game.env.ball_x + rng.integers(0, 2) * (1 if right else -1)
  offset = np.clip(target, 0, 9) - game.env.pos
  return {-1: LEFT, 0: NOOP, 1: RIGHT}[np.sign(offset)]


def test_equals_the_package_wave_after_wave_of_bricks():
  _, rewards, _ = check_equal(
    "breakout", follow_the_ball, sticky_action_prob=0.0
  )
  assert rewards.sum(axis=0).min() > 4 * 30


def test_equals_the_package_where_the_chicken_arrives():
  _, rewards, _ = check_equal("freeway", mostly([UP]))
  assert rewards.sum() > 10


@pytest.mark.slow
@pytest.mark.parametrize(
  ("name", "actions", "num_ramps"),
  [
    ("asterix", [NOOP], 9),
    ("seaquest", [UP, DOWN, FIRE], 19),  # often at the surface
    ("space_invaders", [LEFT, RIGHT, FIRE], 4),
  ],
)
def test_equals_the_package_where_it_is_hardest(name, actions, num_ramps):
  """Games that go on after their end, until they are as hard as can be."""
  games, _, _ = check_equal(name, mostly(actions), is_immortal=True)
  assert min(game.env.difficulty_ramp() for game in games) >= num_ramps


@pytest.mark.slow
@pytest.mark.parametrize("name", ["asterix", "seaquest"])
def test_equals_the_package_without_ramping(name):
  games, _, _ = check_equal(
    name, mostly([UP, FIRE]), is_immortal=True, difficulty_ramping=False
  )
  assert max(game.env.difficulty_ramp() for game in games) == 0


@every_game
def test_a_last_action_is_repeated_in_an_episode_alone(name):
  """LEFT, if sticky, is repeated; after a new beginning it is NOOP."""
  game = make(name, 2, sticky_action_prob=0.25)
  state = game.begin(game.draw_start())
  chance = tf.constant([0.25, 0.2])
  left, fire = tf.fill([2], LEFT), tf.fill([2], FIRE)
  state, *_ = game.advance(state, left, tf.constant([0.9, 0.9]), game.draw())
  np.testing.assert_array_equal(state[:, 0], [LEFT, LEFT])
  state, *_ = game.advance(state, fire, chance, game.draw())
  np.testing.assert_array_equal(state[:, 0], [FIRE, LEFT])
  np.testing.assert_array_equal(game.initial_state()[:, 0], [NOOP, NOOP])


def test_minimal_actions_are_the_packages():
  for name, (game, _, _) in GAMES.items():
    theirs = minatar.Environment(name).minimal_action_set()
    assert [*game.MINIMAL_ACTIONS] == theirs
    spec = make(name, use_minimal_action_set=True).action_spec()
    assert (spec.minimum, spec.maximum) == (0, len(theirs) - 1)
    assert make(name).action_spec().maximum == 5


def test_an_action_is_an_index_into_the_minimal_set():
  """Of SpaceInvaders, 3 is FIRE, not RIGHT."""
  game = make("space_invaders", 1, use_minimal_action_set=True)
  state, _, _ = game.advance(
    game.begin(()), tf.constant([3]), tf.constant([0.5]), ()
  )
  assert state[0, 0] == FIRE


@every_game
def test_copies_step_by_themselves_and_reset(name):
  """With random numbers of our own: boards stay boards, and episodes end."""
  game = make(name, 3)
  game.reset()
  # As a graph, Seaquest's masks meet an optimization of TensorFlow's that adds
  # incompatible shapes.
  step = tf.function(game.step_and_reset, jit_compile=True)
  rng = np.random.default_rng(0)
  ends, boards = 0, set()
  for _ in range(300):
    reached, begun = step(tf.constant(rng.integers(0, 6, 3)))
    assert np.all((begun.observation == 0) | (begun.observation == 1))
    ended = reached.is_last().numpy()
    np.testing.assert_array_equal(reached.discount, 1.0 - ended)
    np.testing.assert_array_equal(begun.is_first(), ended)
    ends += ended.sum()
    boards.add(begun.observation.numpy().tobytes())
  assert ends > 0 or name == "freeway"
  assert len(boards) > 100
