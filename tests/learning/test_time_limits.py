"""What is learned at a time limit, where the right value is known.

Reward 1 at every step and gamma 0.9: an endless episode is worth
1 / (1 - 0.9) = 10, what ends after n more steps (1 - 0.9^n) / (1 - 0.9), 6.51
for n = 10. A truncated episode is worth 10 although it is cut after 10 steps.
"""

import functools

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.environments.backends import tensor
from agents_pipeline.environments.tensor import tensor_environment

LENGTH = 10


class Steady(gym.Env):
  """Reward 1 whatever is done. One state, or as many as steps."""

  def __init__(self, num_states, terminates, render_mode=None):
    self.render_mode = render_mode
    self.observation_space = gym.spaces.Discrete(num_states)
    self.action_space = gym.spaces.Discrete(2)
    self._terminates = terminates

  def _observe(self):
    return min(self._age, int(self.observation_space.n) - 1)

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self._age = 0
    return self._observe(), {}

  def step(self, action):
    self._age += 1
    ends = self._terminates and self._age >= LENGTH
    return self._observe(), 1.0, ends, False, {}


class TensorSteady(tensor_environment.TensorEnvironment):
  """The same in TensorFlow ops; its state is its age."""

  def __init__(self, num_states, terminates, batch_size, rng):
    self._num_states, self._terminates = num_states, terminates
    super().__init__(
      tensor_spec.BoundedTensorSpec((), tf.int64, 0, num_states - 1),
      tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1),
      state_size=1,
      time_limit=10**6 if terminates else LENGTH,
      batch_size=batch_size,
      rng=rng,
    )

  def initial_state(self):
    return tf.zeros((self.batch_size, 1))

  def dynamics(self, state, action):
    age = state[:, 0] + 1
    ends = (age >= LENGTH) & self._terminates
    return state + 1, tf.ones_like(age), ends

  def observe(self, state):
    return tf.minimum(tf.cast(state[:, 0], tf.int64), self._num_states - 1)


CASES = {
  "Truncated-v0": (1, False),
  "Terminated-v0": (LENGTH + 1, True),
}
for name, (num_states, terminates) in CASES.items():
  gym.register(
    name, Steady, max_episode_steps=None if terminates else LENGTH,
    kwargs={"num_states": num_states, "terminates": terminates},
  )  # fmt: skip

A2C = [
  "Experiment.agent = @A2cConfig()",
  "A2cConfig.hidden_layers = ()",
  "A2cConfig.gamma = 0.9",
  # Not a divisor of the episodes: ends fall everywhere in a rollout.
  "A2cConfig.num_rollout_steps = 7",
  "A2cConfig.gradient_clip_global_norm = None",
  "A2cConfig.optimizer = @Adam()",
  "Adam.learning_rate = 0.05",
]
DQN = [
  "Experiment.agent = @DqnConfig()",
  "DqnConfig.hidden_layers = ()",
  "DqnConfig.gamma = 0.9",
  "DqnConfig.n_step = 3",
  "DqnConfig.loss = 'squared'",
  "DqnConfig.target_update_tau = 0.1",
  "DqnConfig.num_random_env_steps = 10_000",
  "DqnConfig.optimizer = @Adam()",
  "Adam.learning_rate = 0.05",
  "ReplayConfig.capacity_env_steps = 2_000",
]


def learned_values(pipeline, num_states):
  """The value of every state, or the q of every action in it."""
  served = pipeline.serve(pipeline.network).serve(
    tf.range(num_states, dtype=tf.int64)
  )
  return (served["value"] if "value" in served else served["q_values"]).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensor", "gymnasium"])
@pytest.mark.parametrize("agent", [A2C, DQN], ids=["a2c", "dqn"])
@pytest.mark.parametrize("name", CASES)
def test_the_value_is_what_the_future_is_worth(
  monkeypatch, backend, agent, name
):
  num_states, terminates = CASES[name]
  monkeypatch.setitem(
    tensor.ENVIRONMENTS, name,
    functools.partial(TensorSteady, num_states, terminates),
  )  # fmt: skip
  experiment = gin_files.load_experiment(
    [],
    [
      *agent,
      f"EnvironmentConfig.name = '{name}'",
      f"EnvironmentConfig.backend = '{backend}'",
      "EnvironmentConfig.num_envs = 4",
      "TrainingConfig.num_env_steps = 100_000",
    ],
  )
  pipeline = building.build(experiment, seeding.Seeds(0))
  if agent is DQN:
    pipeline.compiled.collect(tf.constant(250))
  pipeline.compiled.train(tf.constant(1500))
  found = learned_values(pipeline, num_states)
  if terminates:
    left = np.arange(LENGTH, 0, -1)
    expected = (1 - 0.9**left) / (1 - 0.9)  # 6.51 at the beginning
    found = found[:LENGTH]  # nothing is ever done from the last
  else:
    expected = np.full(num_states, 10.0)
  np.testing.assert_allclose(found.T, np.broadcast_to(expected, found.T.shape),
                             rtol=0.02)  # fmt: skip
  assert int(pipeline.statistics.num_episodes) > 400
  pipeline.close()
