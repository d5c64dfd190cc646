"""Environments of tensors against gymnasium's, and what all of them offer."""

import functools
import itertools

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.drivers import dynamic_step_driver
from tf_agents.environments import tf_environment
from tf_agents.policies import random_tf_policy
from tf_agents.trajectories import time_step as ts

from agents_pipeline.environments.backends import tensor
from agents_pipeline.ops import random_stream

PI = np.pi
NUM_COPIES = 500  # one of every age
TASKS = ["Acrobot-v1", "MountainCar-v0", "Pendulum-v1"]
every_task = pytest.mark.parametrize("name", TASKS)
with_cart_pole = pytest.mark.parametrize(
  "name", [*TASKS, "CartPole-v0", "CartPole-v1"]
)
every_terminating_task = pytest.mark.parametrize(
  "name", ["Acrobot-v1", "MountainCar-v0"]
)
every_way = pytest.mark.parametrize("way", ["eager", "graph", "xla"])


def make(name, batch_size=1):
  environment = tensor.ENVIRONMENTS[name](
    batch_size=batch_size, rng=random_stream.RandomStream(0)
  )
  environment.reset()
  return environment


@pytest.fixture
def start_batch(start):
  """`start` with the same number of copies: one program for all tests."""
  return lambda name, way="xla": start(name, NUM_COPIES, way)


def make_gymnasium(name):
  env = gym.make(name).unwrapped
  env.reset(seed=0)
  return env


def one_action(environment, number):
  """[B, ...], the action of this number for every copy."""
  spec = environment.action_spec()
  return tf.fill(
    [environment.batch_size, *spec.shape], tf.cast(number, spec.dtype)
  )


def acrobot_states(rng):
  speeds = np.array([4 * PI, 9 * PI])
  # One angle leaves two others at which the free end is at the goal's height.
  theta_1 = rng.uniform(PI / 2, 3 * PI / 2, 400)
  side = rng.choice([-1, 1], 400)
  theta_2 = side * np.arccos(-1 - np.cos(theta_1)) - theta_1
  at_goal = (np.stack([theta_1, theta_2], axis=1) + PI) % (2 * PI) - PI
  high = np.array([PI, PI, *speeds])
  return np.concatenate(
    [
      rng.uniform(-high, high, (800, 4)),
      rng.uniform(-0.1, 0.1, (100, 4)),
      np.hstack([rng.uniform(-PI, PI, (400, 2)), rng.normal(0, 2, (400, 2))]),
      np.hstack([at_goal, rng.normal(0, 0.3, (400, 2))]),
      # Near the wrap, at every speed and at none.
      np.hstack(
        [
          rng.choice([-PI, PI], (400, 2)) + rng.normal(0, 0.1, (400, 2)),
          rng.uniform(-speeds, speeds, (400, 2)) * rng.random((400, 1)) ** 4,
        ]
      ).clip(-high, high),
      np.array(list(itertools.product([-1, 1], repeat=4))) * high,
    ]
  )


def mountain_car_states(rng):
  low, high = np.array([-1.2, -0.07]), np.array([0.6, 0.07])
  x_dot = rng.uniform(-0.07, 0.07, 400)
  return np.concatenate(
    [
      rng.uniform(low, high, (600, 2)),
      rng.uniform([-1.2, -0.07], [-1.1, 0.0], (400, 2)),  # at the wall
      # The next position at the goal, the speed slow or not, and to both sides.
      np.stack([0.5 - x_dot + rng.normal(0, 1e-3, 400), x_dot], axis=1),
      rng.normal([0.5, 0.0], [2e-3, 2e-3], (400, 2)),
      np.array(list(itertools.product(*zip(low, high, strict=True)))),
      [[-1.2, 0.0], [0.5, 0.0], [0.6, 0.0]],
    ]
  ).clip(low, high)


def pendulum_states(rng):
  # An angle is wrapped before a step, so a state is at most one step outside.
  high = np.array([PI + 8 * 0.05, 8.0])
  return np.concatenate(
    [
      rng.uniform(-high, high, (1500, 2)),
      rng.uniform(-0.1, 0.1, (100, 2)),
      rng.choice([-1, 1], (400, 2)) * (high - rng.exponential(0.1, (400, 2))),
      np.stack(
        [
          rng.choice([-PI, PI], 400) + rng.normal(0, 0.01, 400),
          rng.uniform(-8, 8, 400),
        ],
        axis=1,
      ),
      np.array(list(itertools.product([-1, 1], repeat=2))) * high,
    ]
  )


STATES = {
  "Acrobot-v1": acrobot_states,
  "MountainCar-v0": mountain_car_states,
  "Pendulum-v1": pendulum_states,
}


