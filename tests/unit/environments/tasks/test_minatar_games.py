"""MinAtar's games as gymnasium environments of the `minatar` package."""

import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils import env_checker

from agents_pipeline import errors
from agents_pipeline.config import schema
from agents_pipeline.environments import making
from agents_pipeline.environments.backends import tensor

IDS = [name for name in tensor.ENVIRONMENTS if name.startswith("MinAtar/")]
every_game = pytest.mark.parametrize("name", IDS)


def test_there_are_five_games_with_two_sets_of_actions():
  assert len(IDS) == 10
  sizes = {name: gym.make(name).action_space.n for name in IDS}
  assert {n for name, n in sizes.items() if name.endswith("v0")} == {6}
  assert sizes["MinAtar/Freeway-v1"] == 3
  assert sizes["MinAtar/Seaquest-v1"] == 6


@every_game
def test_its_spaces_are_those_of_the_tensor_version(name):
  env = gym.make(name)
  ours = tensor.ENVIRONMENTS[name](batch_size=1, rng=None)
  spec = ours.observation_spec()
  assert env.observation_space == gym.spaces.Box(
    0, 1, tuple(spec.shape), np.uint8
  )
  assert env.action_space == gym.spaces.Discrete(
    int(ours.action_spec().maximum) + 1
  )
  assert env.spec.max_episode_steps is None


@pytest.mark.parametrize("name", IDS[1::2])
def test_passes_gymnasiums_checker(name):
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    env_checker.check_env(gym.make(name).unwrapped, skip_render_check=False)


def episode(env, actions, **reset):
  boards = [env.reset(**reset)[0]]
  for action in actions:
    board, _, ended, _, _ = env.step(action)
    boards.append(board)
    if ended:
      break
  return boards


def test_a_seed_repeats_its_episodes_whatever_came_before():
  """Also the first step, which has no action of another episode to repeat."""
  env = gym.make("MinAtar/Asterix-v1", sticky_action_prob=0.5)
  actions = np.random.default_rng(0).integers(1, 5, 400)
  for seed in range(20):
    first = episode(env, actions, seed=seed)
    episode(env, actions[::-1])
    again = episode(env, actions, seed=seed)
    assert len(first) == len(again)
    np.testing.assert_array_equal(first, again)
  assert not np.array_equal(first[:20], episode(env, actions)[:20])


def test_actions_are_sticky_unless_they_should_not_be():
  """The paddle goes right, but where NOOP is repeated from the beginning."""

  def moves(probability):
    env = gym.make("MinAtar/Breakout-v1", sticky_action_prob=probability)
    env.reset(seed=0)
    count = 0
    for _ in range(1_000):
      env.reset()
      board, *_ = env.step(2)
      count += int(board[9, 5, 0])
    return count

  assert moves(0.0) == 1_000
  assert abs(moves(0.1) - 900) < 4 * (1_000 * 0.1 * 0.9) ** 0.5
  with pytest.raises(ValueError, match="sticky_action_prob = 2: expected 0 to"):
    gym.make("MinAtar/Breakout-v1", sticky_action_prob=2)


def test_an_image_shows_the_board_in_color():
  env = gym.make("MinAtar/Breakout-v1", render_mode="rgb_array")
  env.reset(seed=0)
  board, *_ = env.step(0)
  image = env.render()
  assert (image.shape, image.dtype) == ((400, 400, 3), np.uint8)
  centers = image[20::40, 20::40].reshape(100, 3)
  colors = {}
  for kind, color in zip(board.reshape(100, 4), centers, strict=True):
    colors.setdefault(tuple(kind), set()).add(tuple(map(int, color)))
  # Nothing, the paddle, the ball, where it was, and bricks.
  assert len(colors) == 5
  assert all(len(of_one_kind) == 1 for of_one_kind in colors.values())
  assert len(set.union(*colors.values())) == 5


@every_game
def test_what_is_in_a_game_has_a_color(name):
  env = gym.make(name).unwrapped
  channels = set(range(env.observation_space.shape[2]))
  # All of SpaceInvaders' aliens go left or right.
  without = {1} if "SpaceInvaders" in name else set()
  assert {*env.COLORS} == channels - without


def test_warns_without_a_render_mode():
  env = gym.make("MinAtar/Freeway-v1")
  env.reset(seed=0)
  with pytest.warns(UserWarning, match="render_mode"):
    assert env.unwrapped.render() is None


def test_an_unknown_action_is_rejected():
  env = gym.make("MinAtar/Freeway-v1").unwrapped
  env.reset(seed=0)
  with pytest.raises(AssertionError, match="7: expected 0 to 2"):
    env.step(7)


def test_a_missing_package_is_one_line(monkeypatch):
  monkeypatch.setitem(sys.modules, "minatar", None)
  with pytest.raises(
    errors.UserError, match="pip install --no-deps minatar"
  ) as caught:
    making.make_evaluation_environment(
      schema.EnvironmentConfig("MinAtar/Breakout-v1")
    )
  assert "\n" not in str(caught.value)
