import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.config import schema
from agents_pipeline.environments import making
from benchmarks import environment_serving


def made(name, **fields):
  return making.make_evaluation_environment(
    schema.EnvironmentConfig(name, **fields)
  )


@pytest.mark.parametrize(
  "name, expected",
  [
    ("CartPole-v1", {"observation": ((4,), np.float32)}),
    ("FrozenLake-v1", {"observation": ((), np.int64)}),
    (
      "Blackjack-v1",
      {f"observation/{index}": ((), np.int64) for index in range(3)},
    ),
  ],
)
def test_observations_have_the_names_and_types_of_the_inputs(name, expected):
  seen = environment_serving.observe(made(name), 30)
  assert {n: (x.shape[1:], x.dtype) for n, x in seen.items()} == expected
  assert {len(x) for x in seen.values()} == {30}


def test_random_actions_are_allowed_ones():
  env = made("Taxi-v4", action_mask="info")
  seen = environment_serving.observe(env, 50)
  assert seen["action_mask"].shape == (50, 6)
  assert not seen["action_mask"].all()


def test_actions_have_to_be_in_the_space_and_allowed():
  space = gym.spaces.Discrete(3)
  mask = np.array([[1, 1, 0], [0, 1, 1]], np.int8)
  environment_serving.check_actions(np.array([1, 2]), space, mask)
  with pytest.raises(errors.RunError, match="action 1 is 0, which is not all"):
    environment_serving.check_actions(np.array([1, 0]), space, mask)
  with pytest.raises(errors.RunError, match=r"action 0 is .*3.*Discrete\(3\)"):
    environment_serving.check_actions(np.array([3]), space)
