"""It learns: small problems whose best return is known, in seconds."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.agents import building
from agents_pipeline.config import schema, seeding
from agents_pipeline.evaluation import evaluator


class Identity(gym.Env):
  """The observation names the right action; 20 of 20 is the best return.

  An episode of 20 steps is truncated, never terminated. Modelled on
  Stable-Baselines3's test environments of that name.
  """

  metadata = {"render_modes": []}  # noqa: RUF012

  def __init__(self, observation_space, action_space, render_mode=None):
    self.render_mode = render_mode
    self.observation_space = observation_space
    self.action_space = action_space

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self.action_space.seed(seed)
    return self._draw(), {}

  def _draw(self):
    self._right = self.action_space.sample()
    return self._show(self._right)

  def _show(self, right):
    """An observation that names an action."""
    return right

  def step(self, action):
    reward = float(np.mean(action == self._right))
    return self._draw(), reward, False, False, {}


class Pairs(Identity):
  """Two numbers at once: 3 of one, 2 of the other."""

  def _show(self, right):
    return int(right[0] * 2 + right[1])


class Near(Identity):
  """A number in [-1, 1]; reward for how near the action is."""

  def step(self, action):
    reward = 1.0 - float(np.abs(action - self._right)[0])
    return self._draw(), reward, False, False, {}


class Quarters(Identity):
  """An image with one bright quarter: that one is right."""

  def _show(self, right):
    image = np.zeros((8, 8), np.uint8)
    row, column = divmod(int(right), 2)
    image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 255
    return image


_DISCRETE, _NUMBER = gym.spaces.Discrete, gym.spaces.Box(-1.0, 1.0, (1,))
for name, make, observation_space, action_space in (
  ("Identity-v0", Identity, _DISCRETE(4), _DISCRETE(4)),
  ("Pairs-v0", Pairs, _DISCRETE(6), gym.spaces.MultiDiscrete([3, 2])),
  ("Near-v0", Near, _NUMBER, _NUMBER),
  (
    "Quarters-v0", Quarters, gym.spaces.Box(0, 255, (8, 8), np.uint8),
    _DISCRETE(4),
  ),
):  # fmt: skip
  gym.register(
    name, make, max_episode_steps=20,
    kwargs={
      "observation_space": observation_space, "action_space": action_space
    },
  )  # fmt: skip


def learn(experiment, seed):
  """Trains to the end; returns the pipeline and the curve of its returns."""
  pipeline = building.build(experiment, seeding.Seeds(seed))
  curve = []
  for result in pipeline.run():
    returns = result.episodes.returns
    curve.append((result.env_steps, returns.sum() / max(len(returns), 1)))
    pipeline.interval.end(pipeline.statistics)
  return pipeline, curve


@pytest.mark.slow
def test_identity_is_learned_through_the_host_pipeline(make_experiment):
  """Seeds 0 to 9 all gave 20 of 20 when the bound was chosen."""
  experiment = make_experiment(
    "EnvironmentConfig.name = 'Identity-v0'",
    "EnvironmentConfig.num_envs = 2",
    "TrainingConfig.num_env_steps = 2_000",
    "DqnConfig.gamma = 0.5",
    "DqnConfig.num_random_env_steps = 200",
    "ReplayConfig.capacity_env_steps = 2_000",
    "DqnConfig.epsilon = @ConstantEpsilon()",
    "Adam.learning_rate = 0.01",
  )
  pipeline, curve = learn(experiment, seed=0)
  act = pipeline.serve(pipeline.network).act
  found = evaluator.evaluate(
    act, schema.EnvironmentConfig("Identity-v0"), 10, seed=1
  )
  assert found.mean_return >= 19, curve
  # Truncation does not end the future: q of the right action is 1 / (1 - 0.5)
  # in every state, also just before an episode's end.
  q_values, _ = pipeline.network(tf.range(4, dtype=tf.int64))
  best = np.max(q_values, axis=1)
  np.testing.assert_allclose(best, 2.0, atol=0.3, err_msg=str(curve))


@pytest.mark.slow
@pytest.mark.parametrize("num_envs", [1, 8])
def test_cartpole_is_learned_on_the_tensor_environment(
  make_experiment, num_envs
):
  """Better than 150 from a random policy's 20, on gymnasium's CartPole."""
  experiment = make_experiment(
    f"EnvironmentConfig.num_envs = {num_envs}",
    "TrainingConfig.num_env_steps = 20_000",
    "TrainingConfig.log_period_env_steps = 2_000",
    "TrainingConfig.checkpoint_period_env_steps = 20_000",
    "EvaluationConfig.period_env_steps = 20_000",
    "DqnConfig.hidden_layers = (64, 64)",
    "DqnConfig.n_step = 3",
    "DqnConfig.batch_size = 64",
    "DqnConfig.target_update_tau = 0.01",
    # Huber's gradient of 1 makes a few terminal errors lose to many others.
    "DqnConfig.loss = 'squared'",
    "DqnConfig.gradient_clip_global_norm = 10.0",
    f"DqnConfig.num_train_steps_per_iteration = {num_envs}",
    "DqnConfig.num_env_steps_before_training = 500",
    "LinearEpsilon.num_env_steps = 5_000",
    "ReplayConfig.capacity_env_steps = 20_000",
  )
  pipeline, curve = learn(experiment, seed=0)
  act = pipeline.serve(pipeline.network).act
  found = evaluator.evaluate(
    act, schema.EnvironmentConfig("CartPole-v1"), 20, seed=1
  )
  assert found.mean_return >= 150, curve
  assert int(pipeline.train_steps) >= 19_000


@pytest.mark.slow
@pytest.mark.parametrize(
  ("name", "bindings"),
  [
    ("Identity-v0", []),
    ("Pairs-v0", []),
    ("Near-v0", ["A2cConfig.normalize_observations = True"]),
    ("Quarters-v0", ["A2cConfig.conv_layers = ((8, 4, 4),)",
                     "A2cConfig.shared_torso = True"]),
  ],
)  # fmt: skip
def test_a2c_learns_every_kind_of_action_and_images(
  make_a2c_experiment, name, bindings
):
  """Through the host pipeline; a random policy has 5, 8, 7 and 5 of 20."""
  experiment = make_a2c_experiment(
    f"EnvironmentConfig.name = '{name}'",
    "EnvironmentConfig.num_envs = 8",
    "TrainingConfig.num_env_steps = 16_000",
    "TrainingConfig.log_period_env_steps = 4_000",
    "TrainingConfig.checkpoint_period_env_steps = 16_000",
    "EvaluationConfig.period_env_steps = 16_000",
    "A2cConfig.gamma = 0.0",
    "A2cConfig.initial_log_std = -1.0",
    "A2cConfig.optimizer = @Adam()",
    "Adam.learning_rate = 0.01",
    *bindings,
  )
  pipeline, curve = learn(experiment, seed=0)
  act = pipeline.serve(pipeline.network).act
  found = evaluator.evaluate(act, schema.EnvironmentConfig(name), 10, seed=1)
  pipeline.close()
  assert found.mean_return >= 18, curve


@pytest.mark.slow
def test_a2c_learns_cartpole_on_the_tensor_environment(make_a2c_experiment):
  experiment = make_a2c_experiment(
    "EnvironmentConfig.num_envs = 16",
    "TrainingConfig.num_env_steps = 200_000",
    "TrainingConfig.log_period_env_steps = 50_000",
    "TrainingConfig.checkpoint_period_env_steps = 200_000",
    "EvaluationConfig.period_env_steps = 200_000",
    "A2cConfig.hidden_layers = (64, 64)",
    "A2cConfig.optimizer = @RmsProp()",
    "RmsProp.learning_rate = 0.0007",
    "RmsProp.decay = 0.99",
    "RmsProp.epsilon = 1e-5",
    "RmsProp.initial_accumulator = 1.0",
  )
  pipeline, curve = learn(experiment, seed=0)
  act = pipeline.serve(pipeline.network).act
  found = evaluator.evaluate(
    act, schema.EnvironmentConfig("CartPole-v1"), 20, seed=1
  )
  assert found.mean_return >= 150, curve
