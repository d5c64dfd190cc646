"""Configurations of A2C that could not learn."""

import pytest

from agents_pipeline import errors
from agents_pipeline.agents.a2c import config as a2c_config


def test_advantages_of_one_step_are_not_normalized():
  config = a2c_config.A2cConfig(normalize_advantages=True, num_rollout_steps=1)
  config.check_fits(num_envs=2)
  with pytest.raises(errors.UserError) as caught:
    config.check_fits(num_envs=1)
  assert str(caught.value) == (
    "A2cConfig.normalize_advantages = True: expected more than 1 step in a "
    "rollout (A2cConfig.num_rollout_steps * EnvironmentConfig.num_envs), as "
    "one minus its own mean is 0"
  )


def test_gradients_are_clipped_in_one_way():
  assert a2c_config.A2cConfig(
    gradient_clip_value=1.0, gradient_clip_global_norm=None
  )
  with pytest.raises(errors.UserError, match="expected at most one"):
    a2c_config.A2cConfig(gradient_clip_value=1.0)  # the norm has a default
