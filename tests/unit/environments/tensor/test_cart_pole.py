"""The tensor CartPole against gymnasium's."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.drivers import dynamic_step_driver
from tf_agents.environments import tf_environment
from tf_agents.policies import random_tf_policy
from tf_agents.trajectories import time_step as ts

from agents_pipeline.config import schema
from agents_pipeline.environments import loading
from agents_pipeline.ops import random_stream

NUM_COPIES = 500  # of the shared programs: one of every age
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
def test_equals_gymnasium_step_for_step(name, start):
  """4,000 random actions in 20 copies: every observation, reward and end."""
  num_envs, num_steps = 20, 200
  environment, step = start(name, NUM_COPIES, "graph")
  envs = [gym.make(name).unwrapped for _ in range(num_envs)]
  rng = np.random.default_rng(1)

  def reset_to_our_state(i):
    envs[i].reset(seed=0)
    envs[i].state = states[i].astype(np.float64)

  states = environment.current_time_step().observation.numpy()
  for i in range(num_envs):
    reset_to_our_state(i)
  num_episodes = 0
  for _ in range(num_steps):
    actions = rng.integers(0, 2, NUM_COPIES)
    next_time_step, time_step = step(tf.constant(actions))
    ours = ts.TimeStep(*(x.numpy()[:num_envs] for x in next_time_step))
    theirs = [
      env.step(int(a))[:3] for env, a in zip(envs, actions, strict=False)
    ]
    observation, reward, terminated = map(np.array, zip(*theirs, strict=True))
    difference = np.abs(ours.observation - observation)
    assert np.all(difference <= TOLERANCE * (1 + np.abs(observation)))
    np.testing.assert_array_equal(ours.reward, reward)
    np.testing.assert_array_equal(ours.is_last(), terminated)
    np.testing.assert_array_equal(ours.discount, 1.0 - terminated)
    num_episodes += terminated.sum()
    states = time_step.observation.numpy()
    for i in np.flatnonzero(terminated):
      reset_to_our_state(i)
  assert num_episodes > 100


@pytest.mark.parametrize(
  ("name", "limit"), [("CartPole-v0", 200), ("CartPole-v1", 500)]
)
@pytest.mark.filterwarnings("ignore")
def test_time_limit_truncates_without_terminating(name, limit, start):
  """Of copies of every age, those at the limit end, and the others age."""
  assert gym.spec(name).max_episode_steps == limit
  environment, step = start(name, NUM_COPIES, "graph")
  age = np.arange(NUM_COPIES) % limit
  environment.tracked.age.assign(age)
  is_last = age == limit - 1
  # No pole falls within a step of its initial state.
  next_time_step, time_step = step(tf.ones((NUM_COPIES,), tf.int64))
  np.testing.assert_array_equal(next_time_step.is_last(), is_last)
  assert np.all(next_time_step.discount == 1.0)
  assert np.all(next_time_step.reward == 1.0)
  np.testing.assert_array_equal(time_step.is_first(), is_last)
  assert np.abs(time_step.observation[is_last]).max() <= 0.05
  np.testing.assert_array_equal(
    environment.tracked.age, np.where(is_last, 0, age + 1)
  )


def test_initial_states_are_uniform_and_differ():
  first = make(2000).current_time_step().observation.numpy()
  assert np.abs(first).max() <= 0.05
  assert np.abs(first.mean(axis=0)).max() < 0.003
  assert first.std(axis=0) == pytest.approx([0.1 / 12**0.5] * 4, rel=0.05)


def test_the_seed_determines_the_initial_states():
  first = lambda seed: make(3, seed=seed).current_time_step().observation
  np.testing.assert_array_equal(first(1), first(1))
  assert np.abs(first(1) - first(2)).max() > 1e-4


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


def test_is_the_same_eager_in_a_graph_and_under_xla(start, all_ways):
  found = {}
  for way in all_ways:
    _, step = start("CartPole-v1", NUM_COPIES, way)
    action = tf.ones((NUM_COPIES,), tf.int64)
    found[way] = np.stack([step(action)[0].observation for _ in range(12)])
  # Graphs fold constants and XLA fuses operations: both round differently.
  np.testing.assert_allclose(found["eager"], found["graph"], atol=1e-5)
  np.testing.assert_allclose(found["eager"], found["xla"], atol=1e-5)
