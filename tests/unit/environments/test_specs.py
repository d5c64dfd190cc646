"""Which spaces agents can see and act in, and as what."""

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.environments import specs

spaces = gym.spaces


def summary(spec):
  """Shape, type, and the bounds as lists."""
  low, high = (np.asarray(x).tolist() for x in (spec.minimum, spec.maximum))
  return spec.shape, spec.dtype, low, high


@pytest.mark.parametrize(
  ("space", "expected"),
  [
    (spaces.Box(-2, 3, (2,), np.float64), ((2,), np.float32, [-2, -2], [3, 3])),
    (spaces.Box(-5, 5, (1,), np.int64), ((1,), np.float32, [-5], [5])),
    (
      spaces.Box(3, 9, (1, 2), np.uint8),
      ((1, 2), np.uint8, [[3, 3]], [[9, 9]]),
    ),
    (spaces.Box(0, 1, (1,), np.bool_), ((1,), np.uint8, [0], [1])),
    (spaces.Discrete(4, start=7), ((), np.int64, 0, 3)),
    (spaces.MultiBinary(3), ((3,), np.int8, 0, 1)),
  ],
)
def test_observations(space, expected):
  assert summary(specs.observation_spec(space, "X-v0")) == expected


@pytest.mark.parametrize(
  ("space", "expected"),
  [
    (spaces.Discrete(4, start=7), ((), np.int64, 0, 3)),
    (spaces.MultiDiscrete([3, 2]), ((2,), np.int64, 0, [2, 1])),
    (spaces.Box(-2, 3, (1,), np.float64), ((1,), np.float32, [-2], [3])),
  ],
)
def test_actions(space, expected):
  assert summary(specs.action_spec(space, "X-v0")) == expected


SEEN, DONE = specs.observation_spec, specs.action_spec


@pytest.mark.parametrize(
  ("make", "space", "expected"),
  [
    (SEEN, spaces.Text(9), "Box, Discrete, MultiDiscrete, MultiBinary, or"),
    (SEEN, spaces.Box(0, 1, (0, 3)), "at least one number, not an empty"),
    (DONE, spaces.Box(0, 9, (2,), np.int32), "Discrete, a flat MultiDisc"),
    (DONE, spaces.MultiDiscrete([[3, 2]]), "Discrete, a flat MultiDisc"),
  ],
)
def test_other_spaces_are_rejected(make, space, expected):
  with pytest.raises(errors.UserError) as caught:
    make(space, "X-v0")
  kind = "observation" if make is SEEN else "action"
  begin = f"environment 'X-v0' has the {kind} space {space}: "
  assert str(caught.value).startswith(begin)
  assert f"expected {expected}" in str(caught.value)
