"""Copies of an environment that live in a Ray actor, and survive its death.

An actor may die with its machine. As every episode begins with its own seed and
the actions since then determine its state
(docs/decisions/0008-python-environments-are-played-again.md), another actor
plays the episodes again up to where they were. To its caller nothing happened:
each env step is counted once, and its results are the same to the byte.
"""

import contextlib
import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from agents_pipeline import errors
from agents_pipeline.cluster import connection
from agents_pipeline.config import schema
from agents_pipeline.environments import checked, episode_replay, ray_actor

_MAX_ACTORS = 4  # that may die of the same call, one after the other
# A machine may have to be found for it, and an environment to be imported.
_SECONDS_TO_START = 600.0


@dataclasses.dataclass
class Episode:
  """What determines the state of a copy.

  Attributes:
    seed: the seed of the episode's reset; None before the first reset.
    actions: the actions since the reset.
  """

  seed: int | None = None
  actions: list[Any] = dataclasses.field(default_factory=list)

  def add(self, action: Any) -> None:
    """Adds an action, unless the episode is too long to be replayed."""
    if len(self.actions) <= episode_replay.MAX_ACTIONS:
      self.actions.append(action)


class RayCopies:
  """Copies in one actor, seen from the process that trains.

  A call is made in two parts, so that many actors work at the same time.
  """

  def __init__(
    self,
    config: schema.EnvironmentConfig,
    registered: gym.envs.registration.EnvSpec,
    num_copies: int,
    label: str,
    actor_class: type = ray_actor.CopiesActor,
    arguments: tuple = (),
  ):
    """Starts an actor, and does not wait for it.

    Args:
      config: the environment's settings, with how long a step may take.
      registered: the registered spec of the environment's id.
      num_copies: the number of copies in this actor.
      label: the name of these copies among all copies, for messages.
      actor_class: the class that runs in the actor.
      arguments: what the `start` of `actor_class` takes beside an environment.
    """
    self._ray = connection.connect()
    self._name = config.name
    self._label = label
    self._actor_class = actor_class
    # For each copy, as they are stepped one after the other.
    self._seconds_per_step = config.step_timeout_seconds * num_copies
    self._num_steps = 1  # of the call under way
    self._arguments = (
      dataclasses.replace(
        config, num_envs=num_copies, vectorization="sync", copies_per_actor=1
      ),
      registered,
      *arguments,
    )
    self._attributes: dict[str, Sequence[Any]] = {}
    self._episodes = [Episode() for _ in range(num_copies)]
    self._observations: Any = None  # the last, [num_copies, ...]
    self._call: tuple = ("start", *self._arguments)
    self._begin()

  def started(self) -> tuple[gym.Space, gym.Space]:
    """Waits for the actor; returns the spaces of one copy.

    Raises:
      UserError: the environment cannot be made.
      EnvironmentFailure: Ray has not started an actor for it.
    """
    return self._result()

  def set_attr(self, name: str, values: Sequence[Any]) -> None:
    """Sets an attribute of each copy, also of those of later actors."""
    self._attributes[name] = values
    self._actor.set_attr.remote(name, values)

  def reset_async(self, seeds: Sequence[int], mask: np.ndarray) -> None:
    """Begins to reset the copies of a mask [num_copies] with their seeds."""
    self._submit("reset", seeds, np.array(mask))

  def reset_wait(self) -> Any:
    """Returns the observations of all copies; zeros for those never reset.

    Raises:
      EnvironmentFailure: the environment failed, or ends its process each time.
    """
    seeds, mask = self._call[1:]
    self._observations = self._result()
    for i in np.flatnonzero(mask):
      self._episodes[i] = Episode(seeds[i])
    return self._observations

  def step_async(self, actions: np.ndarray, mask: np.ndarray) -> None:
    """Begins an env step of the copies of a mask; actions [num_copies, ...]."""
    self._submit("step", np.array(actions), np.array(mask))

  def step_wait(self) -> tuple:
    """Returns the observations, rewards, terminated, truncated of all copies.

    Raises:
      EnvironmentFailure: the environment failed, or ends its process each time.
    """
    actions, mask = self._call[1:]
    returned = self._result()
    self._observations = returned[0]
    for i in np.flatnonzero(mask):
      self._episodes[i].add(actions[i])
    return returned

  def closing(self) -> Any:
    """Begins to close the copies; returns Ray's reference to that."""
    return self._actor.close.remote()

  def kill(self) -> None:
    """Ends the actor, whatever it is doing."""
    with contextlib.suppress(Exception):
      if self._ray.is_initialized():  # or Ray would begin again
        self._ray.kill(self._actor)

  def _begin(self) -> None:
    """Starts an actor, which first replays the episodes under way."""
    actor = self._ray.remote(self._actor_class).options(
      num_cpus=1, max_restarts=0, scheduling_strategy="SPREAD"
    )
    self._actor = actor.remote(sys.path)
    self._answer = self._starting = self._actor.start.remote(*self._arguments)
    for name, values in self._attributes.items():
      self._actor.set_attr.remote(name, values)
    episodes = self._to_replay()
    self._replaying = None
    if episodes:
      self._replaying = self._actor.replay.remote(episodes)
    self._num_replayed = sum(len(actions) for _, actions in episodes.values())

  def _to_replay(self) -> dict[int, tuple[int, list]]:
    """copy -> (seed, actions) of each episode that the call does not reset."""
    ended = self._call[2] if self._call[0] == "reset" else ()
    return {
      i: (episode.seed, episode.actions)
      for i, episode in enumerate(self._episodes)
      if episode.seed is not None and not (len(ended) and ended[i])
    }

  def _submit(self, name: str, *arguments: Any, num_steps: int = 1) -> None:
    self._call, self._num_steps = (name, *arguments), num_steps
    self._answer = getattr(self._actor, name).remote(*arguments)

  def _result(self) -> Any:
    """Waits for the call under way; an actor that dies is replaced."""
    exceptions = self._ray.exceptions
    reason = ""
    for life in range(_MAX_ACTORS):
      if life:
        self._begin()
        if self._call[0] != "start":
          self._submit(*self._call, num_steps=self._num_steps)
      try:
        return self._wait()
      except exceptions.RayTaskError as error:
        raise self._raised(error.cause) from None
      except exceptions.GetTimeoutError:
        if self._starting is not None:
          raise self._not_started() from None
        reason = f"has not answered for {self._timeout:g} s"
      except exceptions.RaySystemError as error:
        raise self._lacks_package(error) from None
      except exceptions.RayError as error:
        reason = f"died ({type(error).__name__})"
      self.kill()
      self._check_replayable(reason)
    raise self._failure(
      f"its process {reason}, {_MAX_ACTORS} times in a row; expected an "
      "environment that leaves its process alive"
    )

  @property
  def _timeout(self) -> float:
    """Seconds that the call under way may take."""
    return self._seconds_per_step * self._num_steps

  def _wait(self) -> Any:
    """Waits for the call under way, and for what has to come before it."""
    if self._starting is not None:
      spaces = self._ray.get(self._starting, timeout=_SECONDS_TO_START)
      self._starting = None
      if self._call[0] == "start":
        return spaces
    if self._replaying is not None:
      timeout = self._seconds_per_step * (self._num_replayed + 1)
      replayed = self._ray.get(self._replaying, timeout=timeout)
      self._replaying = None
      expected = episode_replay.digests(self._observations)
      if any(digest != expected[i] for i, digest in replayed.items()):
        raise self._failure(
          "its process died, and the same seeds and actions led elsewhere in "
          "another one; expected an environment whose episodes are determined "
          "by them, and machines of one kind, or "
          "EnvironmentConfig.vectorization = 'async'"
        )
    return self._ray.get(self._answer, timeout=self._timeout)

  def _check_replayable(self, reason: str) -> None:
    longest = max(
      len(actions) for _, actions in self._to_replay().values() or [(0, ())]
    )
    if longest > episode_replay.MAX_ACTIONS:
      raise self._failure(
        f"its process {reason}, in an episode of more than "
        f"{episode_replay.MAX_ACTIONS:,} env steps, which is not played again"
      )

  def _raised(self, cause: BaseException) -> BaseException:
    """What an actor raised; if not one of our errors, as EnvironmentFailure."""
    if isinstance(cause, (errors.RunError, errors.UserError)):
      return cause
    return self._failure(checked.describe_exception(cause))

  def _not_started(self) -> errors.EnvironmentFailure:
    num_cpus = self._ray.cluster_resources().get("CPU", 0)
    return self._failure(
      f"Ray has not started it within {_SECONDS_TO_START:g} s; expected a free "
      f"CPU, of {num_cpus:g} that the cluster has"
    )

  def _lacks_package(self, error: Exception) -> errors.EnvironmentFailure:
    """The error of a machine that lacks a module, or has another version."""
    reason = errors.first_line(error).removeprefix("System error: ")
    return self._failure(
      f"Ray cannot use it there ({reason}); expected the same packages on all "
      "machines"
    )

  def _failure(self, reason: str) -> errors.EnvironmentFailure:
    num_steps = max(len(episode.actions) for episode in self._episodes)
    location = checked.location(self._name, self._label, num_steps)
    return errors.EnvironmentFailure(f"{location}: {reason}")
