"""What a vector environment of its own returns: taken as meant, or refused."""

import sys

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.environments import (
  checked,
  checked_vector,
  checks,
  gymnasium_vector,
)

Mode = gym.vector.AutoresetMode
FIRST, MID, LAST = 0, 1, 2
BOX = gym.spaces.Box(-10, 10, (1,), np.float32)


class Vector(gym.vector.VectorEnv):
  """Two copies; the first ends its episodes after 2 steps, the second never.

  Observations are 10 * copy + step of the episode. `odd` changes what a step
  returns.
  """

  def __init__(
    self, odd=lambda *found: found, mode=Mode.SAME_STEP, space=BOX, shape=(2, 1)
  ):
    self.num_envs = 2
    self.metadata = {"autoreset_mode": mode}
    self.single_observation_space = space
    self.single_action_space = gym.spaces.Discrete(2)
    self.odd, self.ages, self.shape = odd, np.zeros(2, int), shape

  def observe(self, ages):
    now = np.array([0, 10]) + ages
    return now.reshape(self.shape).astype(self.single_observation_space.dtype)

  def reset(self, *, seed=None, options=None):
    self.ages[:] = 0
    return self.observe(self.ages), {}

  def step(self, actions):
    self.ages += 1
    ended = np.array([self.ages[0] == 2, False])
    last = self.observe(self.ages)
    info = {"final_obs": last} if ended.any() else {}
    self.ages[ended] = 0
    return self.odd(
      self.observe(self.ages), np.array([0.5, 1.0]), ended, ended & False, info
    )


def play(vector, num_steps=2):
  """The time steps reached by the last of some steps."""
  environment = gymnasium_vector.GymnasiumEnvironment(
    checked_vector.WatchedVectorEnv(vector, "Own-v0", None, 1.0),
    "Own-v0",
    lambda i, n: 0,
  )
  for _ in range(num_steps):
    reached, after = environment.step_and_reset(np.zeros(2, np.int64))
  return reached, after


@pytest.mark.parametrize(
  "odd",
  [
    lambda o, r, t, u, i: (o, r, t.astype(np.uint8), u.astype(np.uint8), i),
    lambda o, r, t, u, i: (o, r, t.astype(np.int64), u.astype(np.int8), i),
    lambda o, r, t, u, i: (o, r, t.astype(float), u.astype(float), i),
    lambda o, r, t, u, i: (o, r.tolist(), t.tolist(), u.tolist(), i),
    lambda o, r, t, u, i: (o.tolist(), r.astype(np.float32), t, u, i),
    lambda o, r, t, u, i: (o.astype(np.float64), tuple(r), t, u, i),
    # Only the copies that ended have one.
    lambda o, r, t, u, i: (o, r, t, u, {k: [v[0], None] for k, v in i.items()}),
  ],
  ids=["uint8", "ints", "floats", "lists", "nested", "tuples", "final objects"],
)
def test_what_is_meant_is_taken(odd):
  reached, after = play(Vector(odd))
  assert reached.step_type.tolist() == [LAST, MID]
  assert reached.discount.tolist() == [0, 1]
  assert reached.discount.dtype == np.float32
  assert reached.reward.tolist() == [0.5, 1]
  assert reached.observation.tolist() == [[2], [12]]
  assert after.step_type.tolist() == [FIRST, MID]
  assert after.discount.tolist() == [1, 1]
  assert after.observation.tolist() == [[0], [12]]