@functools.cache
def gymnasium_steps(name):
  """One step of gymnasium from every state with every action, in float64.

  The Pendulum's torques are a sample, also from beyond its bounds. States and
  torques are float32 numbers, so that both sides begin from the same.
  """
  rng = np.random.default_rng(0)
  states = STATES[name](rng).astype(np.float32).astype(np.float64)
  if name == "Pendulum-v1":
    actions = rng.uniform(-2.5, 2.5, (len(states), 1))
    actions[:900] = rng.choice([-5.0, -2.0, 0.0, 2.0, 5.0], (900, 1))
    actions = actions.astype(np.float32).astype(np.float64)
  else:
    states = np.repeat(states, 3, axis=0)
    actions = np.arange(len(states)) % 3
  env = make_gymnasium(name)
  steps = []
  for state, action in zip(states, actions, strict=True):
    env.state = state.copy()
    observation, reward, terminated, _, _ = env.step(action)
    steps.append((np.array(env.state), observation, reward, terminated))
  return states, actions, *(np.array(x) for x in zip(*steps, strict=True))


@every_way
@every_task
@pytest.mark.filterwarnings("ignore")
def test_dynamics_equal_gymnasium_in_float64(name, way, all_ways):
  """In gymnasium's own precision even the fastest states agree."""
  states, actions, next_states, _, rewards, terminated = gymnasium_steps(name)
  ours = all_ways[way](make(name).dynamics)(
    tf.constant(states), tf.constant(actions)
  )
  difference = ours[0].numpy() - next_states
  if name == "Pendulum-v1":
    # Gymnasium lets the angle grow; we wrap it before each step.
    turns = np.round(difference[:, 0] / (2 * PI))
    assert {-1, 0, 1} == set(turns)
    difference[:, 0] -= turns * 2 * PI
  assert np.abs(difference).max() < 1e-9
  assert np.abs(ours[1].numpy() - rewards).max() < 1e-9
  np.testing.assert_array_equal(ours[2], terminated)
  if name != "Pendulum-v1":
    assert 0.03 < terminated.mean() < 0.5  # both were tried


def float32_tolerance(name, states):
  """[N], what rounding to float32 may do in one step from each state."""
  if name != "Acrobot-v1":
    return np.full(len(states), 1e-6)
  # At its greatest speed the second link turns 0.9 of a turn in a step. There
  # Runge-Kutta no longer follows the motion and multiplies rounding errors by
  # thousands. Even in episodes that only add energy it stays below 16 rad/s.
  return np.where(np.abs(states[:, 3]) < 8, 1e-5, 5e-3)


def distance_to_goal(name, next_states):
  """[N], how far each state is from where episodes terminate."""
  if name == "Acrobot-v1":
    theta_1, theta_2 = next_states[:, 0], next_states[:, 1]
    return np.abs(-np.cos(theta_1) - np.cos(theta_1 + theta_2) - 1)
  if name == "MountainCar-v0":
    return np.abs(np.minimum(next_states[:, 0] - 0.5, next_states[:, 1]))
  return np.full(len(next_states), np.inf)


def step_from(environment, step, states, actions):
  """Returns the next time steps, [N, ...], of N states and actions."""
  time_steps = []
  for first in range(0, len(states), NUM_COPIES):
    # The last batch is filled up with the first states.
    indices = np.arange(first, first + NUM_COPIES) % len(states)
    environment.tracked.state.assign(states[indices])
    time_steps.append(
      step(tf.cast(actions[indices], environment.action_spec().dtype))[0]
    )
  return tf.nest.map_structure(
    lambda *parts: np.concatenate(parts)[: len(states)], *time_steps
  )


@every_way
@every_task
@pytest.mark.filterwarnings("ignore")
def test_one_step_equals_gymnasium(name, way, start_batch):
  """Observation, reward and end from thousands of states, extreme ones too."""
  states, actions, next_states, observations, rewards, terminated = (
    gymnasium_steps(name)
  )
  environment, step = start_batch(name, way)
  next_time_step = step_from(environment, step, states, actions)
  tolerance = float32_tolerance(name, states)
  difference = np.abs(next_time_step.observation - observations)
  assert np.all(difference <= tolerance[:, None] * (1 + np.abs(observations)))
  # States that rounding may put on either side of the goal are left out here;
  # the comparison in float64 has them.
  is_clear = distance_to_goal(name, next_states) > 10 * tolerance
  assert is_clear.mean() > 0.98
  is_last = next_time_step.is_last()
  np.testing.assert_array_equal(is_last[is_clear], terminated[is_clear])
  np.testing.assert_array_equal(next_time_step.discount, 1.0 - is_last)
  difference = np.abs(next_time_step.reward - rewards)[is_clear]
  # The Pendulum's reward goes to -16.
  assert np.all(difference <= 1e-6 * (1 + np.abs(rewards[is_clear])))
  spec = environment.observation_spec()
  assert np.all(next_time_step.observation >= spec.minimum)
  assert np.all(next_time_step.observation <= spec.maximum)


