"""What a single environment returns: converted, or rejected."""

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.environments import checked


class ConstantEnv(gym.Env):
  """Returns the same values in every step."""

  observation_space = gym.spaces.Box(-10, 10, (1,), np.float32)
  action_space = gym.spaces.Discrete(2)

  def __init__(self, reward=1.0, terminated=False, observation=(0.0,)):
    self.returned = (
      list(observation),
      reward,
      terminated,
      False,
      {"a": object()},
    )

  def reset(self, *, seed=None, options=None):
    return np.zeros(1, np.float32), {"b": [1, 2]}

  def step(self, action):
    return self.returned


@pytest.mark.parametrize(
  ("value", "expected"),
  [
    (np.True_, True),
    (np.array(True), True),
    (np.uint8(1), True),
    (0, False),
    (1.0, True),
  ],
)
def test_terminated_is_converted_to_bool(value, expected):
  step = checked.CheckedEnv(ConstantEnv(terminated=value), "X-v0").step(0)
  assert step[2] is expected or step[2] == expected
  assert type(step[2]) in (bool, np.bool_)


@pytest.mark.parametrize(
  "value", [None, 2, 0.5, "True", np.array([True]), [], [[1], [1, 2]]]
)
def test_other_values_of_terminated_are_rejected(value):
  with pytest.raises(errors.EnvironmentFailure, match="to be True or False"):
    checked.CheckedEnv(ConstantEnv(terminated=value), "X-v0").step(0)


def test_infos_are_dropped():
  env = checked.CheckedEnv(ConstantEnv(), "X-v0")
  assert env.reset()[1] == {}
  assert env.step(0)[4] == {}


@pytest.mark.parametrize(
  ("reward", "problem"),
  [
    (float("nan"), "not finite: nan"),
    (float("-inf"), "not finite: -inf"),
    (1e39, "beyond the range of float32: 1e+39"),
  ],
)
def test_the_reward_must_be_finite_as_float32(reward, problem):
  with pytest.raises(errors.EnvironmentFailure) as caught:
    checked.CheckedEnv(ConstantEnv(reward), "X-v0").step(0)
  assert str(caught.value).endswith(f"its reward is {problem}")
  checked.CheckedEnv(ConstantEnv(3e38), "X-v0").step(0)
