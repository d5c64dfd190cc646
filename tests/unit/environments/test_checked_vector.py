"""What a vector environment returns: converted, or rejected."""

import sys

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.environments import checked_vector, gymnasium_vector

Mode = gym.vector.AutoresetMode
FIRST, MID, LAST = 0, 1, 2
BOX = gym.spaces.Box(-10, 10, (1,), np.float32)


class VectorEnv(gym.vector.VectorEnv):
  """Two copies; the first ends its episodes after 2 steps, the second never.

  Observations are 10 * copy + step of the episode. `change` is applied to what
  a step returns.
  """

  def __init__(
    self,
    change=lambda *returned: returned,
    mode=Mode.SAME_STEP,
    space=BOX,
    shape=(2, 1),
  ):
    self.num_envs = 2
    self.metadata = {"autoreset_mode": mode}
    self.single_observation_space = space
    self.single_action_space = gym.spaces.Discrete(2)
    self.change, self.ages, self.shape = change, np.zeros(2, int), shape

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
    return self.change(
      self.observe(self.ages), np.array([0.5, 1.0]), ended, ended & False, info
    )


def play(vector, num_steps=2):
  """Returns the next and the current time step of the last step."""
  environment = gymnasium_vector.GymnasiumEnvironment(
    checked_vector.CheckedVectorEnv(vector, "Own-v0", None, 1.0),
    "Own-v0",
    lambda i, n: 0,
  )
  for _ in range(num_steps):
    time_steps = environment.step_and_reset(np.zeros(2, np.int64))
  return time_steps


@pytest.mark.parametrize(
  "change",
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
def test_unambiguous_values_are_converted(change):
  next_time_step, time_step = play(VectorEnv(change))
  assert next_time_step.step_type.tolist() == [LAST, MID]
  assert next_time_step.discount.tolist() == [0, 1]
  assert next_time_step.discount.dtype == np.float32
  assert next_time_step.reward.tolist() == [0.5, 1]
  assert next_time_step.observation.tolist() == [[2], [12]]
  assert time_step.step_type.tolist() == [FIRST, MID]
  assert time_step.discount.tolist() == [1, 1]
  assert time_step.observation.tolist() == [[0], [12]]


def at_the_end(change):
  """Applies a change only when the first copy's episode ends, in step 2."""
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
      "copy 0, step 2 of its episode: its observation is not a numeric array; "
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
      "all copies, step 2 of its episode: its reward is not a numeric array; "
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
      "all copies, step 2 of its episode: its observation is not a numeric "
      "array; expected shape (2, 1), one for each copy",
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
def test_other_values_are_rejected_in_one_line(change, message):
  with pytest.raises(errors.EnvironmentFailure) as caught:
    play(VectorEnv(at_the_end(change)))
  assert str(caught.value) == f"environment 'Own-v0', {message}"


def test_discrete_observations_must_be_in_their_space():
  space = gym.spaces.Discrete(5, start=8)
  change = lambda o, *rest: (np.array([8, 13]), *rest)
  vector = VectorEnv(change, Mode.NEXT_STEP, space, (2,))
  vector.observe = lambda ages: np.array([8, 12])
  with pytest.raises(errors.EnvironmentFailure) as caught:
    play(vector, 1)
  assert str(caught.value) == (
    "environment 'Own-v0', copy 1, step 1 of its episode: its observation is "
    "13; expected Discrete(5, start=8), as it declares"
  )


def test_a_system_exit_is_reported():
  vector = VectorEnv(lambda *returned: sys.exit(7))
  with pytest.raises(errors.EnvironmentFailure, match="SystemExit: 7"):
    play(vector)


def test_unchecked_copies_get_no_label():
  vector = gym.vector.SyncVectorEnv([lambda: gym.make("CartPole-v1")])
  checked_vector.CheckedVectorEnv(vector, "Own-v0", None, 1.0)
  assert not hasattr(vector.envs[0], "label")


def test_the_results_of_a_reset_are_checked():
  vector = VectorEnv()
  vector.reset = lambda **fields: (np.zeros((3, 1), np.float32), {})
  with pytest.raises(errors.EnvironmentFailure, match=r"shape \(3, 1\); exp"):
    play(vector)
  vector.reset = lambda **fields: np.zeros((2, 1), np.float32)
  with pytest.raises(errors.EnvironmentFailure, match="step 0 of its episode"):
    play(vector)