def at_the_end(change):
  """Changes what is returned when the first copy's episode ends, step 2."""
  return lambda o, r, t, u, i: change(o, r, t, u, i) if i else (o, r, t, u, i)


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (
      lambda o, r, t, u, i: (o, r, t, u, {"final_observation": o}),
      "copy 0, step 2 of its episode: its info has no 'final_obs', the last "
      "observation of an episode that ends in a vector environment with "
      "autoreset mode SAME_STEP (it has 'final_observation', as before "
      "gymnasium 1.0)",
    ),
    (
      lambda o, r, t, u, i: (o, r, t, u, {"final_obs": [None, None]}),
      "copy 0, step 2 of its episode: its observation is no array of numbers; "
      "expected Box(-10.0, 10.0, (1,), float32), as it declares",
    ),
    (
      lambda o, r, t, u, i: (o, r, t, u, {"final_obs": np.zeros((2, 3))}),
      "copy 0, step 2 of its episode: its observation is float64 of shape "
      "(3,); expected Box(-10.0, 10.0, (1,), float32), as it declares",
    ),
    (
      lambda o, r, t, u, i: (o, r, t, u, {"final_obs": o * np.nan}),
      "copy 0, step 2 of its episode: its final observation is not finite: "
      "[nan]",
    ),
    (
      lambda o, r, t, u, i: (o, r, t * 2, u, i),
      "copy 0, step 2 of its episode: its terminated is 2; expected True or "
      "False",
    ),
    (
      lambda o, r, t, u, i: (o, r, t, np.array([0, np.nan]), i),
      "copy 1, step 2 of its episode: its truncated is nan; expected True or "
      "False",
    ),
    (
      lambda o, r, t, u, i: (o, r, t[:, None], u, i),
      "all copies, step 2 of its episode: its terminated is bool of shape "
      "(2, 1); expected shape (2,), one for each copy",
    ),
    (
      lambda o, r, t, u, i: (o, r, t[:1], u, i),
      "all copies, step 2 of its episode: its terminated is bool of shape "
      "(1,); expected shape (2,), one for each copy",
    ),
    (
      lambda o, r, t, u, i: (o, r, np.array(["True", "False"]), u, i),
      "all copies, step 2 of its episode: its terminated is <U5 of shape (2,); "
      "expected bool",
    ),
    (
      lambda o, r, t, u, i: (o, r[:, None], t, u, i),
      "all copies, step 2 of its episode: its reward is float64 of shape "
      "(2, 1); expected shape (2,), one for each copy",
    ),
    (
      lambda o, r, t, u, i: (o, [None, 1.0], t, u, i),
      "all copies, step 2 of its episode: its reward is no array of numbers; "
      "expected numbers",
    ),
    (
      lambda o, r, t, u, i: (o, np.array([1.0, 1e39]), t, u, i),
      "copy 1, step 2 of its episode: its reward is beyond the range of "
      "float32: 1e+39",
    ),
    (
      lambda o, r, t, u, i: (np.concatenate([o, o], 1), r, t, u, i),
      "all copies, step 2 of its episode: its observation is float32 of shape "
      "(2, 2); expected shape (2, 1), one for each copy",
    ),
    (
      lambda o, r, t, u, i: (o.astype(complex), r, t, u, i),
      "all copies, step 2 of its episode: its observation is complex128 of "
      "shape (2, 1); expected Box(-10.0, 10.0, (1,), float32), as it declares",
    ),
    (
      lambda o, r, t, u, i: ([[1], [2, 3]], r, t, u, i),
      "all copies, step 2 of its episode: its observation is no array of "
      "numbers; expected shape (2, 1), one for each copy",
    ),
    (
      lambda o, r, t, u, i: (o, r, t, u, [i]),
      "all copies, step 2 of its episode: its info is [{'final_obs': array([[ "
      "2.], [12.]], dty; expected a dict",
    ),
    (
      lambda o, r, t, u, i: (o, r, t, i),
      "all copies, step 2 of its episode: ValueError: not enough values to "
      "unpack (expected 5, got 4)",
    ),
  ],
)  # fmt: skip
def test_what_is_not_meant_is_refused_in_one_line(change, message):
  with pytest.raises(errors.EnvironmentFailure) as caught:
    play(Vector(at_the_end(change)))
  assert str(caught.value) == f"environment 'Own-v0', {message}"


def test_numbers_of_a_discrete_space_are_within_it():
  space = gym.spaces.Discrete(5, start=8)
  odd = lambda o, *rest: (np.array([8, 13]), *rest)
  vector = Vector(odd, Mode.NEXT_STEP, space, (2,))
  vector.observe = lambda ages: np.array([8, 12])
  with pytest.raises(errors.EnvironmentFailure) as caught:
    play(vector, 1)
  assert str(caught.value) == (
    "environment 'Own-v0', copy 1, step 1 of its episode: its observation is "
    "13; expected Discrete(5, start=8), as it declares"
  )


