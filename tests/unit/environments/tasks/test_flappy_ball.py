"""FlappyBall, step by step."""

import os
import pathlib
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

import agents_pipeline.environments
from agents_pipeline.environments.tasks import flappy_ball

assert agents_pipeline.environments  # registers
FALL, JUMP = 0, 1
AT_REST = (0.0, 0.0)


def start(state, num_steps=0, render_mode=None):
  """A ball at (y, v) after a number of steps."""
  env = flappy_ball.FlappyBall(render_mode)
  env.reset(seed=0)
  env.state = np.array(state, np.float32)
  env.num_steps = num_steps
  return env


def play(env, actions):
  """Returns observations [N, 2], rewards, terminated and x of each step."""
  observations, rewards, ends, truncated, infos = zip(
    *(env.step(action) for action in actions), strict=True
  )
  assert not any(truncated)
  return np.array(observations), rewards, ends, [info["x"] for info in infos]


def test_moves_before_it_acts():
  env = start((0.0, 0.1))
  observations, rewards, ends, x = play(env, [FALL, FALL, JUMP, FALL, JUMP])
  expected = [(0.1, -0.1), (0.0, -0.3), (-0.3, 0.2), (-0.1, 0.0), (-0.1, 0.2)]
  np.testing.assert_allclose(observations, expected, rtol=0, atol=1e-6)
  assert observations.dtype == np.float32
  assert rewards == (0.0,) * 5
  assert ends == (False,) * 5
  np.testing.assert_allclose(x, [-0.95, -0.9, -0.85, -0.8, -0.75], atol=1e-12)


def test_falls_out_of_the_square():
  """y = 0, -0.2, -0.6, -1.2."""
  observations, rewards, ends, _ = play(start(AT_REST), [FALL] * 4)
  np.testing.assert_allclose(observations[-1], [-1.2, -0.8], atol=1e-6)
  assert rewards == (0.0, 0.0, 0.0, -1.0)
  assert ends == (False, False, False, True)


def test_jumps_out_of_the_square():
  """y = 0.05, 0.25, 0.45, 0.65, 0.85, 1.05."""
  observations, rewards, ends, _ = play(start((0.0, 0.05)), [JUMP] * 6)
  np.testing.assert_allclose(observations[-1], [1.05, 0.2], atol=1e-6)
  assert rewards == (0.0,) * 5 + (-1.0,)
  assert ends == (False,) * 5 + (True,)


def test_arrives_at_step_41_and_not_at_40():
  """Falling twice and jumping keep y in [0, 0.2]; step 40 ends at x = 1."""
  actions = ([FALL, FALL, JUMP] * 14)[1:]
  observations, rewards, ends, x = play(start((0.2, 0.0)), actions)
  assert observations[:, 0].min() > -1e-5
  assert observations[:, 0].max() < 0.2 + 1e-5
  assert rewards == (0.0,) * 40 + (1.0,)
  assert ends == (False,) * 40 + (True,)
  assert x[39:] == pytest.approx([1.0, 1.05])


@pytest.mark.parametrize("y", [1.1, -1.1])
def test_success_takes_precedence_over_leaving_the_square(y):
  """From y = 0.9 upwards, and the same downwards: |y| > 1 in the next step."""
  state = np.array([y - np.sign(y) * 0.2, np.sign(y) * 0.2], np.float32)
  expected = {39: -1.0, 40: 1.0}  # step 40, or step 41
  for num_steps, reward in expected.items():
    _, rewards, ends, _ = play(start(state, num_steps), [FALL])
    assert (rewards, ends) == ((reward,), (True,))


def test_observations_are_in_their_space():
  """Falls from all starts and after all jumps: there are no other states."""
  starts = [(0.0, v) for v in np.linspace(-1.23, 1.23, 247)]
  starts += [(y, 0.2) for y in np.linspace(-1.0, 1.0, 201)]
  low, high = np.full(2, np.inf), np.full(2, -np.inf)
  for state in starts:
    env, ended = start(state), False
    while not ended:
      observation, _, ended, _, _ = env.step(FALL)
      assert observation in env.observation_space
      low, high = np.minimum(low, observation), np.maximum(high, observation)
  np.testing.assert_allclose(low, [-2.2, -1.43], atol=1e-5)
  np.testing.assert_allclose(high, [1.8, 1.03], atol=1e-5)


def test_an_unknown_action_is_rejected():
  env = gym.make("FlappyBall-v0").unwrapped
  env.reset(seed=0)
  with pytest.raises(AssertionError, match="7: expected 0"):
    env.step(7)


def test_its_window_and_gymnasiums_checker():
  """In a process of its own: SDL may crash if it has had another display."""
  script = pathlib.Path(__file__).with_name("opens_a_window.py")
  done = subprocess.run(
    [sys.executable, str(script)],
    env=os.environ
    | {"SDL_VIDEODRIVER": "dummy", "PYTHONPATH": os.pathsep.join(sys.path)},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr


def locate_ball(image):
  """(row, column) of the centre of the ball, and its height and width."""
  blue = np.all(np.abs(image - np.array([52.0, 84.0, 166.0])) < 30, axis=2)
  places = np.argwhere(blue)
  return places.mean(axis=0), np.ptp(places, axis=0) + 1


@pytest.mark.parametrize(
  ("y", "num_steps", "row", "column"),
  [
    (0.0, 0, 200, 40),
    (0.5, 20, 120, 200),  # x = 0
    (-1.0, 30, 360, 280),  # x = 0.5
    (-2.2, 5, 384, 80),  # far out: in the margin, x = -0.75
    (0.0, 41, 200, 368),  # x = 1.05
  ],
)
def test_an_image_shows_the_position_of_the_ball(y, num_steps, row, column):
  env = start((y, 0.0), num_steps, "rgb_array")
  image = env.render()
  assert (image.shape, image.dtype) == ((400, 400, 3), np.uint8)
  place, size = locate_ball(image)
  np.testing.assert_allclose(place, [row, column], atol=0.6)
  np.testing.assert_allclose(size, [23, 23], atol=1)
  # The goal, at x = 1, is green; there is nothing alike at the left.
  red, green, _ = image[100, 360].astype(int)
  assert green > red + 50
  red, green, _ = image[100, 40].astype(int)
  assert abs(green - red) < 10


def test_names_what_rendering_needs(monkeypatch):
  env = start(AT_REST, render_mode="rgb_array")
  monkeypatch.setitem(sys.modules, "pygame", None)
  with pytest.raises(gym.error.DependencyNotInstalled, match="classic-control"):
    env.render()
  env = start(AT_REST)
  with pytest.warns(UserWarning, match="render_mode"):
    assert env.render() is None


def test_a_seed_repeats_its_episodes():
  env = gym.make("FlappyBall-v0")

  def starts(seed):
    first, info = env.reset(seed=seed)
    assert info == {"x": -1.0}
    env.step(JUMP)
    return [tuple(first), tuple(env.reset()[0])]

  assert starts(1) == starts(1)
  assert len({*starts(1), *starts(2)}) == 4
