"""It learns: small problems whose best return is known, in seconds."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.evaluation import evaluator
from agents_pipeline.experiment import seeding
from agents_pipeline.pipelines import building
from agents_pipeline.training import loop


class Identity(gym.Env):
  """The observation names the right action; 20 of 20 is the best return.

  An episode of 20 steps is truncated, never terminated. Modelled on
  Stable-Baselines3's test environment of that name.
  """

  metadata = {"render_modes": []}  # noqa: RUF012

  def __init__(self, num_actions=4, render_mode=None):
    self.render_mode = render_mode
    self.observation_space = gym.spaces.Discrete(num_actions)
    self.action_space = gym.spaces.Discrete(num_actions)

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self._right = int(self.np_random.integers(self.action_space.n))
    return self._right, {}

  def step(self, action):
    reward = float(action == self._right)
    self._right = int(self.np_random.integers(self.action_space.n))
    return self._right, reward, False, False, {}


gym.register("Identity-v0", Identity, max_episode_steps=20)


def learn(experiment, seed):
  """Trains to the end; returns the pipeline and the curve of its returns."""
  pipeline = building.build(experiment, seeding.Seeds(seed))
  curve = [
    (r.env_steps, r.episodes.return_sum / max(r.episodes.num_episodes, 1))
    for r in loop.run(
      pipeline.compiled,
      pipeline.loop_sizes,
      pipeline.statistics,
      pipeline.train_steps,
    )
  ]
  return pipeline, curve


@pytest.mark.slow
def test_identity_is_learnt_through_the_host_pipeline(make_experiment):
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
  found = evaluator.evaluate(act, "Identity-v0", 10, seed=1)
  assert found.mean_return >= 19, curve
  # Truncation does not end the future: q of the right action is 1 / (1 - 0.5)
  # in every state, also just before an episode's end.
  q_values, _ = pipeline.network(tf.range(4, dtype=tf.int64))
  best = np.max(q_values, axis=1)
  np.testing.assert_allclose(best, 2.0, atol=0.3, err_msg=str(curve))


@pytest.mark.slow
@pytest.mark.parametrize("num_envs", [1, 8])
def test_cartpole_is_learnt_on_the_tensor_environment(
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
  found = evaluator.evaluate(act, "CartPole-v1", 20, seed=1)
  assert found.mean_return >= 150, curve
  assert int(pipeline.train_steps) >= 19_000
