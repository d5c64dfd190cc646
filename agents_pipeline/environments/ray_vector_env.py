"""Copies of an environment in Ray actors, stepped together."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Sequence
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
      config: the settings: which environment, and how many copies.

    Raises:
      UserError: the id is unknown or the environment cannot be made.
      EnvironmentFailure: Ray cannot start the actors.
    """
    registered = making.environment_spec(config.name)
    self._ray = connection.connect()
    self._name = config.name
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
          self._start(config, registered, range(first, end), label)
        )
      spaces = [actor.started() for actor in self._actors]
    except BaseException:
      self.close_extras()
      raise
    self.single_observation_space, self.single_action_space = spaces[0]
    batch = gym.vector.utils.batch_space
    self.observation_space = batch(spaces[0][0], self.num_envs)
    self.action_space = batch(spaces[0][1], self.num_envs)

  def _start(
    self,
    config: schema.EnvironmentConfig,
    registered: gym.envs.registration.EnvSpec,
    copies: range,
    label: str,
  ) -> ray_copies.RayCopies:
    """Starts an actor with some of the copies."""
    return ray_copies.RayCopies(config, registered, len(copies), label)

  def set_attr(self, name: str, values: Sequence[Any]) -> None:
    """Sets an attribute of each copy, from one value for each."""
    for part, actor in zip(self._slices, self._actors, strict=True):
      actor.set_attr(name, values[part])

  def reset(self, *, seed=None, options=None) -> tuple[Any, dict]:
    """Begins episodes, of all copies or of those of `reset_mask`.

    Args:
      seed: the seed of each copy; the seeds of copies that are not reset are
        not read.
      options: {"reset_mask": [B] bool}, the copies to reset; None resets all.

    Raises:
      EnvironmentFailure: an environment failed.
    """
    mask = (options or {}).get("reset_mask", np.ones(self.num_envs, bool))
    for part, actor in zip(self._slices, self._actors, strict=True):
      actor.reset_async(seed[part], mask[part])
    return _joined([actor.reset_wait() for actor in self._actors]), {}

  def step(self, actions: np.ndarray) -> tuple:
    """Does one env step of every copy, with actions [B, ...].

    Raises:
      EnvironmentFailure: an environment failed.
    """
    mask: np.ndarray = np.ones(self.num_envs, bool)
    for part, actor in zip(self._slices, self._actors, strict=True):
      actor.step_async(actions[part], mask[part])
    returned = [actor.step_wait() for actor in self._actors]
    return *map(_joined, zip(*returned, strict=True)), {}

  @property
  def copies(self) -> list["_Copy"]:
    """The copies, to evaluate in; see `interfaces.Copy`."""
    together = _Together(self._actors, self._slices, self.action_space)
    return [
      _Copy(together, i, self.single_observation_space, self._name)
      for i in range(self.num_envs)
    ]

  def close_extras(self, **kwargs: Any) -> None:
    """Closes every copy and ends the actors."""
    del kwargs
    with contextlib.suppress(Exception):  # Ray may be gone
      if self._ray.is_initialized():  # or Ray would begin again
        closing = [actor.closing() for actor in self._actors]
        self._ray.wait(
          closing, num_returns=len(closing), timeout=_SECONDS_TO_CLOSE
        )
    for actor in self._actors:
      actor.kill()


class _Together:
  """Steps single copies; copies of several actors at the same time."""

  def __init__(
    self,
    actors: Sequence[ray_copies.RayCopies],
    slices: Sequence[slice],
    action_space: gym.Space,
  ):
    self._actors = list(zip(actors, slices, strict=True))
    self._num_copies = slices[-1].stop
    self._action_space = action_space  # of all copies
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
    seeds = [self._seeds.get(i, 0) for i in range(self._num_copies)]
    mask = self._mask(self._seeds)
    begun = [one for one in self._actors if mask[one[1]].any()]
    for actor, part in begun:
      actor.reset_async(seeds[part], mask[part])
    for actor, part in begun:
      observations = actor.reset_wait()
      for place in np.flatnonzero(mask[part]):
        self._results[part.start + place] = _of_copy(observations, place), {}
    self._seeds.clear()

  def _step(self) -> None:
    actions: np.ndarray = np.zeros_like(self._action_space.sample())
    for i, action in self._actions.items():
      actions[i] = action
    mask = self._mask(self._actions)
    begun = [one for one in self._actors if mask[one[1]].any()]
    for actor, part in begun:
      actor.step_async(actions[part], mask[part])
    for actor, part in begun:
      returned = actor.step_wait()
      for place in np.flatnonzero(mask[part]):
        self._results[part.start + place] = (
          *(_of_copy(values, place) for values in returned),
          {},
        )
    self._actions.clear()

  def _mask(self, copies: Iterable[int]) -> np.ndarray:
    """Whether each copy is one of these, [B] bool."""
    mask: np.ndarray = np.zeros(self._num_copies, bool)
    mask[list(copies)] = True
    return mask


class _Copy:
  """One of the copies, to evaluate in; see `interfaces.Copy`."""

  def __init__(
    self, together: _Together, number: int, space: gym.Space, name: str
  ):
    self._together = together
    self._number = number
    self._name = name
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
    raise errors.EnvironmentFailure(
      f"environment {self._name!r}, {self.label}: {reason}"
    )

  def close(self) -> None:
    """See `interfaces.Copy`; these copies live on."""


def _of_copy(observations: Any, place: int) -> Any:
  """One copy's part of an array, or of each leaf."""
  return leaves.map_leaves(lambda array: array[place], observations)


def _joined(parts: Sequence[Any]) -> Any:
  """Joins the arrays of all actors to one [B, ...], or each leaf of them."""
  return leaves.map_leaves(lambda *arrays: np.concatenate(arrays), *parts)
