"""Catch, step by step."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils import env_checker

import agents_pipeline.environments

assert agents_pipeline.environments  # registers

LEFT, STAY, RIGHT = 0, 1, 2


def begin(column, render_mode=None):
  """Returns an episode whose ball falls in a column, and its first board."""
  env = gym.make("Catch-v0", render_mode=render_mode)
  for seed in range(1000):
    board, info = env.reset(seed=seed)
    assert info == {}
    if board[0, column]:
      return env, board
  raise AssertionError(f"no ball in column {column} in 1,000 episodes")


def board_of(ball, paddle):
  """The board with the ball at (row, column) and the paddle in a column."""
  board = np.zeros((10, 5), np.uint8)
  board[ball] = board[9, paddle] = 255
  return board


def play(env, actions):
  """Returns the boards, rewards and terminated after each action."""
  boards, rewards, ends, truncated, _ = zip(
    *(env.step(action) for action in actions), strict=True
  )
  assert not any(truncated)
  return boards, rewards, ends


def test_an_episode_board_by_board():
  """The paddle goes left to the wall and right to the other one."""
  env, board = begin(3)
  np.testing.assert_array_equal(board, board_of((0, 3), 2))
  assert board.dtype == np.uint8
  actions = [LEFT, LEFT, LEFT, STAY, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT]
  paddles = [1, 0, 0, 0, 1, 2, 3, 4, 4]
  boards, rewards, ends = play(env, actions)
  for i, paddle in enumerate(paddles):
    np.testing.assert_array_equal(boards[i], board_of((i + 1, 3), paddle))
  assert rewards == (0.0,) * 8 + (-1.0,)
  assert ends == (False,) * 8 + (True,)


@pytest.mark.parametrize(
  ("last", "reward"), [(RIGHT, 1.0), (STAY, -1.0), (LEFT, -1.0)]
)
def test_the_last_move_decides(last, reward):
  env, _ = begin(3)
  boards, rewards, ends = play(env, [STAY] * 8 + [last])
  assert rewards == (0.0,) * 8 + (reward,)
  assert ends == (False,) * 8 + (True,)
  # A caught ball and the paddle are in one cell.
  assert np.count_nonzero(boards[-1]) == (1 if reward == 1 else 2)


def towards(ball, paddle):
  return STAY + int(np.sign(ball - paddle))


def away(ball, paddle):
  del paddle
  return LEFT if ball > 2 else RIGHT


@pytest.mark.parametrize(("policy", "reward"), [(towards, 1.0), (away, -1.0)])
def test_catching_always_and_never(policy, reward):
  """60 episodes of 9 steps, acting on the board."""
  env = gym.make("Catch-v0")
  assert env.spec.max_episode_steps is None
  columns = set()
  board, _ = env.reset(seed=0)
  for _ in range(60):
    rewards, ended = [], False
    while not ended:
      ball = int(np.argmax(board[:9].max(axis=0)))
      columns.add(ball)
      paddle = int(np.argmax(board[9]))
      board, step_reward, ended, _, _ = env.step(policy(ball, paddle))
      rewards.append(step_reward)
    assert rewards == [0.0] * 8 + [reward]
    board, _ = env.reset()
  assert columns == {0, 1, 2, 3, 4}


def test_an_unknown_action_is_rejected():
  env = gym.make("Catch-v0").unwrapped
  env.reset(seed=0)
  with pytest.raises(AssertionError, match="7: expected 0"):
    env.step(7)


def test_passes_gymnasiums_checker():
  env = gym.make("Catch-v0")
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    env_checker.check_env(env.unwrapped, skip_render_check=False)
  assert env.observation_space == gym.spaces.Box(0, 255, (10, 5), np.uint8)
  assert env.action_space == gym.spaces.Discrete(3)
  assert env.metadata["render_fps"] == 5


def test_a_seed_repeats_its_episodes():
  env = gym.make("Catch-v0")

  def starts(seed):
    first, _ = env.reset(seed=seed)
    return [first, *(env.reset()[0] for _ in range(20))]

  np.testing.assert_array_equal(starts(1), starts(1))
  assert np.any(np.array(starts(1)) != starts(2))


def test_columns_are_uniformly_distributed():
  env = gym.make("Catch-v0")
  env.reset(seed=0)
  counts = sum((env.reset()[0][0] > 0).astype(int) for _ in range(5000))
  assert counts.sum() == 5000
  assert np.abs(counts - 1000).max() < 4 * (5000 * 0.2 * 0.8) ** 0.5


def color(image, row, column):
  return tuple(int(x) for x in image[30 * row + 15, 30 * column + 15])


def test_an_image_shows_the_board():
  env, _ = begin(3, "rgb_array")
  play(env, [LEFT, STAY, STAY, STAY])
  image = env.render()
  assert (image.shape, image.dtype) == ((300, 150, 3), np.uint8)
  colors = {
    (row, column): color(image, row, column)
    for row in range(10)
    for column in range(5)
  }
  ball, paddle = colors.pop((4, 3)), colors.pop((9, 1))
  (empty,) = set(colors.values())
  assert len({ball, paddle, empty}) == 3
  # A caught ball has a color of its own; a missed one does not.
  play(env, [RIGHT, RIGHT, STAY, STAY, STAY])
  assert color(env.render(), 9, 3) not in {ball, paddle, empty}
  env, _ = begin(3, "rgb_array")
  play(env, [LEFT] * 9)
  assert color(env.render(), 9, 3) == ball
  assert color(env.render(), 9, 0) == paddle


def test_warns_without_a_render_mode():
  env, _ = begin(0)
  with pytest.warns(UserWarning, match="render_mode"):
    assert env.unwrapped.render() is None
