"""FlappyBall by hand, and its tensor version beside gymnasium's."""

import statistics
import sys
import time
import warnings

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf
from gymnasium.utils import env_checker

import agents_pipeline.environments
from agents_pipeline.environments.tasks import flappy_ball
from agents_pipeline.environments.tensor import (
  flappy_ball as tensor_flappy_ball,
)
from agents_pipeline.ops import random_stream

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
  """What each action led to: [N, 2] observations, rewards, terminated, x."""
  observations, rewards, ends, truncated, infos = zip(
    *(env.step(action) for action in actions), strict=True
  )
  assert not any(truncated)
  return np.array(observations), rewards, ends, [info["x"] for info in infos]


def make_tensor(batch_size, seed=0):
  environment = tensor_flappy_ball.FlappyBall(
    batch_size, random_stream.RandomStream(seed)
  )
  environment.reset()
  return environment


def test_flies_before_it_acts():
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
def test_arriving_counts_more_than_leaving(y, compiled):
  """From y = 0.9 upwards, and the same downwards: |y| > 1 in the next step."""
  state = np.array([y - np.sign(y) * 0.2, np.sign(y) * 0.2], np.float32)
  expected = {39: -1.0, 40: 1.0}  # step 40, or step 41
  for num_steps, reward in expected.items():
    _, rewards, ends, _ = play(start(state, num_steps), [FALL])
    assert (rewards, ends) == ((reward,), (True,))
  environment = make_tensor(2)
  environment.tracked.state.assign([[*state, 39], [*state, 40]])
  reached, _ = compiled(lambda a: environment.step_and_reset(a))(
    tf.constant([FALL, FALL], tf.int64)
  )
  np.testing.assert_array_equal(reached.reward, [-1.0, 1.0])
  np.testing.assert_array_equal(reached.is_last(), [True, True])
  np.testing.assert_array_equal(reached.discount, [0.0, 0.0])


def test_no_observation_is_outside_its_space():
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


def test_an_unknown_action_is_no_move():
  env = gym.make("FlappyBall-v0").unwrapped
  env.reset(seed=0)
  with pytest.raises(AssertionError, match="7: expected 0"):
    env.step(7)


def test_gymnasium_finds_nothing_wrong(monkeypatch):
  monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
  env = gym.make("FlappyBall-v0")
  assert env.spec.max_episode_steps is None
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    env_checker.check_env(env.unwrapped, skip_render_check=False)
  assert env.observation_space.shape == (2,)
  assert env.metadata["render_fps"] == 20


def dot(picture):
  """(row, column) of the centre of the ball, and its height and width."""
  blue = np.all(np.abs(picture - np.array([52.0, 84.0, 166.0])) < 30, axis=2)
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
def test_a_picture_shows_where_the_ball_is(y, num_steps, row, column):
  env = start((y, 0.0), num_steps, "rgb_array")
  picture = env.render()
  assert (picture.shape, picture.dtype) == ((400, 400, 3), np.uint8)
  place, size = dot(picture)
  np.testing.assert_allclose(place, [row, column], atol=0.6)
  np.testing.assert_allclose(size, [23, 23], atol=1)
  # The goal, at x = 1, is green; there is nothing alike at the left.
  red, green, _ = picture[100, 360].astype(int)
  assert green > red + 50
  red, green, _ = picture[100, 40].astype(int)
  assert abs(green - red) < 10


def test_a_window_shows_the_same_in_real_time(monkeypatch):
  pygame = pytest.importorskip("pygame")
  monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
  env = gym.make("FlappyBall-v0", render_mode="human")
  beside = gym.make("FlappyBall-v0", render_mode="rgb_array")
  for each in (env, beside):
    each.reset(seed=3)
  began = time.perf_counter()
  for action in [JUMP, FALL] * 5:
    assert env.step(action)[0][0] == beside.step(action)[0][0]
    window = pygame.surfarray.array3d(pygame.display.get_surface())
    np.testing.assert_array_equal(window.swapaxes(0, 1), beside.render())
  assert time.perf_counter() - began > 10 * 0.05 * 0.9
  assert env.render() is None
  env.close()
  assert not pygame.display.get_init()
  env.close()  # closing twice is no mistake
  env.reset(seed=3)  # and it opens again
  assert pygame.display.get_init()
  env.close()


