"""Copies of an environment in Ray actors, stepped together."""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import gymnasium as gym
import numpy as np

from agents_pipeline import errors
from agents_pipeline.cluster import connection
from agents_pipeline.config import schema
from agents_pipeline.environments import leaves, making, ray_copies

_SECONDS_TO_CLOSE = 5.0


class RayVectorEnv(gym.vector.VectorEnv):
  """B copies on the machines of a cluster, `copies_per_actor` in each actor.

  It resets nothing on its own. An actor that dies is replaced by one that plays
  its episodes again; see `ray_copies`.
  """

  def __init__(self, config: schema.EnvironmentConfig):
    """Starts the actors and waits for them.

    Args:
      config: says which environment, and how many copies.

    Raises:
      UserError: the id is unknown or the environment cannot be made.
      RunError: Ray cannot start them.
    """
    registered = making.environment_spec(config.name)
    self.num_envs = config.num_envs
    self.metadata = {"autoreset_mode": gym.vector.AutoresetMode.DISABLED}
    self._actors: list[ray_copies.RayCopies] = []
    self._slices: list[slice] = []  # of all copies, an actor's
    try:
      for first in range(0, config.num_envs, config.copies_per_actor):
        end = min(first + config.copies_per_actor, config.num_envs)
        label = f"copy {first}"
        if end - first > 1:
          label = f"copies {first} to {end - 1}"
        self._slices.append(slice(first, end))
        self._actors.append(
          ray_copies.RayCopies(config, registered, end - first, label)
        )
      spaces = [actor.started() for actor in self._actors]
    except BaseException:
      self.close_extras()
      raise
    self.single_observation_space, self.single_action_space = spaces[0]
    batch = gym.vector.utils.batch_space
    self.observation_space = batch(spaces[0][0], self.num_envs)
    self.action_space = batch(spaces[0][1], self.num_envs)

  def set_attr(self, name: str, values: Sequence[Any]) -> None:
    """Sets an attribute of each copy, from one value for each."""
    for part, actor in zip(self._slices, self._actors, strict=True):
      actor.set_attr(name, values[part])

  def reset(self, *, seed=None, options=None) -> tuple[Any, dict]:
    """Begins episodes, of all copies or of those of `reset_mask`.

    Args:
      seed: of each copy; what is given for copies that are not reset is not
        read.
      options: {"reset_mask": [B] bool}; None resets all.

    Raises:
      EnvironmentFailure: an environment failed.
    """
    mask = (options or {}).get("reset_mask", np.ones(self.num_envs, bool))
    for part, actor in zip(self._slices, self._actors, strict=True):
      actor.reset_async(seed[part], mask[part])
    return _joined([actor.reset_wait() for actor in self._actors]), {}

  def step(self, actions: np.ndarray) -> tuple:
    """One env step of every copy, with actions [B, ...].

    Raises:
      EnvironmentFailure: an environment failed.
    """
    for part, actor in zip(self._slices, self._actors, strict=True):
      actor.step_async(actions[part])
    returned = [actor.step_wait() for actor in self._actors]
    return *map(_joined, zip(*returned, strict=True)), {}

  @property
  def copies(self) -> list["_Copy"]:
    """The copies, to evaluate in; see `interfaces.Copy`."""
    together = _Together(self._actors, self._slices)
    return [
      _Copy(together, i, self.single_observation_space)
      for i in range(self.num_envs)
    ]

  def close_extras(self, **kwargs: Any) -> None:
    """Closes every copy and ends the actors."""
    del kwargs
    with contextlib.suppress(Exception):  # Ray may be gone
      closing = [actor.closing() for actor in self._actors]
      connection.connect().wait(
        closing, num_returns=len(closing), timeout=_SECONDS_TO_CLOSE
      )
    for actor in self._actors:
      actor.kill()


class _Together:
  """Steps single copies, those of all actors at the same time.

  An actor steps all of its copies. Those that nobody wants to step take the
  action of another one, and begin an episode where theirs has ended.
  """

  def __init__(
    self, actors: Sequence[ray_copies.RayCopies], slices: Sequence[slice]
  ):
    self._actors = list(zip(actors, slices, strict=True))
    num_copies = slices[-1].stop
    self._has_ended: np.ndarray = np.zeros(num_copies, bool)
    self._seeds: dict[int, int] = {}  # of copies to be reset
    self._actions: dict[int, Any] = {}  # of copies to be stepped
    self._results: dict[int, tuple] = {}

  def begin_reset(self, copy: int, seed: int) -> None:
    """Resets a copy as soon as a result is asked for."""
    self._seeds[copy] = seed

  def begin_step(self, copy: int, action: Any) -> None:
    """Steps a copy as soon as a result is asked for."""
    self._actions[copy] = action

  def result(self, copy: int) -> tuple:
    """What the reset or the step of a copy returned."""
    if copy not in self._results:
      self._reset()
      self._step()
    return self._results.pop(copy)

  def _reset(self) -> None:
    begun = []
    for actor, part in self._actors:
      copies = range(part.start, part.stop)
      is_stepped = any(i in self._actions for i in copies)
      mask: np.ndarray = np.array(
        [
          i in self._seeds or (is_stepped and self._has_ended[i])
          for i in copies
        ]
      )
      if mask.any():
        actor.reset_async([self._seeds.get(i, 0) for i in copies], mask)
        self._has_ended[part] &= ~mask
        begun.append((actor, copies))
    for actor, copies in begun:
      observations = actor.reset_wait()
      for place, i in enumerate(copies):
        if i in self._seeds:
          self._results[i] = (_of_copy(observations, place), {})
    self._seeds.clear()

  def _step(self) -> None:
    begun = []
    for actor, part in self._actors:
      copies = range(part.start, part.stop)
      given = [i for i in copies if i in self._actions]
      if given:
        other = self._actions[given[0]]
        actor.step_async(
          np.stack([self._actions.get(i, other) for i in copies])
        )
        begun.append((actor, copies, given))
    for actor, copies, given in begun:
      observations, *ends = actor.step_wait()
      for i in given:
        place = i - copies.start
        reward, terminated, truncated = (values[place] for values in ends)
        self._results[i] = (
          _of_copy(observations, place),
          reward,
          terminated,
          truncated,
          {},
        )
      self._has_ended[copies.start : copies.stop] |= ends[1] | ends[2]
    self._actions.clear()


class _Copy:
  """One of the copies, to evaluate in; see `interfaces.Copy`."""

  def __init__(self, together: _Together, number: int, space: gym.Space):
    self._together = together
    self._number = number
    self.observation_space = space
    self.label = f"copy {number}"

  def begin_reset(self, seed: int) -> Callable[[], tuple]:
    """See `interfaces.Copy`."""
    self._together.begin_reset(self._number, seed)
    return functools.partial(self._together.result, self._number)

  def begin_step(self, action: Any) -> Callable[[], tuple]:
    """See `interfaces.Copy`."""
    self._together.begin_step(self._number, action)
    return functools.partial(self._together.result, self._number)

  def fail(self, reason: str) -> NoReturn:
    """See `interfaces.Copy`."""
    raise errors.EnvironmentFailure(f"{self.label}: {reason}")

  def close(self) -> None:
    """See `interfaces.Copy`; these copies live on."""


def _of_copy(observations: Any, place: int) -> Any:
  """The observation of one of the copies."""
  return leaves.map_leaves(lambda array: array[place], observations)


def _joined(parts: Sequence[Any]) -> Any:
  """The arrays of all actors as one [B, ...], or each leaf of them."""
  return leaves.map_leaves(lambda *arrays: np.concatenate(arrays), *parts)
