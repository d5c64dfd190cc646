"""Checks of returned values; more of them in test_checked(_vector)."""

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.environments import checks

Mode = gym.vector.AutoresetMode


def vector_env(declared_mode):
  env = gym.vector.VectorEnv()
  env.metadata = {"autoreset_mode": declared_mode}
  return env


def test_the_autoreset_mode_may_be_declared_by_its_value():
  env = vector_env("SameStep")
  assert checks.autoreset_mode(env, "Own-v0") is Mode.SAME_STEP


@pytest.mark.parametrize("declared", [None, "next_step", True])
def test_an_unknown_autoreset_mode_is_rejected(declared):
  with pytest.raises(errors.UserError, match="expected one of Auto") as caught:
    checks.autoreset_mode(vector_env(declared), "Own-v0")
  assert "\n" not in str(caught.value)


def test_only_values_in_the_range_of_float32_are_finite():
  high = float(np.finfo(np.float32).max)
  values = np.array([high, -high, 2 * high, np.inf, np.nan])
  assert checks.is_finite_float32(values).tolist() == [
    True,
    True,
    False,
    False,
    False,
  ]
  assert checks.is_finite_float32(np.array([1, 255], np.uint8)).all()
