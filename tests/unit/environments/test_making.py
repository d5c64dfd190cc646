"""gymnasium environments by their ids."""

import dataclasses

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.config import gin_files, schema
from agents_pipeline.environments import loading, making

# Four by four without holes: to the right and down, six steps to the goal.
LAKE = schema.EnvironmentConfig(
  "FrozenLake-v1",
  arguments={"is_slippery": False, "desc": ["SFFF", "FFFF", "FFFF", "FFFG"]},
  max_episode_steps=5,
)
RIGHT, DOWN = 2, 1


def test_a_module_is_imported_for_its_environments(tmp_path, monkeypatch):
  (tmp_path / "user_package.py").write_text(
    "import gymnasium as gym\n"
    "from gymnasium.envs.classic_control import CartPoleEnv\n"
    "gym.register('User-v0', CartPoleEnv, max_episode_steps=7)\n"
  )
  monkeypatch.syspath_prepend(tmp_path)
  name = "user_package:User-v0"
  assert making.environment_spec(name).max_episode_steps == 7
  env = making.make_evaluation_environment(schema.EnvironmentConfig(name))
  assert env.spec.max_episode_steps == 7


def walk(env, num_steps):
  """Walks right, then down; the states, and whether the last step ended it."""
  env.reset(seed=0)
  taken = [env.step(RIGHT if i < 3 else DOWN) for i in range(num_steps)]
  states = [int(step[0]) for step in taken]
  return states, taken[-1][2:4]


def test_arguments_and_a_time_limit_reach_what_is_evaluated_and_recorded():
  for render_mode in (None, "rgb_array"):
    env = making.make_evaluation_environment(LAKE, render_mode)
    states, ended = walk(env, 5)
    assert states == [1, 2, 3, 7, 11]  # never slips
    assert ended == (False, True)  # truncated a step before the goal
    env.close()


@pytest.mark.parametrize("vectorization", ["sync", "async"])
def test_arguments_and_a_time_limit_reach_every_copy(vectorization):
  config = dataclasses.replace(LAKE, num_envs=2, vectorization=vectorization)
  env = making.make_vector_environment(config)
  env.reset(seed=[0, 1])
  for i in range(5):
    state, _, terminated, truncated, _ = env.step(
      np.array([RIGHT if i < 3 else DOWN] * 2)
    )
  assert state.tolist() == [11, 11]
  assert terminated.tolist() == [False] * 2 and truncated.tolist() == [True] * 2
  env.close()


def test_a_tensor_version_stands_for_an_environment_as_it_was_registered():
  is_on_device = lambda **fields: (
    (
      loading.backend_of(schema.EnvironmentConfig("CartPole-v1", **fields))
    ).ON_DEVICE
  )
  assert is_on_device()
  assert not is_on_device(arguments={"sutton_barto_reward": True})
  assert not is_on_device(max_episode_steps=100)


def test_an_argument_that_is_not_taken_is_one_line():
  slips = dataclasses.replace(LAKE, arguments={"slippery": False})
  expected = "'FrozenLake-v1' takes no 'slippery'; .*mean 'is_slippery'"
  with pytest.raises(errors.UserError, match=expected):
    making.make_evaluation_environment(slips)


def test_a_vector_version_keeps_its_time_limit():
  config = schema.EnvironmentConfig(
    "CartPole-v1", vectorization="vector_entry_point", max_episode_steps=9
  )
  expected = "max_episode_steps = 9: an environment's own vector version takes"
  with pytest.raises(errors.UserError, match=expected):
    making.make_vector_environment(config)


def test_they_are_part_of_the_experiment(make_experiment):
  given = make_experiment(
    "EnvironmentConfig.arguments = {'sutton_barto_reward': True}",
    "EnvironmentConfig.max_episode_steps = 9",
  )
  text = gin_files.to_text(given)
  assert "EnvironmentConfig.arguments = {'sutton_barto_reward': True}" in text
  again = gin_files.load_experiment([], text.splitlines())
  assert again.environment == given.environment


def test_a_vector_of_rewards_is_refused_before_anything_runs():
  class Two(gym.Env):
    observation_space = action_space = gym.spaces.Discrete(2)
    reward_space = gym.spaces.Box(-1, 1, (2,))

  gym.register("TwoRewards-v0", Two)
  with pytest.raises(errors.UserError, match="a reward of 2 numbers; expecte"):
    making.make_evaluation_environment(
      schema.EnvironmentConfig("TwoRewards-v0")
    )
  del gym.registry["TwoRewards-v0"]


class NeedsMap(gym.Env):
  """Reads a file."""

  observation_space = gym.spaces.Box(-1, 1, (2,))
  action_space = gym.spaces.Discrete(2)

  def __init__(self, size, path="/nowhere/map.json", render_mode=None):
    with open(path) as file:
      file.read()


def test_what_an_environment_needs_and_what_it_misses_is_named(monkeypatch):
  gym.register("NeedsMap-v0", NeedsMap)
  make = lambda **arguments: making.make_evaluation_environment(
    schema.EnvironmentConfig("NeedsMap-v0", arguments=arguments)
  )
  try:
    with pytest.raises(errors.UserError, match="needs 'size'; expected Env"):
      make()
    with pytest.raises(errors.UserError, match="map.json") as caught:
      make(size=3)
    assert "FileNotFoundError" in caught.value.trace
    with pytest.raises(errors.UserError, match="EnvironmentConfig.max_epi"):
      make(size=3, max_episode_steps=7)
  finally:
    gym.registry.pop("NeedsMap-v0")
