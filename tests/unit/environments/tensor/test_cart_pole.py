"""Our CartPole beside gymnasium's own."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.drivers import dynamic_step_driver
from tf_agents.environments import tf_environment
from tf_agents.policies import random_tf_policy

from agents_pipeline.config import schema
from agents_pipeline.environments import loading
from agents_pipeline.ops import random_stream

# gymnasium computes in float64, we in float32; over an episode of random
# actions the difference stays below this.
TOLERANCE = 2e-5


def make(batch_size=1, name="CartPole-v1", seed=0):
  environment = loading.make_training_environment(
    schema.EnvironmentConfig(name=name, num_envs=batch_size),
    random_stream.RandomStream(seed),
    None,
  )
  environment.reset()
  return environment


@pytest.mark.parametrize("name", ["CartPole-v0", "CartPole-v1"])
@pytest.mark.filterwarnings("ignore")
def test_equals_gymnasium_step_for_step(name):
  """4,000 random actions in 20 copies: every observation, reward and end."""
  num_envs, num_steps = 20, 200
  ours = make(num_envs, name)
  step = tf.function(ours.step_and_reset, autograph=False)
  theirs = [gym.make(name).unwrapped for _ in range(num_envs)]
  rng = np.random.default_rng(1)
  time_step = ours.current_time_step()
  episodes = 0
  for env, state in zip(theirs, time_step.observation.numpy(), strict=True):
    env.reset(seed=0)
    env.state = state.astype(np.float64)
  for _ in range(num_steps):
    actions = rng.integers(0, 2, num_envs)
    reached, time_step = tf.nest.map_structure(
      lambda x: x.numpy(), step(tf.constant(actions))
    )
    lasts = reached.step_type == 2
    for i, env in enumerate(theirs):
      observation, reward, terminated, _, _ = env.step(int(actions[i]))
      difference = np.abs(reached.observation[i] - observation)
      assert np.all(difference <= TOLERANCE * (1 + np.abs(observation)))
      assert reached.reward[i] == reward
      assert lasts[i] == terminated
      assert reached.discount[i] == (0.0 if terminated else 1.0)
      if terminated:
        episodes += 1
        env.reset(seed=0)
        env.state = time_step.observation[i].astype(np.float64)
  assert episodes > 100


@pytest.mark.parametrize(
  ("name", "limit"), [("CartPole-v0", 200), ("CartPole-v1", 500)]
)
@pytest.mark.filterwarnings("ignore")
def test_time_limit_truncates_without_terminating(name, limit):
  environment = make(1, name)
  step = tf.function(environment.step_and_reset, autograph=False)
  observation = environment.current_time_step().observation
  for i in range(1, limit + 1):
    # A controller that balances: push to where the pole falls.
    x, x_dot, theta, theta_dot = observation[0].numpy()
    push = theta + theta_dot + 0.05 * x + 0.1 * x_dot > 0
    reached, after = step(tf.constant([int(push)], tf.int64))
    observation = after.observation
    assert bool(reached.is_last()[0]) == (i == limit)
  assert float(reached.discount[0]) == 1.0
  assert bool(after.is_first()[0])
  assert np.abs(after.observation).max() <= 0.05
  assert gym.spec(name).max_episode_steps == limit


def test_starts_are_uniform_and_differ():
  first = make(2000).current_time_step().observation.numpy()
  assert np.abs(first).max() <= 0.05
  assert np.abs(first.mean(axis=0)).max() < 0.003
  assert first.std(axis=0) == pytest.approx([0.1 / 12**0.5] * 4, rel=0.05)


def test_seed_chooses_the_starts():
  start = lambda seed: make(3, seed=seed).current_time_step().observation
  np.testing.assert_array_equal(start(1), start(1))
  assert np.abs(start(1) - start(2)).max() > 1e-4


def test_plain_step_follows_tf_agents_convention():
  """After LAST, `step` ignores its action and resets."""
  environment = make()
  assert isinstance(environment, tf_environment.TFEnvironment)
  push = tf.constant([1], tf.int64)
  time_step = environment.step(push)
  while not time_step.is_last()[0]:
    time_step = environment.step(push)
  assert float(time_step.discount[0]) == 0.0
  first = environment.step(push)
  assert bool(first.is_first()[0])
  assert float(first.reward[0]) == 0.0
  assert np.abs(first.observation).max() <= 0.05


def test_a_tf_agents_driver_runs_on_it():
  environment = make(4)
  seen = []
  dynamic_step_driver.DynamicStepDriver(
    environment,
    random_tf_policy.RandomTFPolicy(
      environment.time_step_spec(), environment.action_spec()
    ),
    observers=[lambda t: seen.append(t.observation.shape)],
    num_steps=200,
  ).run()
  assert len(seen) >= 1 and set(seen) == {tf.TensorShape([4, 4])}
  assert environment.current_time_step().observation.shape == (4, 4)


def test_is_the_same_eager_in_a_graph_and_under_xla(all_ways):
  found = {}
  for name, compiled in all_ways.items():
    environment = make(8)
    step = compiled(lambda a, e=environment: e.step_and_reset(a))
    steps = [step(tf.ones((8,), tf.int64))[0].observation for _ in range(12)]
    found[name] = np.stack(steps)
  # Graphs fold constants and XLA fuses operations: both round differently.
  np.testing.assert_allclose(found["eager"], found["graph"], atol=1e-5)
  np.testing.assert_allclose(found["eager"], found["xla"], atol=1e-5)
