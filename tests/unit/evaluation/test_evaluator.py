"""Evaluations: their episodes, statistics and JSON."""

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.config import schema, seeding
from agents_pipeline.environments import making
from agents_pipeline.evaluation import evaluator

CARTPOLE = schema.EnvironmentConfig("CartPole-v1")
ALWAYS_RIGHT = lambda observations: np.ones(len(observations), np.int64)


def return_of_always_right(seed):
  env = making.make_evaluation_environment(CARTPOLE)
  env.reset(seed=seed)
  total, ended = 0.0, False
  while not ended:
    _, reward, terminated, truncated, _ = env.step(1)
    total, ended = total + reward, terminated or truncated
  return total


def test_every_episode_is_complete_and_has_its_own_seed():
  evaluation = evaluator.evaluate(ALWAYS_RIGHT, CARTPOLE, 30, seed=4)
  assert evaluation.seeds[7] == seeding.child_seed(4, "episode", 7)
  assert len(set(evaluation.seeds)) == 30
  assert evaluation.returns == [
    return_of_always_right(seed) for seed in evaluation.seeds
  ]
  assert evaluation.lengths == [int(r) for r in evaluation.returns]
  fewer = evaluator.evaluate(ALWAYS_RIGHT, CARTPOLE, 3, seed=4)
  assert fewer.returns == evaluation.returns[:3]


def test_the_batch_size_is_constant():
  sizes = set()

  def act(observations):
    sizes.add(observations.shape)
    return ALWAYS_RIGHT(observations)

  evaluator.evaluate(act, CARTPOLE, 30, seed=0)
  assert sizes == {(25, 4)}


@pytest.mark.parametrize("max_envs", [1, 4])
def test_no_more_copies_live_at_once_than_asked(max_envs, monkeypatch):
  made, make = [], making.make_evaluation_environment
  monkeypatch.setattr(
    making,
    "make_evaluation_environment",
    lambda config: made.append(make(config)) or made[-1],
  )
  few = evaluator.evaluate(ALWAYS_RIGHT, CARTPOLE, 6, 4, max_envs=max_envs)
  assert len(made) == max_envs
  assert few.returns == evaluator.evaluate(ALWAYS_RIGHT, CARTPOLE, 6, 4).returns


def test_json_has_every_return_and_the_interval():
  content = evaluator.Evaluation(
    schema.EnvironmentConfig("X-v0"),
    True,
    [1, 2, 3],
    [10.0, 20.0, 30.0],
    [1, 2, 3],
    max_env_steps=27_000,
    are_cut=[False] * 3,
  ).to_json()
  assert content["mean_return"] == 20.0
  assert content["standard_deviation"] == 10.0
  assert content["returns"] == [10.0, 20.0, 30.0]
  assert content["seeds"] == [1, 2, 3]
  assert (content["num_episodes"], content["greedy"]) == (3, True)
  low, high = content["interval_95"]
  assert 10 <= low < 20 < high <= 30


def test_random_actions_are_seeded_and_cover_the_space():
  draw = lambda seed: evaluator.random_act(CARTPOLE, seed)(np.zeros((50, 4)))
  np.testing.assert_array_equal(draw(1), draw(1))
  assert set(draw(1)) == {0, 1}
  assert np.any(draw(1) != draw(2))


class Endless(gym.Env):
  """Declares float32 but returns lists of Python floats; never ends."""

  def __init__(self, render_mode=None):
    self.observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    self.action_space = gym.spaces.Discrete(2)

  def reset(self, *, seed=None, options=None):
    return [0.5, 0.25], {}

  def step(self, action):
    return [0.5, 0.25], 1.0, False, False, {}


gym.register("NeverEnds-v0", Endless, disable_env_checker=True)


def test_observations_are_cast_and_endless_episodes_cut_off():
  types = set()

  def act(observations):
    types.add(observations.dtype)
    return ALWAYS_RIGHT(observations)

  evaluation = evaluator.evaluate(
    act, schema.EnvironmentConfig("NeverEnds-v0"), 2, seed=0, max_env_steps=7
  )
  assert types == {np.dtype(np.float32)}
  assert (evaluation.returns, evaluation.lengths) == ([7.0, 7.0], [7, 7])
  assert evaluation.to_json()["max_env_steps_per_episode"] == 7
  assert evaluation.to_json()["num_cut_episodes"] == 2
  assert evaluation.cut_message == (
    "2 of 2 episodes were cut at 7 env steps: NeverEnds-v0 has no time limit "
    "below that"
  )


def test_an_episode_that_ends_where_others_are_cut_is_not_cut():
  limited = schema.EnvironmentConfig("CartPole-v1", max_episode_steps=5)
  evaluation = evaluator.evaluate(
    ALWAYS_RIGHT, limited, 3, seed=0, max_env_steps=5
  )
  assert evaluation.lengths == [5, 5, 5]
  assert (evaluation.num_cut, evaluation.cut_message) == (0, "")


class HugeObservation(gym.Env):
  """Its observation is finite, but not as float32."""

  observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float64)
  action_space = gym.spaces.Discrete(2)

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    return np.array([1e300]), {}


def test_observations_beyond_float32_are_rejected():
  gym.register("HugeObservation-v0", HugeObservation)
  try:
    with pytest.raises(errors.EnvironmentFailure, match="range of float32"):
      evaluator.evaluate(
        lambda observations: np.zeros(len(observations), int),
        schema.EnvironmentConfig("HugeObservation-v0"),
        1,
        seed=0,
      )
  finally:
    del gym.registry["HugeObservation-v0"]
