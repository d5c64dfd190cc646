"""A task is learned alike in any units: of its actions, of what is seen."""

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.evaluation import evaluator


class Aim(gym.Env):
  """The action has to be half of where the observation is, in its unit."""

  def __init__(self, unit=1.0, render_mode=None):
    self.observation_space = gym.spaces.Box(-np.inf, np.inf, (1,))
    self.action_space = gym.spaces.Box(-unit, unit, (1,))
    self._unit = unit

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self._step = 0
    return self._observe(), {}

  def _observe(self):
    self._place = self.np_random.uniform(-1, 1)
    return np.float32([self._place * self._unit])

  def step(self, action):
    reward = -abs(float(action[0]) / self._unit - self._place / 2)
    self._step += 1
    return self._observe(), reward, self._step == 4, False, {}


class Side(gym.Env):
  """Action 1 pays where the observation is above half of its unit."""

  def __init__(self, unit=1.0, render_mode=None):
    self.observation_space = gym.spaces.Box(-np.inf, np.inf, (1,))
    self.action_space = gym.spaces.Discrete(2)
    self._unit = unit

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self._place = self.np_random.uniform()
    return np.float32([self._place * self._unit]), {}

  def step(self, action):
    reward = float(action == (self._place > 0.5))
    return np.float32([self._place * self._unit]), reward, True, False, {}


@pytest.fixture(autouse=True)
def registered():
  gym.register("Aim-v0", Aim)
  gym.register("Side-v0", Side)
  yield
  del gym.registry["Aim-v0"], gym.registry["Side-v0"]


def learned(*bindings):
  """The mean return of a greedy policy after training."""
  experiment = gin_files.load_experiment([], bindings)
  pipeline = building.build(experiment, seeding.Seeds(0))
  for _ in pipeline.run():
    pipeline.interval.end(pipeline.statistics)
  pipeline.close()
  act = pipeline.serve(pipeline.network).act
  return evaluator.evaluate(act, experiment.environment, 100, 1).mean_return


@pytest.mark.slow
def test_a2c_aims_in_any_unit():
  """Zero is perfect, -1 is to do nothing; the noise of play is about 0.2."""
  found = [
    learned(
      "Experiment.agent = @A2cConfig()",
      "EnvironmentConfig.name = 'Aim-v0'",
      f"EnvironmentConfig.arguments = {{'unit': {unit}}}",
      "EnvironmentConfig.num_envs = 8",
      "TrainingConfig.num_env_steps = 16_000",
      "TrainingConfig.log_period_env_steps = 8_000",
      "A2cConfig.gamma = 0.0",
      "A2cConfig.hidden_layers = (16,)",
      "A2cConfig.normalize_observations = True",
      "A2cConfig.entropy_coefficient = 0.0",
      "A2cConfig.optimizer = @Adam()",
      "Adam.learning_rate = 0.003",
    )
    for unit in (1e3, 1e-3)
  ]
  assert min(found) > -0.3, found
  assert max(found) - min(found) < 0.15, found


@pytest.mark.slow
def test_dqn_tells_sides_in_any_unit():
  """1 is perfect, 0.5 is to guess."""
  found = [
    learned(
      "Experiment.agent = @DqnConfig()",
      "EnvironmentConfig.name = 'Side-v0'",
      f"EnvironmentConfig.arguments = {{'unit': {unit}}}",
      "TrainingConfig.num_env_steps = 4_000",
      "TrainingConfig.log_period_env_steps = 2_000",
      "DqnConfig.gamma = 0.0",
      "DqnConfig.hidden_layers = (16,)",
      "DqnConfig.normalize_observations = True",
      "DqnConfig.num_random_env_steps = 4_000",
      "ReplayConfig.capacity_env_steps = 4_000",
    )
    for unit in (8e4, 1e-3)
  ]
  assert min(found) >= 0.95, found
