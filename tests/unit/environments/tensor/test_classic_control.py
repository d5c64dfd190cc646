"""Our Acrobot, MountainCar and Pendulum beside gymnasium's own."""

import functools
import itertools

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf
from gymnasium.envs.classic_control import acrobot as their_acrobot

from agents_pipeline.environments.tensor import acrobot, mountain_car, pendulum
from agents_pipeline.ops import random_stream

PI = np.pi
CLASSES = {
  "Acrobot-v1": acrobot.Acrobot,
  "MountainCar-v0": mountain_car.MountainCar,
  "Pendulum-v1": pendulum.Pendulum,
}
every_task = pytest.mark.parametrize("name", list(CLASSES))
every_task_that_ends = pytest.mark.parametrize(
  "name", ["Acrobot-v1", "MountainCar-v0"]
)


def make(name, batch_size=1, seed=0):
  environment = CLASSES[name](
    gym.spec(name).max_episode_steps,
    batch_size,
    random_stream.RandomStream(seed),
  )
  environment.reset()
  return environment


def make_theirs(name):
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
  env = make_theirs(name)
  steps = []
  for state, action in zip(states, actions, strict=True):
    env.state = state.copy()
    observation, reward, terminated, _, _ = env.step(action)
    steps.append((np.array(env.state), observation, reward, terminated))
  return states, actions, *(np.array(x) for x in zip(*steps, strict=True))


@every_task
@pytest.mark.filterwarnings("ignore")
def test_dynamics_equal_gymnasium_in_its_own_precision(name, compiled):
  """In float64 even the fastest states agree, and every termination."""
  states, actions, next_states, _, rewards, terminated = gymnasium_steps(name)
  ours = compiled(make(name).dynamics)(
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


def distance_to_ending(name, next_states):
  """[N], how far each state is from where termination begins."""
  if name == "Acrobot-v1":
    theta_1, theta_2 = next_states[:, 0], next_states[:, 1]
    return np.abs(-np.cos(theta_1) - np.cos(theta_1 + theta_2) - 1)
  if name == "MountainCar-v0":
    return np.abs(np.minimum(next_states[:, 0] - 0.5, next_states[:, 1]))
  return np.full(len(next_states), np.inf)


@every_task
@pytest.mark.filterwarnings("ignore")
def test_one_step_equals_gymnasium(name, compiled):
  """Observation, reward and end from thousands of states, extreme ones too."""
  states, actions, next_states, observations, rewards, terminated = (
    gymnasium_steps(name)
  )
  environment = make(name, len(states))
  environment.tracked.state.assign(states)
  reached, _ = compiled(lambda a: environment.step_and_reset(a))(
    tf.cast(actions, environment.action_spec().dtype)
  )
  tolerance = float32_tolerance(name, states)
  difference = np.abs(reached.observation.numpy() - observations)
  assert np.all(difference <= tolerance[:, None] * (1 + np.abs(observations)))
  # On which side of the goal rounding leaves a state is left out here; the
  # comparison in float64 has these states.
  sure = distance_to_ending(name, next_states) > 10 * tolerance
  assert sure.mean() > 0.98
  lasts = reached.is_last().numpy()
  np.testing.assert_array_equal(lasts[sure], terminated[sure])
  np.testing.assert_array_equal(reached.discount, 1.0 - lasts)
  difference = np.abs(reached.reward.numpy() - rewards)[sure]
  # The Pendulum's reward goes to -16.
  assert np.all(difference <= 1e-6 * (1 + np.abs(rewards[sure])))
  spec = environment.observation_spec()
  assert np.all(reached.observation >= spec.minimum)
  assert np.all(reached.observation <= spec.maximum)


def swing(name, observation, rng):
  """Actions that add energy most of the time, so that episodes end."""
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
  ("name", "resynchronised_every", "tolerance", "episodes"),
  [
    # Chaotic: two states a rounding apart have nothing in common 100 or 200
    # steps later. Gymnasium's state is set to ours every few steps.
    ("Acrobot-v1", 5, 1e-4, 20),
    ("MountainCar-v0", None, 1e-4, 20),
    # Unstable upright, where an error doubles every four steps.
    ("Pendulum-v1", None, 2e-3, 20),
  ],
)
@pytest.mark.filterwarnings("ignore")
def test_whole_episodes_equal_gymnasium(
  name, resynchronised_every, tolerance, episodes
):
  """Every copy resets when, and only when, gymnasium's episode ends."""
  num_envs = 20
  environment = make(name, num_envs)
  step = tf.function(
    environment.step_and_reset, autograph=False, jit_compile=True
  )
  # With the time limit: truncation is compared too.
  theirs = [gym.make(name) for _ in range(num_envs)]
  rng = np.random.default_rng(1)

  def begin(i):
    theirs[i].reset(seed=0)
    theirs[i].unwrapped.state = states[i].astype(np.float64)

  states = environment.tracked.state.numpy()
  for i in range(num_envs):
    begin(i)
  observation = environment.current_time_step().observation.numpy()
  ended = 0
  for t in range(1, 201):
    actions = swing(name, observation, rng)
    reached, after = tf.nest.map_structure(
      lambda x: x.numpy(), step(tf.constant(actions))
    )
    observation, states = after.observation, environment.tracked.state.numpy()
    for i, env in enumerate(theirs):
      expected, reward, terminated, truncated, _ = env.step(actions[i])
      difference = np.abs(reached.observation[i] - expected)
      assert np.all(difference <= tolerance * (1 + np.abs(expected)))
      assert abs(reached.reward[i] - reward) <= tolerance * (1 - reward)
      assert (reached.step_type[i] == 2) == (terminated or truncated)
      assert reached.discount[i] == (0.0 if terminated else 1.0)
      if terminated or truncated:
        ended += 1
        begin(i)
      elif resynchronised_every and t % resynchronised_every == 0:
        env.unwrapped.state = states[i].astype(np.float64)
  assert ended >= episodes