def test_an_exit_within_a_vector_environment_is_told():
  vector = Vector(lambda *found: sys.exit(7))
  with pytest.raises(errors.EnvironmentFailure, match="SystemExit: 7"):
    play(vector)


def test_copies_of_a_vector_version_of_its_own_are_left_alone():
  vector = gym.vector.SyncVectorEnv([Single])
  checked_vector.WatchedVectorEnv(vector, "Own-v0", None, 1.0)
  assert not hasattr(vector.envs[0], "who")


def test_what_a_reset_returns_is_checked_as_well():
  vector = Vector()
  vector.reset = lambda **fields: (np.zeros((3, 1), np.float32), {})
  with pytest.raises(errors.EnvironmentFailure, match=r"shape \(3, 1\); exp"):
    play(vector)
  vector.reset = lambda **fields: np.zeros((2, 1), np.float32)
  with pytest.raises(errors.EnvironmentFailure, match="step 0 of its episode"):
    play(vector)


@pytest.mark.parametrize("told", [None, "SameStep", "next_step", True])
def test_the_autoreset_mode_is_gymnasiums(told):
  vector = Vector(mode=told)
  if told == "SameStep":  # the value of gymnasium's own
    assert checks.autoreset_mode(vector, "Own-v0") is Mode.SAME_STEP
    return
  with pytest.raises(errors.UserError, match="expected one of Auto") as caught:
    checked_vector.WatchedVectorEnv(vector, "Own-v0", None, 1.0)
  assert "\n" not in str(caught.value)


class Single(gym.Env):
  """Returns what it is told to, once."""

  observation_space = BOX
  action_space = gym.spaces.Discrete(2)

  def __init__(self, reward=1.0, terminated=False, observation=(0.0,)):
    self.found = list(observation), reward, terminated, False, {"a": object()}

  def reset(self, *, seed=None, options=None):
    return np.zeros(1, np.float32), {"b": [1, 2]}

  def step(self, action):
    return self.found


@pytest.mark.parametrize(
  ("value", "expected"),
  [
    (np.True_, True),
    (np.array(True), True),
    (np.uint8(1), True),
    (0, False),
    (1.0, True),
  ],
)
def test_a_single_environments_ends_are_taken_as_bool(value, expected):
  step = checked.Watched(Single(terminated=value), "X-v0").step(0)
  assert step[2] is expected or step[2] == expected
  assert type(step[2]) in (bool, np.bool_)


@pytest.mark.parametrize(
  "value", [None, 2, 0.5, "True", np.array([True]), [], [[1], [1, 2]]]
)
def test_what_is_no_end_is_refused(value):
  with pytest.raises(errors.EnvironmentFailure, match="to be True or False"):
    checked.Watched(Single(terminated=value), "X-v0").step(0)


def test_infos_are_not_passed_on():
  env = checked.Watched(Single(), "X-v0")
  assert env.reset()[1] == {}
  assert env.step(0)[4] == {}


@pytest.mark.parametrize(
  ("reward", "problem"),
  [
    (float("nan"), "not finite: nan"),
    (float("-inf"), "not finite: -inf"),
    (1e39, "beyond the range of float32: 1e+39"),
  ],
)
def test_a_single_environments_reward_is_a_float32(reward, problem):
  with pytest.raises(errors.EnvironmentFailure) as caught:
    checked.Watched(Single(reward), "X-v0").step(0)
  assert str(caught.value).endswith(f"its reward is {problem}")
  checked.Watched(Single(3e38), "X-v0").step(0)


def test_the_greatest_float32_is_one():
  most = float(np.finfo(np.float32).max)
  values = np.array([most, -most, 2 * most, np.inf, np.nan])
  assert checks.in_float32(values).tolist() == [True, True, False, False, False]
  assert checks.in_float32(np.array([1, 255], np.uint8)).all()
