"""Dict and Tuple observations, as the flat dict of what is in them.

A leaf is a space that holds no others. Its name is the path to it:
`observation/image`, `observation/goal/position`, `observation/0` of a Tuple.
So the rest of the pipeline handles two kinds of observation: an array, and a
dict of arrays. The mask of the allowed actions is a leaf too, `action_mask`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from agents_pipeline import errors
from agents_pipeline.config import encoders, schema
from agents_pipeline.config.encoders import ACTION_MASK, OBSERVATION
from agents_pipeline.environments import checks

_NESTS = (gym.spaces.Dict, gym.spaces.Tuple)


def wrapper(env: gym.Env, config: schema.EnvironmentConfig) -> gym.Env:
  """Returns the environment with leaves, or as it is if it needs none.

  Args:
    env: the environment, with all other wrappers.
    config: the settings of which keys are dropped and where the action mask is.

  Raises:
    UserError: a key of `config` does not exist, or is no action mask.
  """
  if needs_leaves(env.observation_space, config):
    return LeavesObservation(env, config)
  return env


def needs_leaves(space: gym.Space, config: schema.EnvironmentConfig) -> bool:
  """Whether observations of a space become a dict of leaves."""
  return (
    isinstance(space, _NESTS)
    or config.action_mask is not None
    or bool(config.encoder.keys)
  )


class LeavesObservation(gym.Wrapper):
  """Gives the leaves of an observation, and the action mask among them."""

  def __init__(self, env: gym.Env, config: schema.EnvironmentConfig):
    """Wraps an environment; see `wrapper`."""
    super().__init__(env)
    self._leaves = Leaves(env.observation_space, env.action_space, config)
    self.observation_space = self._leaves.space

  def reset(self, *, seed: int | None = None, options: dict | None = None):
    """Begins an episode."""
    observation, info = self.env.reset(seed=seed, options=options)
    return self._leaves.of(observation, info, is_terminal=False), info

  def step(self, action):
    """Does one env step."""
    observation, reward, terminated, truncated, info = self.env.step(action)
    leaves = self._leaves.of(observation, info, is_terminal=bool(terminated))
    return leaves, reward, terminated, truncated, info


class Leaves:
  """Converts the observations of a space to their leaves.

  Attributes:
    space: a Dict of the spaces of the leaves by name, without the dropped ones.
  """

  def __init__(
    self,
    observation_space: gym.Space,
    action_space: gym.Space,
    config: schema.EnvironmentConfig,
  ):
    """Chooses the leaves.

    Args:
      observation_space: the observation space of one copy.
      action_space: the action space of one copy.
      config: the settings of which keys are dropped and where the action mask
        is.

    Raises:
      UserError: a key of `config` does not exist, or is no action mask.
    """
    self._space = observation_space
    self._name = config.name
    found = list(leaf_spaces(observation_space))
    self._check_keys(dict(found), config.encoder.keys)
    dropped = {
      f"{OBSERVATION}/{key}"
      for key, kind in config.encoder.keys.items()
      if kind == encoders.DROPPED
    }
    self._names = [name for name, _ in found if name not in dropped]
    _check_names(self._names, config.name)
    spaces = {name: s for name, s in found if name not in dropped}
    self._in_info = config.action_mask == "info"
    self._mask_leaf = None
    self._num_actions = 0
    if config.action_mask is not None:
      self._num_actions = self._check_actions(action_space, config)
      if not self._in_info:
        self._check_mask_key(spaces, config)
        self._mask_leaf = f"{OBSERVATION}/{config.action_mask}"
        self._check_mask_space(config.action_mask, spaces.pop(self._mask_leaf))
      spaces[ACTION_MASK] = gym.spaces.MultiBinary(self._num_actions)
    if not spaces.keys() - {ACTION_MASK}:
      raise errors.UserError(
        f"environment {self._name!r}: nothing is left of the observation "
        f"{observation_space}; expected at least one key that is not 'dropped'"
      )
    self.space = gym.spaces.Dict(spaces)

  def of(self, observation: Any, info: Any, *, is_terminal: bool) -> dict:
    """The leaves of one observation [...], by name.

    Args:
      observation: the observation that the environment returned.
      info: the info that was returned with it.
      is_terminal: whether the episode terminated here: then no action follows,
        and the mask need not allow one.

    Raises:
      InvalidValueError: the observation or the mask is not what the space
        declares.
    """
    leaves = self._chosen(observation)
    if self._num_actions:
      mask = leaves.pop(self._mask_leaf, None)
      if self._in_info and isinstance(info, Mapping):
        mask = info.get(ACTION_MASK)
      leaves[ACTION_MASK] = self._to_mask(mask, is_terminal)
    return leaves

  def of_batch(self, observation: Any) -> dict:
    """The leaves of the observations [B, ...] of all copies, by name.

    The action mask, if there is one, is one of their keys.
    """
    leaves = self._chosen(observation)
    if self._mask_leaf is not None:
      # Where an episode has just ended, no action has to be allowed.
      mask = _as_array(leaves.pop(self._mask_leaf))
      if mask.dtype.kind not in "biuf" or not np.isin(mask, (0, 1)).all():
        raise checks.InvalidValueError(
          None,
          f"its {self._mask_leaf} is {checks.describe(mask)}; expected 1 for "
          "each allowed action and 0 for others",
        )
      leaves[ACTION_MASK] = mask.astype(np.int8)
    return leaves

  def _chosen(self, observation: Any) -> dict:
    values = dict(_leaf_values(self._space, observation, OBSERVATION))
    return {name: values[name] for name in self._names}

  def _to_mask(self, value: Any, is_terminal: bool) -> np.ndarray:
    """The mask, [A] int8; a terminal step may lack it, or allow nothing."""
    where = "info['action_mask']" if self._in_info else self._mask_leaf
    if value is None and is_terminal:
      return np.ones(self._num_actions, np.int8)
    if value is None:
      raise checks.InvalidValueError(
        None, f"it gives no {where}; expected it with every observation"
      )
    mask = _as_array(value)
    fits = mask.shape == (self._num_actions,) and mask.dtype.kind in "biuf"
    if not fits or not np.isin(mask, (0, 1)).all():
      raise checks.InvalidValueError(
        None,
        f"its {where} is {checks.describe(value)}; expected "
        f"{self._num_actions} numbers, 1 for each allowed action and 0 for "
        "others",
      )
    if not mask.any() and not is_terminal:
      raise checks.InvalidValueError(
        None, f"its {where} allows no action; expected at least one"
      )
    return mask.astype(np.int8)

  def _check_keys(self, spaces: Mapping, keys: Mapping) -> None:
    known = _keys_of(spaces)
    for key in keys:
      if key not in known:
        expected = f"one of {', '.join(known)}"
        if not known:
          expected = "no such binding, as these have no keys"
        raise errors.UserError(
          f"ObservationEncoder.keys: {key!r} is no key of the observations of "
          f"{self._name!r}; expected {expected}{errors.nearest(key, known)}"
        )

  def _check_mask_key(self, spaces: Mapping, config) -> None:
    """Refuses the mask's key where it does not exist, or has another use."""
    key, field = config.action_mask, "EnvironmentConfig.action_mask"
    if key in config.encoder.keys:
      raise errors.UserError(
        f"ObservationEncoder.keys: {key!r} is {field}, and no input of the "
        "network; expected nothing about it"
      )
    known = _keys_of(spaces)
    if key not in known:
      expected = ", ".join(["'info'", *known])
      raise errors.UserError(
        f"{field} = {key!r}: no key of the observations of {self._name!r}; "
        f"expected {expected}{errors.nearest(key, ['info', *known])}"
      )

  def _check_actions(self, space: gym.Space, config) -> int:
    if not isinstance(space, gym.spaces.Discrete):
      raise errors.UserError(
        f"EnvironmentConfig.action_mask = {config.action_mask!r}: "
        f"{self._name!r} has the action space {space}; expected Discrete"
      )
    return int(space.n)

  def _check_mask_space(self, key: str, space: gym.Space) -> None:
    if space.shape != (self._num_actions,):
      raise errors.UserError(
        f"EnvironmentConfig.action_mask = {key!r}: this key of {self._name!r} "
        f"is {space}; expected one number for each of {self._num_actions} "
        "actions"
      )