@every_task
def test_time_limit_truncates_without_terminating(name):
  environment = make(name)
  step = tf.function(environment.step_and_reset, autograph=False)
  # No torque and no acceleration: none of the three gets anywhere.
  still = one_action(environment, 0 if name == "Pendulum-v1" else 1)
  limit = gym.spec(name).max_episode_steps
  assert limit == (500 if name == "Acrobot-v1" else 200)
  for i in range(1, limit + 1):
    reached, after = step(still)
    assert bool(reached.is_last()[0]) == (i == limit)
  assert float(reached.discount[0]) == 1.0
  assert float(reached.reward[0]) < 0
  assert bool(after.is_first()[0])
  assert float(after.reward[0]) == 0.0


@every_task_that_ends
def test_reaching_the_goal_terminates_and_begins_anew(name, compiled):
  state, reward = {
    "Acrobot-v1": ([PI, 0.0, 0.0, 0.0], 0.0),  # upright
    "MountainCar-v0": ([0.5, 0.05], -1.0),
  }[name]
  environment = make(name, 2)
  start = environment.tracked.state.numpy()[1]
  environment.tracked.state.assign([state, start])
  reached, after = compiled(lambda a: environment.step_and_reset(a))(
    one_action(environment, 1)
  )
  np.testing.assert_array_equal(reached.is_last(), [True, False])
  np.testing.assert_array_equal(reached.discount, [0.0, 1.0])
  np.testing.assert_array_equal(reached.reward, [reward, -1.0])
  np.testing.assert_array_equal(after.is_first(), [True, False])
  np.testing.assert_array_equal(after.discount, [1.0, 1.0])
  begun = environment.tracked.state.numpy()[0]
  assert np.abs(begun - start).max() <= 0.2  # a start again


def test_pendulum_spins_for_an_episode_without_growing_its_angle():
  environment = make("Pendulum-v1", 10)
  step = tf.function(environment.step_and_reset, autograph=False)
  turned = 0.0
  for _ in range(199):
    reached, _ = step(one_action(environment, 2))
    assert not np.any(reached.is_last())
    turned += 0.05 * reached.observation[:, 2].numpy()
    angles = environment.tracked.state[:, 0].numpy()
    assert np.abs(angles).max() < PI + 0.401
  assert turned.max() > 6 * 2 * PI


def test_acrobot_wraps_angles_as_gymnasium_does():
  """In float64, where whole turns are exact too: pi and -pi stay apart."""
  angles = np.concatenate(
    [np.linspace(-25, 25, 2001), PI * np.arange(-7, 8), [-1e-300, 5e-17]]
  )
  expected = [their_acrobot.wrap(angle, -PI, PI) for angle in angles]
  ours = acrobot.wrap_angle(tf.constant(angles)).numpy()
  np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-14)
  inside = np.abs(angles) <= PI
  np.testing.assert_array_equal(ours[inside], angles[inside])


@every_task
@pytest.mark.filterwarnings("ignore")
def test_starts_are_distributed_as_gymnasiums(name):
  ours = make(name, 4000).tracked.state.numpy()
  env = make_theirs(name)
  theirs = []
  for _ in range(4000):
    env.reset()
    theirs.append(env.state)
  low, high = {
    "Acrobot-v1": (-0.1, 0.1),
    "MountainCar-v0": ([-0.6, 0.0], [-0.4, 0.0]),
    "Pendulum-v1": ([-PI, -1.0], [PI, 1.0]),
  }[name]
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


@every_task
@pytest.mark.filterwarnings("ignore")
def test_specs_are_gymnasiums_spaces(name):
  environment, env = make(name), make_theirs(name)
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


@every_task
def test_is_the_same_eager_in_a_graph_and_under_xla(name, all_ways):
  found = {}
  for way, compiled in all_ways.items():
    environment = make(name, 8)
    step = compiled(lambda a, e=environment: e.step_and_reset(a))
    action = one_action(environment, 1)
    found[way] = np.stack([step(action)[0].observation for _ in range(12)])
  # Graphs fold constants and XLA fuses operations: both round differently.
  np.testing.assert_allclose(found["eager"], found["graph"], atol=1e-5)
  np.testing.assert_allclose(found["eager"], found["xla"], atol=1e-5)
