"""What is chosen for an environment about which nothing else is said."""

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.runs import defaults


class Images(gym.Env):
  """Shows images; takes actions of any space."""

  def __init__(self, actions=None, render_mode=None):
    self.observation_space = gym.spaces.Dict(
      {"image": gym.spaces.Box(0, 255, (40, 40, 3), np.uint8)}
    )
    self.action_space = gym.spaces.Discrete(2)
    if actions:
      self.action_space = gym.spaces.Box(-1, 1, (actions,))


@pytest.fixture(autouse=True)
def registered():
  gym.register("DefaultsImages-v0", Images)
  yield
  gym.registry.pop("DefaultsImages-v0")


@pytest.mark.parametrize(
  ("name", "agent"),
  [
    ("CartPole-v1", dqn_config.DqnConfig),
    ("Pendulum-v1", a2c_config.A2cConfig),
  ],
)
def test_the_agent_is_chosen_by_the_actions(name, agent):
  printed = []
  experiment = defaults.experiment_for(name, (), printed.append)
  assert isinstance(experiment.agent, agent)
  assert experiment.environment.name == name
  assert experiment.agent.normalize_observations
  (line,) = printed
  assert line.startswith(f"{name}: ")


def test_images_have_rates_of_their_own():
  experiment = defaults.experiment_for("DefaultsImages-v0")
  assert experiment.agent.num_collect_steps_per_iteration == 4
  assert not experiment.agent.normalize_observations
  box = "EnvironmentConfig.arguments = {'actions': 2}"
  experiment = defaults.experiment_for("DefaultsImages-v0", [box])
  assert isinstance(experiment.agent, a2c_config.A2cConfig)
  assert experiment.agent.shared_torso


def test_bindings_come_last():
  bindings = ["A2cConfig.gamma = 0.9", "TrainingConfig.num_env_steps = 10_000"]
  experiment = defaults.experiment_for("Pendulum-v1", bindings)
  assert experiment.agent.gamma == 0.9
  assert experiment.training.num_env_steps == 10_000
  with pytest.raises(errors.UserError, match=r"A2cConfig.gamma is read by n"):
    defaults.experiment_for("CartPole-v1", bindings)


def test_some_entropy_is_asked_for_wherever_a_new_task_begins():
  assert defaults.experiment_for("Pendulum-v1").agent.entropy_coefficient > 0
  assert a2c_config.A2cConfig().entropy_coefficient > 0


@pytest.mark.parametrize(
  ("agent", "name", "bindings"),
  [
    ("C51Config", "C51", ["C51Config.v_min = 0", "C51Config.v_max = 100"]),
    ("QrDqnConfig", "QR-DQN", []),
  ],
)
def test_an_agent_of_dqn_s_family_has_dqn_s_numbers(agent, name, bindings):
  printed = []
  experiment = defaults.experiment_for(
    "CartPole-v1",
    [f"Experiment.agent = @{agent}()", *bindings],
    printed.append,
  )
  assert type(experiment.agent).__name__ == agent
  assert experiment.agent.double and experiment.agent.batch_size == 64
  assert experiment.agent.target_update_tau == 0.005
  (line,) = printed
  assert line.startswith(f"CartPole-v1: {name}, 100,000 env steps; ")


def test_an_agent_that_is_bound_has_its_own_numbers():
  bound = ["Experiment.agent = @A2cConfig()"]
  experiment = defaults.experiment_for("CartPole-v1", bound)
  assert experiment.environment.num_envs == 8
  assert experiment.agent.gae_lambda == 0.95
  assert experiment.agent.normalize_observations


def test_numbers_beside_images_are_normalized():
  class Both(Images):
    def __init__(self, render_mode=None):
      super().__init__()
      self.observation_space["speed"] = gym.spaces.Box(-1e3, 1e3, (2,))

  gym.register("DefaultsBoth-v0", Both)
  try:
    experiment = defaults.experiment_for("DefaultsBoth-v0")
    flat = ["ObservationEncoder.keys = {'image': 'flat'}"]
    without = defaults.experiment_for("DefaultsBoth-v0", flat)
  finally:
    gym.registry.pop("DefaultsBoth-v0")
  assert experiment.agent.normalize_observations
  assert experiment.agent.hidden_layers == (512,)
  assert without.agent.hidden_layers == (128, 128)


def test_two_names_of_an_environment_are_one_too_many():
  other = ["EnvironmentConfig.name = 'Acrobot-v1'"]
  with pytest.raises(errors.UserError, match="expected one of them"):
    defaults.experiment_for("CartPole-v1", other)


def test_a_mask_beside_an_image_is_nothing_to_be_normalized():
  mask = ["EnvironmentConfig.action_mask = 'info'"]
  experiment = defaults.experiment_for("DefaultsImages-v0", mask)
  assert not experiment.agent.normalize_observations