def swing(name, observation, rng):
  """Actions that add energy most of the time, so that episodes end."""
  if name.startswith("CartPole"):
    return rng.integers(0, 2, len(observation))
  speed = observation[:, {"Acrobot-v1": 4, "MountainCar-v0": 1}.get(name, 2)]
  if name == "Pendulum-v1":
    torque = 2 * np.sign(speed) + rng.normal(0, 1, len(speed))
    return torque[:, None].astype(np.float32)
  with_it = np.where(speed < 0, 0, 2)
  # The Acrobot's motor turns the second link: against the first one's motion.
  push = 2 - with_it if name == "Acrobot-v1" else with_it
  return np.where(
    rng.random(len(push)) < 0.8, push, rng.integers(0, 3, len(push))
  )


@pytest.mark.parametrize(
  ("name", "resync_period", "tolerance"),
  [
    # Chaotic: two states a rounding apart have nothing in common 100 or 200
    # steps later. Gymnasium's state is set to ours every few steps.
    ("Acrobot-v1", 5, 1e-4),
    ("MountainCar-v0", None, 1e-4),
    # Unstable upright, where an error doubles every four steps.
    ("Pendulum-v1", None, 2e-3),
    ("CartPole-v0", None, 2e-5),
    ("CartPole-v1", None, 2e-5),
  ],
)
@pytest.mark.filterwarnings("ignore")
def test_whole_episodes_equal_gymnasium(
  name, resync_period, tolerance, start_batch
):
  """20 copies reset when, and only when, gymnasium's episode ends."""
  num_envs = 20
  environment, step = start_batch(name)
  state = environment.tracked.state
  states = state.numpy()
  # With the time limit: truncation is compared too.
  envs = [gym.make(name, disable_env_checker=True) for _ in range(num_envs)]
  rng = np.random.default_rng(1)

  def reset_to_our_state(i):
    envs[i].reset(seed=0)
    envs[i].unwrapped.state = states[i].astype(np.float64)

  for i in range(num_envs):
    reset_to_our_state(i)
  observation = environment.current_time_step().observation.numpy()
  num_episodes = 0
  for t in range(1, 201):
    actions = swing(name, observation, rng)
    next_time_step, time_step = step(tf.constant(actions))
    observation, states = time_step.observation.numpy(), state.numpy()
    ours = ts.TimeStep(*(x.numpy()[:num_envs] for x in next_time_step))
    theirs = [env.step(a)[:4] for env, a in zip(envs, actions, strict=False)]
    expected, reward, terminated, truncated = map(
      np.array, zip(*theirs, strict=True)
    )
    ended = terminated | truncated  # [20]
    difference = np.abs(ours.observation - expected)
    assert np.all(difference <= tolerance * (1 + np.abs(expected)))
    assert np.all(np.abs(ours.reward - reward) <= tolerance * (1 - reward))
    np.testing.assert_array_equal(ours.is_last(), ended)
    np.testing.assert_array_equal(ours.discount, 1.0 - terminated)
    num_episodes += ended.sum()
    for i in np.flatnonzero(ended):
      reset_to_our_state(i)
    if resync_period and t % resync_period == 0:
      for i in np.flatnonzero(~ended):
        envs[i].unwrapped.state = states[i].astype(np.float64)
  assert num_episodes >= 20


@with_cart_pole
def test_time_limit_truncates_without_terminating(name, start_batch):
  """Of copies of every age, those at the limit end, and the others age."""
  environment, step = start_batch(name)
  limit = gym.spec(name).max_episode_steps
  assert limit == (500 if name in ("Acrobot-v1", "CartPole-v1") else 200)
  age = np.arange(environment.batch_size) % limit
  environment.tracked.age.assign(age)
  is_last = age == limit - 1
  # No torque and no acceleration: three of them get nowhere. No pole falls
  # within a step of its initial state.
  still = one_action(environment, 0 if name == "Pendulum-v1" else 1)
  next_time_step, time_step = step(still)
  np.testing.assert_array_equal(next_time_step.is_last(), is_last)
  assert np.all(next_time_step.discount == 1.0)
  assert np.all((next_time_step.reward > 0) == name.startswith("CartPole"))
  np.testing.assert_array_equal(time_step.is_first(), is_last)
  np.testing.assert_array_equal(time_step.reward == 0.0, is_last)
  np.testing.assert_array_equal(
    environment.tracked.age, np.where(is_last, 0, age + 1)
  )