def _keys_of(spaces: Mapping) -> list[str]:
  """The keys of leaves as a user knows them; [] where there is an array."""
  keys = [name.removeprefix(f"{OBSERVATION}/") for name in spaces]
  return [] if keys == [OBSERVATION] else keys


def _check_names(names: list[str], environment: str) -> None:
  """Refuses names that TensorFlow cannot tell apart when they are served.

  Raises:
    UserError: a name cannot be used; the message names its key, and what it
      cannot be told from.
  """
  served: dict[str, str] = {}
  for name in names:
    key = name.removeprefix(f"{OBSERVATION}/")
    if not re.fullmatch(r"[A-Za-z0-9_.\-/ ]+", key):
      raise errors.UserError(
        f"environment {environment!r} observes the key {key!r}; expected "
        "letters without accents, digits, '_', '-' and '.', as its name is an "
        "input of the policy; a wrapper can rename it, 'dropped' leaves it out"
      )
    # As TensorFlow names nodes of a graph: whatever the case of letters.
    as_served = re.sub(r"\W", "_", name).lower()
    if as_served in served:
      raise errors.UserError(
        f"environment {environment!r} observes the keys {served[as_served]!r} "
        f"and {key!r}, which would be one input of the policy; a wrapper can "
        "rename one of them, 'dropped' leaves it out"
      )
    served[as_served] = key


