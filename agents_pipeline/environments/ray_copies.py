"""Copies of an environment that live in a Ray actor, and survive its death.

An actor may die with its machine. As every episode begins with its own seed and
the actions since then determine its state (docs/decisions/0008), another actor
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
from agents_pipeline.environments import checked, episode_replay, making

# Of actors in a row that died with the same call.
MOST_LIVES = 4
# A machine may have to be found for it, and an environment to be imported.
_SECONDS_TO_START = 600.0


class _Actor:
  """What runs in an actor's process; it imports no TensorFlow."""

  def __init__(self, import_path: Sequence[str]):
    """Finds the modules that the process that trains finds."""
    sys.path.extend(path for path in import_path if path not in sys.path)

  def start(
    self,
    config: schema.EnvironmentConfig,
    registered: gym.envs.registration.EnvSpec,
  ) -> tuple[gym.Space, gym.Space]:
    """Makes the copies; returns the spaces of one.

    Args:
      config: of the copies of this actor.
      registered: what the id stands for in the process that trains, which may
        have imported a module that registers it.
    """
    gym.registry.setdefault(registered.id, registered)
    self._env = making.make_vector_environment(config)
    return self._env.single_observation_space, self._env.single_action_space

  def set_attr(self, name: str, values: Sequence[Any]) -> None:
    """Sets an attribute of each copy."""
    self._env.set_attr(name, list(values))

  def reset(self, seeds: Sequence[int | None], mask: np.ndarray) -> Any:
    """Begins episodes where `mask` is set; returns all observations."""
    options = None if mask.all() else {"reset_mask": mask}
    return self._env.reset(seed=list(seeds), options=options)[0]

  def step(self, actions: np.ndarray) -> tuple:
    """One env step of each copy, without the info, which nothing reads."""
    return self._env.step(actions)[:-1]

  def replay(
    self, seeds: list[int], lengths: np.ndarray, actions: list[np.ndarray]
  ) -> list[str]:
    """Plays episodes again; returns digests of where they led to."""
    observation = episode_replay.replay(self._env, seeds, lengths, actions)
    return episode_replay.digests(observation)

  def close(self) -> None:
    """Closes the copies."""
    self._env.close()