@every_way
@every_terminating_task
def test_the_goal_terminates_and_a_new_episode_begins(name, way, start_batch):
  goal, reward = {
    "Acrobot-v1": ([PI, 0.0, 0.0, 0.0], 0.0),  # upright
    "MountainCar-v0": ([0.5, 0.05], -1.0),
  }[name]
  environment, step = start_batch(name, way)
  states = environment.tracked.state.numpy()
  initial = states[0].copy()
  states[0] = goal
  environment.tracked.state.assign(states)
  next_time_step, time_step = step(one_action(environment, 1))
  is_first_copy = np.arange(len(states)) == 0
  np.testing.assert_array_equal(next_time_step.is_last(), is_first_copy)
  np.testing.assert_array_equal(next_time_step.discount, ~is_first_copy)
  np.testing.assert_array_equal(
    next_time_step.reward, np.where(is_first_copy, reward, -1.0)
  )
  np.testing.assert_array_equal(time_step.is_first(), is_first_copy)
  assert np.all(time_step.discount == 1.0)
  new_state = environment.tracked.state.numpy()[0]
  assert np.abs(new_state - initial).max() <= 0.2  # another initial state


@with_cart_pole
@pytest.mark.filterwarnings("ignore")
def test_initial_states_are_distributed_as_in_gymnasium(name):
  ours = make(name, 4000).tracked.state.numpy()
  env = make_gymnasium(name)
  theirs = []
  for _ in range(4000):
    env.reset()
    theirs.append(env.state)
  low, high = {
    "Acrobot-v1": (-0.1, 0.1),
    "MountainCar-v0": ([-0.6, 0.0], [-0.4, 0.0]),
    "Pendulum-v1": ([-PI, -1.0], [PI, 1.0]),
  }.get(name, (-0.05, 0.05))
  for starts in (ours, np.array(theirs)):
    assert np.all(starts >= np.float32(low))
    assert np.all(starts <= np.float32(high))
  ranks = np.linspace(0, 1, 21)
  difference = np.quantile(ours, ranks, axis=0) - np.quantile(
    theirs, ranks, axis=0
  )
  # The standard error of such a difference is 0.011 of the range at most.
  assert np.all(np.abs(difference) <= 0.04 * (np.subtract(high, low) + 1e-9))
  # Copies and numbers of a state are drawn independently.
  correlation = np.corrcoef(ours[1:, 0], ours[:-1, 0])[0, 1]
  assert abs(correlation) < 0.06
  if name != "MountainCar-v0":
    assert abs(np.corrcoef(ours[:, 0], ours[:, 1])[0, 1]) < 0.06


@pytest.mark.parametrize("name", sorted(tensor.ENVIRONMENTS))
@pytest.mark.filterwarnings("ignore")
def test_specs_are_gymnasiums_spaces(name):
  environment, env = make(name), make_gymnasium(name)
  spec, space = environment.observation_spec(), env.observation_space
  assert (spec.shape, spec.dtype) == (space.shape, space.dtype)
  np.testing.assert_array_equal(spec.minimum, space.low)
  np.testing.assert_array_equal(spec.maximum, space.high)
  spec, space = environment.action_spec(), env.action_space
  assert (spec.shape, spec.dtype) == (space.shape, space.dtype)
  if isinstance(space, gym.spaces.Discrete):
    assert (spec.minimum, spec.maximum) == (0, space.n - 1)
  else:
    np.testing.assert_array_equal(spec.minimum, space.low)
    np.testing.assert_array_equal(spec.maximum, space.high)


@with_cart_pole
def test_is_the_same_eager_in_a_graph_and_under_xla(
  name, start_batch, all_ways
):
  found = {}
  for way in all_ways:
    environment, step = start_batch(name, way)
    action = one_action(environment, 1)
    found[way] = np.stack([step(action)[0].observation for _ in range(12)])
  # Graphs fold constants and XLA fuses operations: both round differently.
  np.testing.assert_allclose(found["eager"], found["graph"], atol=1e-5)
  np.testing.assert_allclose(found["eager"], found["xla"], atol=1e-5)


def test_plain_step_follows_tf_agents_convention(compiled):
  """After LAST, `step` ignores its action and resets."""
  environment = make("CartPole-v1")
  assert isinstance(environment, tf_environment.TFEnvironment)
  step = compiled(lambda: environment.step(tf.constant([1], tf.int64)))
  while not (time_step := step()).is_last()[0]:
    pass
  assert float(time_step.discount[0]) == 0.0
  first = step()
  assert bool(first.is_first()[0])
  assert float(first.reward[0]) == 0.0
  assert np.abs(first.observation).max() <= 0.05


def test_a_tf_agents_driver_runs_on_it():
  environment = make("CartPole-v1", 4)
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
