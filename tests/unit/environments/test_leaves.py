"""Dict and Tuple observations as leaves, and which actions are allowed."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from agents_pipeline import errors
from agents_pipeline.config import encoders, schema
from agents_pipeline.environments import checks, leaves

NESTED = spaces.Dict(
  {
    "image": spaces.Box(0, 255, (8, 8, 3), np.uint8),
    "goal": spaces.Dict({"position": spaces.Box(-1, 1, (2,))}),
    "cards": spaces.Tuple((spaces.Discrete(3, start=1), spaces.Discrete(2))),
    "mission": spaces.Text(10),
  }
)
OBSERVATION = {
  "image": np.zeros((8, 8, 3), np.uint8),
  "goal": {"position": np.ones(2, np.float32)},
  "cards": (2, 1),
  "mission": "go",
}


def config(action_mask=None, **keys):
  return schema.EnvironmentConfig(
    "Some-v0",
    encoder=encoders.ObservationEncoder(keys),
    action_mask=action_mask,
  )


def make(space=NESTED, actions=None, **chosen):
  return leaves.Leaves(space, actions or spaces.Discrete(3), config(**chosen))


def test_the_name_of_a_leaf_is_the_path_to_it():
  made = make(mission="dropped")
  assert list(made.space) == [
    "observation/cards/0",
    "observation/cards/1",
    "observation/goal/position",
    "observation/image",
  ]
  found = made.of(OBSERVATION, {}, is_terminal=False)
  assert found.keys() == set(made.space)
  assert found["observation/cards/0"] == 2
  assert found["observation/goal/position"] is OBSERVATION["goal"]["position"]


@pytest.mark.parametrize(
  ("observation", "message"),
  [
    ({**OBSERVATION, "goal": 3}, "observation/goal is 3; expected the keys"),
    ({"image": 1}, "expected the keys cards, goal, image, mission"),
    ({**OBSERVATION, "cards": (1,)}, r"cards is \(1,\); expected a tuple of 2"),
  ],
)  # fmt: skip
def test_what_does_not_fit_the_space_is_named(observation, message):
  with pytest.raises(checks.InvalidValueError, match=message):
    make().of(observation, {}, is_terminal=False)


@pytest.mark.parametrize(
  ("chosen", "message"),
  [
    ({"images": "dropped"}, "'images' is no key .* did you mean 'image'"),
    ({"action_mask": "masks"}, "action_mask = 'masks': no key of"),
    ({"action_mask": "image"}, "expected one number for each of 3 actions"),
  ],
)
def test_unknown_keys_are_rejected_with_the_nearest(chosen, message):
  with pytest.raises(errors.UserError, match=message):
    make(**chosen)


NUMBER = spaces.Discrete(4)


@pytest.mark.parametrize(
  ("keys", "message"),
  [
    ({"größe": NUMBER}, "observes the key 'größe'; expected letters"),
    ({"A": NUMBER, "a": NUMBER}, "keys 'A' and 'a', which would be one"),
    ({"a b": NUMBER, "a_b": NUMBER}, "keys 'a b' and 'a_b', which would be"),
    (
      {"a/b": NUMBER, "a": spaces.Dict({"b": NUMBER})},
      "keys 'a/b' and 'a/b', which would be one input",
    ),
    (
      {"goal_x": NUMBER, "goal": spaces.Dict({"x": NUMBER})},
      "keys 'goal/x' and 'goal_x', which would be one input",
    ),
  ],
)
def test_keys_that_cannot_be_served_are_refused(keys, message):
  with pytest.raises(errors.UserError, match=message):
    make(spaces.Dict(keys))


def test_a_key_that_cannot_be_served_may_be_dropped():
  space = spaces.Dict({"größe": NUMBER, "x": NUMBER})
  made = make(space, größe="dropped")
  assert list(made.space) == ["observation/x"]


def test_the_mask_is_no_input_to_be_encoded():
  space = spaces.Dict({"m": spaces.MultiBinary(3), "x": NUMBER})
  with pytest.raises(errors.UserError, match="'m' is EnvironmentConfig.action"):
    make(space, action_mask="m", m="flat")


def test_the_masks_of_all_copies_are_checked_as_that_of_one():
  space = spaces.Dict({"m": spaces.Box(0, 1, (2,)), "x": NUMBER})
  made = make(space, spaces.Discrete(2), action_mask="m")
  x = np.array([1, 2])
  found = made.of_batch({"m": np.array([[0.0, 1], [1, 1]]), "x": x})
  assert found["action_mask"].tolist() == [[0, 1], [1, 1]]
  with pytest.raises(checks.InvalidValueError, match="expected 1 for each"):
    made.of_batch({"m": np.array([[0.9, 1], [1, 1]]), "x": x})


def test_a_ragged_mask_is_named():
  made = make(NESTED, action_mask="info", mission="dropped")
  with pytest.raises(checks.InvalidValueError, match=r"info\['action_mask'\]"):
    made.of(OBSERVATION, {"action_mask": [1, [0, 1], 1]}, is_terminal=False)


def test_something_has_to_be_left_of_an_observation():
  one = spaces.Dict({"mask": spaces.MultiBinary(3)})
  with pytest.raises(errors.UserError, match="nothing is left"):
    make(one, action_mask="mask")
  with pytest.raises(errors.UserError, match="nothing is left"):
    make(one, mask="dropped")


def test_a_mask_comes_from_the_info_or_from_a_key():
  plain = make(spaces.Discrete(4), action_mask="info")
  assert list(plain.space) == ["action_mask", "observation"]
  info = {"action_mask": np.array([True, False, True])}
  found = plain.of(2, info, is_terminal=False)
  assert found["action_mask"].dtype == np.int8
  assert found["action_mask"].tolist() == [1, 0, 1]
  space = spaces.Dict({"x": spaces.Discrete(4), "may": spaces.MultiBinary(3)})
  of_key = make(space, action_mask="may")
  assert list(of_key.space) == ["action_mask", "observation/x"]
  found = of_key.of({"x": 1, "may": [0, 0, 1]}, {}, is_terminal=False)
  assert found["action_mask"].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
  ("info", "message"),
  [
    ({}, r"it gives no info\['action_mask'\]; expected it with every"),
    ({"action_mask": [1, 1]}, "expected 3 numbers"),
    ({"action_mask": [1, 2, 0]}, "1 for each allowed action"),
    ({"action_mask": [0, 0, 0]}, "allows no action; expected at least one"),
  ],
)
def test_a_mask_that_says_nothing_is_an_error(info, message):
  made = make(spaces.Discrete(4), action_mask="info")
  with pytest.raises(checks.InvalidValueError, match=message):
    made.of(2, info, is_terminal=False)


def test_after_the_end_of_an_episode_nothing_has_to_be_allowed():
  made = make(spaces.Discrete(4), action_mask="info")
  assert made.of(2, {}, is_terminal=True)["action_mask"].tolist() == [1, 1, 1]
  none = made.of(2, {"action_mask": [0, 0, 0]}, is_terminal=True)
  assert none["action_mask"].tolist() == [0, 0, 0]


def test_a_plain_observation_stays_as_it_is():
  env = gym.make("CartPole-v1")
  assert leaves.wrapper(env, config()) is env


def test_functions_reach_every_leaf():
  twice = lambda x: 2 * x
  assert leaves.map_leaves(twice, 3) == 6
  assert leaves.map_leaves(twice, {"a": 1, "b": 2}) == {"a": 2, "b": 4}
  assert list(leaves.arrays(5)) == [("observation", 5)]
