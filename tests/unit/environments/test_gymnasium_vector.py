"""gymnasium environments as TF-Agents time steps, one golden test per mode."""

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.config import seeding
from agents_pipeline.environments import gymnasium_vector

FIRST, MID, LAST = 0, 1, 2
Mode = gym.vector.AutoresetMode


class Counter(gym.Env):
  """Observes 100 * episode + step; an episode ends after `length` steps.

  Its actions count from 5, its observations are float64.
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
  """Steps with action 1; returns the current and the next time steps."""
  current, following = [environment.current_time_step()], []
  for _ in range(num_steps):
    next_time_step, time_step = environment.step_and_reset(
      np.ones(environment.batch_size, np.int64)
    )
    following.append(next_time_step)
    current.append(time_step)
  to_lists = lambda t: (
    t.step_type.tolist(), t.observation[:, 0].tolist(),
    t.reward.tolist(), t.discount.tolist(),
  )  # fmt: skip
  return [to_lists(t) for t in current[:-1]], [to_lists(t) for t in following]


@pytest.mark.parametrize("mode", [Mode.DISABLED, Mode.SAME_STEP])
def test_other_modes_reset_within_the_step(mode):
  current, following = play(make(mode, Counter(2), Counter(3, False, True)), 4)
  assert current == [
    ([FIRST, FIRST], [0, 0], [0, 0], [1, 1]),
    ([MID, MID], [1, 1], [0.5, 0.5], [1, 1]),
    ([FIRST, MID], [100, 2], [0, 1], [1, 1]),
    ([MID, FIRST], [101, 100], [0.5, 0], [1, 1]),
  ]
  assert following == [
    ([MID, MID], [1, 1], [0.5, 0.5], [1, 1]),
    ([LAST, MID], [2, 2], [1, 1], [0, 1]),  # terminated: discount 0
    ([MID, LAST], [101, 3], [0.5, 1.5], [1, 1]),  # truncated: it stays 1
    ([LAST, MID], [102, 101], [1, 0.5], [0, 1]),
  ]


def test_next_step_mode_takes_a_step_to_reset():
  current, following = play(
    make(Mode.NEXT_STEP, Counter(2), Counter(3, False, True)), 4
  )
  assert current == [
    ([FIRST, FIRST], [0, 0], [0, 0], [1, 1]),
    ([MID, MID], [1, 1], [0.5, 0.5], [1, 1]),
    ([LAST, MID], [2, 2], [1, 1], [0, 1]),
    ([FIRST, LAST], [100, 3], [0, 1.5], [1, 1]),
  ]
  assert following[2] == ([FIRST, LAST], [100, 3], [0, 1.5], [1, 1])
  assert following[3] == ([MID, FIRST], [101, 100], [0.5, 0], [1, 1])


@pytest.mark.parametrize("mode", list(Mode))
def test_terminated_and_truncated_together_mean_terminated(mode):
  _, following = play(make(mode, Counter(1, True, True)), 1)
  assert following == [([LAST], [1], [0.5], [0])]


def test_every_episode_has_its_own_seed():
  envs = Counter(2), Counter(3)
  play(make(Mode.DISABLED, *envs), 7)
  assert envs[0].seeds == [0, 1, 2, 3]
  assert envs[1].seeds == [1000, 1001, 1002]


def test_action_spaces_are_seeded():
  envs = Counter(2), Counter(2)
  environment = make(Mode.DISABLED, *envs)
  environment.reset()
  drawn = [[int(e.action_space.sample()) for _ in range(20)] for e in envs]
  again = []
  for env, seed in zip(envs, [0, 1000], strict=True):
    env.action_space.seed(seed)
    again.append([int(env.action_space.sample()) for _ in range(20)])
  assert drawn == again


def test_actions_count_from_the_start_of_the_space_and_observations_are_cast():
  env = Counter(9)
  environment = make(Mode.DISABLED, env)
  next_time_step, _ = environment.step_and_reset(np.array([0]))
  environment.step_and_reset(np.array([1]))
  assert env.actions == [5, 6]
  assert environment.action_spec().minimum == 0
  assert environment.action_spec().maximum == 1
  assert next_time_step.observation.dtype == np.float32
  assert environment.observation_spec().dtype == np.float32


def test_images_stay_uint8():
  class Image(Counter):
    def __init__(self):
      super().__init__(2)
      self.observation_space = gym.spaces.Box(0, 255, (4, 4, 1), np.uint8)

    def _observe(self):
      return np.full((4, 4, 1), 255, np.uint8)

  environment = make(Mode.DISABLED, Image())
  next_time_step, _ = environment.step_and_reset(np.array([0]))
  assert environment.observation_spec().dtype == np.uint8
  assert next_time_step.observation.dtype == np.uint8
  assert next_time_step.observation.max() == 255


def test_discrete_observations_count_from_zero():
  class DiscreteCounter(Counter):
    def __init__(self):
      super().__init__(2)
      self.observation_space = gym.spaces.Discrete(7, start=3)

    def _observe(self):
      return np.int64(3 + self._step)

  environment = make(Mode.DISABLED, DiscreteCounter())
  assert environment.current_time_step().observation.tolist() == [0]
  assert environment.observation_spec().maximum == 6


def test_a_reset_does_not_overwrite_the_next_time_step():
  environment = make(Mode.DISABLED, Counter(1))
  next_time_step, time_step = environment.step_and_reset(np.array([0]))
  assert next_time_step.observation == 1 and time_step.observation == 100
  environment.step_and_reset(np.array([0]))
  assert next_time_step.observation == 1 and time_step.observation == 100


def test_an_unknown_autoreset_mode_is_rejected():
  vector = gym.vector.SyncVectorEnv([lambda: Counter(2)])
  del vector.metadata["autoreset_mode"]
  with pytest.raises(errors.UserError, match="vectorization = 'sync'"):
    gymnasium_vector.GymnasiumEnvironment(vector, "X-v0", seeding.child_seed)