def _as_array(value: Any) -> np.ndarray:
  """Converts anything to an array; to a text if its parts differ in length."""
  try:
    return np.asarray(value)
  except ValueError:
    return np.asarray(str(value))


def leaf_spaces(
  space: gym.Space, name: str = OBSERVATION
) -> Iterator[tuple[str, gym.Space]]:
  """Yields the name and space of each leaf; a space without any is its own."""
  if not isinstance(space, _NESTS):
    yield name, space
    return
  for key, inner in _items(space):
    yield from leaf_spaces(inner, f"{name}/{key}")


def _leaf_values(
  space: gym.Space, value: Any, name: str
) -> Iterator[tuple[str, Any]]:
  """Yields the name and the value of each leaf; values may be batches."""
  if not isinstance(space, _NESTS):
    yield name, value
    return
  is_dict = isinstance(space, gym.spaces.Dict)
  fits = (
    isinstance(value, Mapping) and value.keys() >= space.spaces.keys()
    if is_dict
    else isinstance(value, (tuple, list)) and len(value) == len(space.spaces)
  )
  if not fits:
    expected = f"the keys {', '.join(map(str, space.spaces))}"
    if not is_dict:
      expected = f"a tuple of {len(space.spaces)}"
    raise checks.InvalidValueError(
      None,
      f"its {name} is {checks.short_repr(value)}; expected {expected}",
    )
  for key, inner in _items(space):
    yield from _leaf_values(inner, value[key], f"{name}/{key}")


def _items(space: gym.Space) -> Iterator[tuple[Any, gym.Space]]:
  if isinstance(space, gym.spaces.Dict):
    return iter(space.spaces.items())
  return iter(enumerate(space.spaces))


def map_leaves(function: Callable, *observations: Any) -> Any:
  """Applies a function to arrays, or to the arrays of each leaf."""
  first = observations[0]
  if not isinstance(first, dict):
    return function(*observations)
  return {name: function(*(o[name] for o in observations)) for name in first}


def arrays(observation: Any) -> Iterator[tuple[str, np.ndarray]]:
  """Yields the name and array of each leaf; an array is one leaf by itself."""
  if isinstance(observation, dict):
    yield from observation.items()
  else:
    yield OBSERVATION, observation
