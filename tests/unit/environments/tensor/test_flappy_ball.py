"""The tensor FlappyBall against gymnasium's."""

import statistics

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.environments.tasks import flappy_ball

FALL, JUMP = 0, 1
every_way = pytest.mark.parametrize("way", ["eager", "graph", "xla"])


def start_gymnasium(state, num_steps=0):
  """A ball at (y, v) after a number of steps."""
  env = flappy_ball.FlappyBall()
  env.reset(seed=0)
  env.state = np.array(state, np.float32)
  env.num_steps = num_steps
  return env


def steer(observation, rng):
  """Jumps when the ball is low, but often acts at random, so that some fail."""
  jump = observation.sum(axis=1) < -0.1
  return np.where(
    rng.random(len(jump)) < 0.8, jump, rng.integers(0, 2, len(jump))
  )


@every_way
def test_equals_gymnasium_bit_for_bit(way, start):
  """Complete episodes of 20 balls, with both kinds of termination."""
  num_envs, num_steps = 20, 200
  environment, step = start("FlappyBall-v0", num_envs, way)
  rng = np.random.default_rng(1)
  observation = environment.current_time_step().observation.numpy()
  envs = [start_gymnasium(state) for state in observation]
  results = []
  for _ in range(num_steps):
    actions = steer(observation, rng)
    next_time_step, time_step = step(tf.constant(actions))
    observation = time_step.observation.numpy()
    theirs = [env.step(a)[:3] for env, a in zip(envs, actions, strict=True)]
    expected, reward, terminated = map(np.array, zip(*theirs, strict=True))
    np.testing.assert_array_equal(next_time_step.observation, expected)
    np.testing.assert_array_equal(next_time_step.reward, reward)
    np.testing.assert_array_equal(next_time_step.is_last(), terminated)
    np.testing.assert_array_equal(next_time_step.discount, 1.0 - terminated)
    for i in np.flatnonzero(terminated):
      results.append((reward[i], envs[i].num_steps))
      envs[i] = start_gymnasium(observation[i])
  assert sum(reward == 1 for reward, _ in results) >= 10
  assert sum(reward == -1 for reward, _ in results) >= 10
  assert {steps for reward, steps in results if reward == 1} == {41}


@every_way
@pytest.mark.parametrize("y", [1.1, -1.1])
def test_success_takes_precedence_over_leaving_the_square(y, way, start):
  """From |y| = 0.9 outward: |y| > 1 in the next step, the 40th or the 41st."""
  state = [y - np.sign(y) * 0.2, np.sign(y) * 0.2]
  environment, step = start("FlappyBall-v0", 20, way)
  environment.tracked.state.assign([[*state, 39], [*state, 40]] * 10)
  next_time_step, _ = step(tf.fill([20], tf.cast(FALL, tf.int64)))
  np.testing.assert_array_equal(next_time_step.reward, [-1.0, 1.0] * 10)
  assert np.all(next_time_step.is_last())
  assert np.all(next_time_step.discount == 0.0)


@pytest.mark.parametrize("version", ["gymnasium", "tensor"])
def test_initial_speeds_are_normal(version, start):
  if version == "tensor":
    environment, _ = start("FlappyBall-v0", 5000)
    states = environment.current_time_step().observation.numpy()
  else:
    env = flappy_ball.FlappyBall()
    env.reset(seed=0)
    states = np.array([env.reset()[0] for _ in range(5000)])
  assert np.all(states[:, 0] == 0)
  v = np.sort(states[:, 1])
  assert v.mean() == pytest.approx(0.0, abs=4 * 0.1 / 5000**0.5)
  assert v.std() == pytest.approx(0.1, rel=0.04)
  expected = [statistics.NormalDist(0, 0.1).cdf(x) for x in v]
  # Kolmogorov's bound, at 1 in 10,000.
  assert np.abs(expected - np.linspace(0, 1, 5000)).max() < 2.2 / 5000**0.5