def test_says_what_rendering_needs(monkeypatch):
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


@pytest.mark.parametrize("version", ["gymnasium", "tensor"])
def test_starts_are_normal(version):
  if version == "tensor":
    starts = make_tensor(5000).current_time_step().observation.numpy()
  else:
    env = flappy_ball.FlappyBall()
    env.reset(seed=0)
    starts = np.array([env.reset()[0] for _ in range(5000)])
  assert np.all(starts[:, 0] == 0)
  v = np.sort(starts[:, 1])
  assert v.mean() == pytest.approx(0.0, abs=4 * 0.1 / 5000**0.5)
  assert v.std() == pytest.approx(0.1, rel=0.04)
  expected = [statistics.NormalDist(0, 0.1).cdf(x) for x in v]
  # Kolmogorov's bound, at 1 in 10,000.
  assert np.abs(expected - np.linspace(0, 1, 5000)).max() < 2.2 / 5000**0.5


def steer(observation, rng):
  """Jumps when it would be low; often not, so that some balls are lost."""
  jump = observation.sum(axis=1) < -0.1
  return np.where(
    rng.random(len(jump)) < 0.8, jump, rng.integers(0, 2, len(jump))
  )


def test_tensor_version_equals_gymnasiums_bit_for_bit(compiled):
  """Whole episodes of 20 balls, both ways of ending."""
  num_envs, num_steps = 20, 200
  environment = make_tensor(num_envs)
  step = compiled(lambda a: environment.step_and_reset(a))
  rng = np.random.default_rng(1)
  observation = environment.current_time_step().observation.numpy()
  theirs = [start(state) for state in observation]
  ended = []
  for _ in range(num_steps):
    actions = steer(observation, rng)
    reached, after = tf.nest.map_structure(
      lambda x: x.numpy(), step(tf.constant(actions))
    )
    observation = after.observation
    for i, env in enumerate(theirs):
      expected, reward, terminated, _, _ = env.step(actions[i])
      np.testing.assert_array_equal(reached.observation[i], expected)
      assert reached.reward[i] == reward
      assert (reached.step_type[i] == 2) == terminated
      assert reached.discount[i] == (0.0 if terminated else 1.0)
      if terminated:
        ended.append((reward, env.num_steps))
        theirs[i] = start(observation[i])
  assert sum(reward == 1 for reward, _ in ended) >= 10
  assert sum(reward == -1 for reward, _ in ended) >= 10
  assert {n for reward, n in ended if reward == 1} == {41}


def test_tensor_version_terminates_and_is_never_truncated(compiled):
  """TF-Agents' own `step`, two episodes: the count of steps begins anew."""
  environment = make_tensor(1)
  environment.tracked.state.assign([[0.2, 0.0, 0.0]])
  step = compiled(lambda a: environment.step(a))
  for _ in range(2):
    for i in range(1, 42):
      time_step = step(tf.constant([[FALL, FALL, JUMP][i % 3]], tf.int64))
      assert bool(time_step.is_last()[0]) == (i == 41)
      assert float(time_step.discount[0]) == (0.0 if i == 41 else 1.0)
      assert float(time_step.reward[0]) == (1.0 if i == 41 else 0.0)
    time_step = step(tf.constant([JUMP], tf.int64))
    assert bool(time_step.is_first()[0])
    assert time_step.observation.shape == (1, 2)
    environment.tracked.state[:, :2].assign([[0.2, 0.0]])


def test_specs_are_gymnasiums_spaces():
  environment, env = make_tensor(1), flappy_ball.FlappyBall()
  spec, space = environment.observation_spec(), env.observation_space
  assert (spec.shape, spec.dtype) == (space.shape, space.dtype)
  np.testing.assert_array_equal(spec.minimum, space.low)
  np.testing.assert_array_equal(spec.maximum, space.high)
  spec, space = environment.action_spec(), env.action_space
  assert (spec.shape, spec.dtype) == (space.shape, space.dtype)
  assert (spec.minimum, spec.maximum) == (0, space.n - 1)
