"""gymnasium environments as TF-Agents time steps, one golden test per mode."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.config import schema, seeding
from agents_pipeline.environments import (
  gymnasium_vector,
  loading,
  making,
  python_bridge,
)

FIRST, MID, LAST = 0, 1, 2
Mode = gym.vector.AutoresetMode


class Counter(gym.Env):
  """Counts 100 * episode + step; ends after `length` steps as it is told to.

  Its actions are numbered from 5, its observations are float64.
  """

  def __init__(self, length, terminates=True, truncates=False):
    self.observation_space = gym.spaces.Box(-1e6, 1e6, (1,), np.float64)
    self.action_space = gym.spaces.Discrete(2, start=5)
    self._length, self._ends = length, (terminates, truncates)
    self._episode, self.seeds, self.actions = -1, [], []

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self.seeds.append(seed)
    self._episode, self._step = self._episode + 1, 0
    return self._observe(), {}

  def _observe(self):
    return np.array([100.0 * self._episode + self._step])

  def step(self, action):
    self.actions.append(int(action))
    self._step += 1
    terminated, truncated = (
      end and self._step >= self._length for end in self._ends
    )
    return self._observe(), 0.5 * self._step, terminated, truncated, {}


def make(mode, *envs):
  vector = gym.vector.SyncVectorEnv(
    [lambda e=e: e for e in envs], autoreset_mode=mode
  )
  return gymnasium_vector.GymnasiumEnvironment(
    vector, "Counter", lambda i, n: 1000 * i + n
  )


def play(environment, num_steps):
  """Steps with action 1: what is acted from, and what is reached."""
  from_, to = [environment.current_time_step()], []
  for _ in range(num_steps):
    reached, after = environment.step_and_reset(
      np.ones(environment.batch_size, np.int64)
    )
    to.append(reached)
    from_.append(after)
  tell = lambda t: (
    t.step_type.tolist(), t.observation[:, 0].tolist(),
    t.reward.tolist(), t.discount.tolist(),
  )  # fmt: skip
  return [tell(t) for t in from_[:-1]], [tell(t) for t in to]


@pytest.mark.parametrize("mode", [Mode.DISABLED, Mode.SAME_STEP])
def test_resets_within_the_step(mode):
  from_, to = play(make(mode, Counter(2), Counter(3, False, True)), 4)
  assert from_ == [
    ([FIRST, FIRST], [0, 0], [0, 0], [1, 1]),
    ([MID, MID], [1, 1], [0.5, 0.5], [1, 1]),
    ([FIRST, MID], [100, 2], [0, 1], [1, 1]),
    ([MID, FIRST], [101, 100], [0.5, 0], [1, 1]),
  ]
  assert to == [
    ([MID, MID], [1, 1], [0.5, 0.5], [1, 1]),
    ([LAST, MID], [2, 2], [1, 1], [0, 1]),  # terminated: discount 0
    ([MID, LAST], [101, 3], [0.5, 1.5], [1, 1]),  # truncated: it stays 1
    ([LAST, MID], [102, 101], [1, 0.5], [0, 1]),
  ]


def test_next_step_spends_a_step_on_the_reset():
  from_, to = play(make(Mode.NEXT_STEP, Counter(2), Counter(3, False, True)), 4)
  assert from_ == [
    ([FIRST, FIRST], [0, 0], [0, 0], [1, 1]),
    ([MID, MID], [1, 1], [0.5, 0.5], [1, 1]),
    ([LAST, MID], [2, 2], [1, 1], [0, 1]),
    ([FIRST, LAST], [100, 3], [0, 1.5], [1, 1]),
  ]
  assert to[2] == ([FIRST, LAST], [100, 3], [0, 1.5], [1, 1])
  assert to[3] == ([MID, FIRST], [101, 100], [0.5, 0], [1, 1])


@pytest.mark.parametrize("mode", list(Mode))
def test_both_ends_at_once_mean_terminated(mode):
  _, to = play(make(mode, Counter(1, True, True)), 1)
  assert to == [([LAST], [1], [0.5], [0])]


def test_every_episode_has_a_seed_of_its_own():
  envs = Counter(2), Counter(3)
  play(make(Mode.DISABLED, *envs), 7)
  assert envs[0].seeds == [0, 1, 2, 3]
  assert envs[1].seeds == [1000, 1001, 1002]


def test_seeds_reach_the_action_spaces():
  envs = Counter(2), Counter(2)
  environment = make(Mode.DISABLED, *envs)
  environment.reset()
  drawn = [[int(e.action_space.sample()) for _ in range(20)] for e in envs]
  again = []
  for env, seed in zip(envs, [0, 1000], strict=True):
    env.action_space.seed(seed)
    again.append([int(env.action_space.sample()) for _ in range(20)])
  assert drawn == again


def test_actions_are_shifted_to_the_space_and_observations_cast():
  env = Counter(9)
  environment = make(Mode.DISABLED, env)
  reached, _ = environment.step_and_reset(np.array([0]))
  environment.step_and_reset(np.array([1]))
  assert env.actions == [5, 6]
  assert environment.action_spec().minimum == 0
  assert environment.action_spec().maximum == 1
  assert reached.observation.dtype == np.float32
  assert environment.observation_spec().dtype == np.float32


def test_images_stay_uint8():
  class Image(Counter):
    def __init__(self):
      super().__init__(2)
      self.observation_space = gym.spaces.Box(0, 255, (4, 4, 1), np.uint8)

    def _observe(self):
      return np.full((4, 4, 1), 255, np.uint8)

  environment = make(Mode.DISABLED, Image())
  reached, _ = environment.step_and_reset(np.array([0]))
  assert environment.observation_spec().dtype == np.uint8
  assert reached.observation.dtype == np.uint8
  assert reached.observation.max() == 255


def test_numbered_observations_begin_at_zero():
  class Numbered(Counter):
    def __init__(self):
      super().__init__(2)
      self.observation_space = gym.spaces.Discrete(7, start=3)

    def _observe(self):
      return np.int64(3 + self._step)

  environment = make(Mode.DISABLED, Numbered())
  assert environment.current_time_step().observation.tolist() == [0]
  assert environment.observation_spec().maximum == 6


def test_what_is_reached_is_not_overwritten_by_the_reset():
  environment = make(Mode.DISABLED, Counter(1))
  reached, after = environment.step_and_reset(np.array([0]))
  assert (reached.observation[0, 0], after.observation[0, 0]) == (1, 100)
  environment.step_and_reset(np.array([0]))
  assert (reached.observation[0, 0], after.observation[0, 0]) == (1, 100)


def test_in_a_graph_it_is_the_same():
  host = python_bridge.HostEnvironment(make(Mode.DISABLED, Counter(2)))
  step = tf.function(host.step_and_reset, autograph=False)
  host.current_time_step()
  step(tf.constant([1], tf.int64))
  reached, after = step(tf.constant([1], tf.int64))
  assert reached.observation.shape == (1, 1)
  assert reached.observation.numpy().tolist() == [[2]]
  assert (int(reached.step_type[0]), int(after.step_type[0])) == (LAST, FIRST)
  assert float(reached.discount[0]) == 0


@pytest.mark.parametrize(
  ("name", "vectorization", "mode"),
  [
    ("CartPole-v1", "sync", Mode.DISABLED),
    ("Acrobot-v1", "sync", Mode.DISABLED),
    ("CartPole-v1", "vector_entry_point", Mode.NEXT_STEP),
  ],
)
def test_gymnasiums_own_environments_run(name, vectorization, mode):
  environment = loading.make_training_environment(
    schema.EnvironmentConfig(
      name=name, num_envs=3, backend="gymnasium", vectorization=vectorization
    ),
    None,
    seeding.child_seed,
  )
  adapter = environment.pyenv
  assert adapter._env.metadata["autoreset_mode"] == mode
  ended = 0
  for _ in range(60):
    reached, _ = environment.step_and_reset(tf.constant([0, 1, 1], tf.int64))
    ended += int(tf.reduce_sum(tf.cast(reached.is_last(), tf.int32)))
  assert reached.observation.shape[0] == 3
  assert ended > 0 or name == "Acrobot-v1"


@pytest.mark.slow
def test_processes_of_their_own_run():
  environment = loading.make_training_environment(
    schema.EnvironmentConfig(
      name="CartPole-v1", num_envs=2, backend="gymnasium", vectorization="async"
    ),
    None,
    seeding.child_seed,
  )
  same = loading.make_training_environment(
    schema.EnvironmentConfig(
      name="CartPole-v1", num_envs=2, backend="gymnasium"
    ),
    None,
    seeding.child_seed,
  )
  for _ in range(30):
    action = tf.constant([0, 1], tf.int64)
    mine, theirs = (
      environment.step_and_reset(action),
      same.step_and_reset(action),
    )
    tf.nest.map_structure(np.testing.assert_array_equal, mine, theirs)
  environment.pyenv.close()


def test_a_module_is_imported_for_its_environments(tmp_path, monkeypatch):
  (tmp_path / "their_package.py").write_text(
    "import gymnasium as gym\n"
    "from gymnasium.envs.classic_control import CartPoleEnv\n"
    "gym.register('Theirs-v0', CartPoleEnv, max_episode_steps=7)\n"
  )
  monkeypatch.syspath_prepend(tmp_path)
  name = "their_package:Theirs-v0"
  assert making.environment_spec(name).max_episode_steps == 7
  env = making.make_evaluation_environment(schema.EnvironmentConfig(name))
  assert env.spec.max_episode_steps == 7


class Whole(Counter):
  """Acts in a Box of whole numbers, which nothing of ours can."""

  def __init__(self, render_mode=None):
    super().__init__(2)
    self.action_space = gym.spaces.Box(0, 9, (2,), np.int32)


gym.register("Whole-v0", Whole)


@pytest.mark.parametrize(
  ("name", "message"),
  [
    (
      "CartPol-v1",
      "unknown environment 'CartPol-v1'.*did you mean 'CartPole-v",
    ),
    ("no.such.module:X-v0", "cannot import 'no.such.module'"),
    ("Whole-v0", "'Whole-v0' has the action space Box.*a Box of floats"),
    ("Blackjack-v1", "'Blackjack-v1' has the observation space Tuple"),
  ],
)
def test_what_cannot_be_used_is_refused_by_name(name, message):
  with pytest.raises(errors.UserError, match=message) as caught:
    loading.make_training_environment(
      schema.EnvironmentConfig(name=name), None, seeding.child_seed
    )
  assert "\n" not in str(caught.value)


def test_an_unknown_autoreset_mode_is_refused():
  vector = gym.vector.SyncVectorEnv([lambda: Counter(2)])
  del vector.metadata["autoreset_mode"]
  with pytest.raises(errors.UserError, match="vectorization = 'sync'"):
    gymnasium_vector.GymnasiumEnvironment(vector, "X-v0", seeding.child_seed)


def test_a_tensor_version_that_does_not_exist_is_refused():
  with pytest.raises(errors.UserError, match="'Taxi-v3' has no tensor"):
    loading.is_tensor(schema.EnvironmentConfig("Taxi-v3", backend="tensor"))
  assert not loading.is_tensor(
    schema.EnvironmentConfig("Taxi-v3", backend="auto")
  )
  assert not loading.is_tensor(
    schema.EnvironmentConfig("CartPole-v1", backend="gymnasium")
  )
  assert loading.is_tensor(
    schema.EnvironmentConfig("CartPole-v1", backend="auto")
  )