class RayCopies:
  """Copies in one actor, seen from the process that trains.

  A call is made in two parts, so that many actors work at the same time.

  Attributes:
    num_copies: how many.
    observation: the last, [num_copies, ...].
  """

  def __init__(
    self,
    config: schema.EnvironmentConfig,
    registered: gym.envs.registration.EnvSpec,
    num_copies: int,
    label: str,
  ):
    """Starts an actor, and does not wait for it.

    Args:
      config: the environment, and how long a step may take.
      registered: what its id stands for.
      num_copies: how many live in this actor.
      label: which of all copies these are, for messages.
    """
    self.num_copies = num_copies
    self.observation: Any = None
    self._name = config.name
    self._label = label
    self._step_timeout = config.step_timeout_seconds
    self._arguments = (
      dataclasses.replace(
        config, num_envs=num_copies, vectorization="sync", copies_per_actor=1
      ),
      registered,
    )
    self._attributes: dict[str, Sequence[Any]] = {}
    self._seeds: list[int] = []  # of the episodes; [] before the first
    self._log = episode_replay.ActionLog(num_copies)
    self._begin()

  def started(self) -> tuple[gym.Space, gym.Space]:
    """Waits for the actor; returns the spaces of one copy.

    Raises:
      UserError: the environment cannot be made.
      RunError: Ray has not started an actor for it.
    """
    return self._result()

  def set_attr(self, name: str, values: Sequence[Any]) -> None:
    """Sets an attribute of each copy, also of those of later actors."""
    self._attributes[name] = values
    self._actor.set_attr.remote(name, values)

  def reset_async(self, seeds: Sequence[int | None], mask: np.ndarray) -> None:
    """Begins to reset the copies of a mask [num_copies] with their seeds."""
    self._mask = mask
    if mask.any():
      self._submit("reset", seeds, mask)

  def reset_wait(self) -> Any:
    """Returns the observations of all copies.

    Raises:
      EnvironmentFailure: the environment failed, or ends its process each time.
    """
    if self._mask.any():
      seeds, mask = self._call[1:]
      self.observation = self._result()
      before = self._seeds or seeds
      self._seeds = [
        new if is_reset else old
        for new, old, is_reset in zip(seeds, before, mask, strict=True)
      ]
      self._log.clear(mask)
    return self.observation

  def step_async(self, actions: np.ndarray) -> None:
    """Begins one env step of each copy, with actions [num_copies, ...]."""
    self._submit("step", np.array(actions))

  def step_wait(self) -> tuple:
    """Returns observations, rewards, terminated and truncated.

    Raises:
      EnvironmentFailure: the environment failed, or ends its process each time.
    """
    (actions,) = self._call[1:]
    returned = self._result()
    self._log.add(actions)
    self.observation = returned[0]
    return returned

  def closing(self) -> Any:
    """Begins to close the copies; returns Ray's reference to that."""
    return self._actor.close.remote()

  def kill(self) -> None:
    """Ends the actor, whatever it is doing."""
    with contextlib.suppress(Exception):  # Ray may be gone
      connection.connect().kill(self._actor)

  def _begin(self) -> None:
    """Starts an actor, which plays again what has been played."""
    ray = connection.connect()
    actor = ray.remote(_Actor).options(
      num_cpus=1, max_restarts=0, scheduling_strategy="SPREAD"
    )
    self._actor = actor.remote(sys.path)
    self._call: tuple = ("start", *self._arguments)
    self._answer = self._starting = self._actor.start.remote(*self._arguments)
    for name, values in self._attributes.items():
      self._actor.set_attr.remote(name, values)
    self._replaying = None
    if self._seeds:
      self._replaying = self._actor.replay.remote(
        self._seeds, self._log.lengths, self._log.actions
      )

  def _submit(self, name: str, *arguments: Any) -> None:
    self._call = (name, *arguments)
    self._answer = getattr(self._actor, name).remote(*arguments)

  def _result(self) -> Any:
    """Waits for the call under way, by as many actors as that takes."""
    ray = connection.connect()
    call, reason = self._call, ""
    for _ in range(MOST_LIVES):
      try:
        return self._wait(ray)
      except ray.exceptions.RayTaskError as error:
        raise error.cause from None  # what was raised there
      except ray.exceptions.GetTimeoutError:
        if self._starting is not None:
          raise self._not_started(ray) from None
        reason = f"has not answered for {self._step_timeout:g} s"
      except ray.exceptions.RaySystemError as error:
        raise self._not_understood(error) from None
      except ray.exceptions.RayError as error:
        reason = f"died ({type(error).__name__})"
      self.kill()
      self._check_replayable(reason)
      self._begin()
      if call[0] != "start":
        self._submit(*call)
    raise self._failure(
      f"its process {reason}, {MOST_LIVES} times in a row; expected an "
      "environment that leaves its process alive"
    )

  def _wait(self, ray: Any) -> Any:
    """Waits for the call under way, and for what has to come before it."""
    if self._starting is not None:
      spaces = ray.get(self._starting, timeout=_SECONDS_TO_START)
      self._starting = None
      if self._call[0] == "start":
        return spaces
    if self._replaying is not None:
      num_calls = len(self._log.actions) + 1
      digests = ray.get(self._replaying, timeout=self._step_timeout * num_calls)
      self._replaying = None
      if digests != episode_replay.digests(self.observation):
        raise self._failure(
          "its process died, and the same seeds and actions led elsewhere in "
          "another one; expected an environment whose episodes are determined "
          "by them, or EnvironmentConfig.vectorization = 'async'"
        )
    return ray.get(self._answer, timeout=self._step_timeout)

  def _check_replayable(self, reason: str) -> None:
    if not self._log.is_complete:
      raise self._failure(
        f"its process {reason}, in an episode of more than "
        f"{episode_replay.MAX_ACTIONS:,} env steps, which is not played again"
      )

  def _not_started(self, ray: Any) -> errors.RunError:
    num_cpus = ray.cluster_resources().get("CPU", 0)
    return errors.RunError(
      f"environment {self._name!r}, {self._label}: Ray has not started it "
      f"within {_SECONDS_TO_START:g} s; expected a free CPU, of "
      f"{num_cpus:g} that the cluster has"
    )

  def _not_understood(self, error: Exception) -> errors.RunError:
    """The error of a machine that lacks a module, or has another version."""
    reason = str(error).splitlines()[0].removeprefix("System error: ")
    return errors.RunError(
      f"environment {self._name!r}, {self._label}: its machine cannot use it "
      f"({reason}); expected the same packages on all machines"
    )

  def _failure(self, reason: str) -> errors.EnvironmentFailure:
    num_steps = int(self._log.lengths.max())
    location = checked.location(self._name, self._label, num_steps)
    return errors.EnvironmentFailure(f"{location}: {reason}")
