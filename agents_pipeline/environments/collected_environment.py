"""A TF-Agents environment of the steps that Ray actors collect."""

import contextlib
from collections.abc import Callable

import numpy as np
from tf_agents.trajectories import time_step as ts

from agents_pipeline import errors, interfaces
from agents_pipeline.environments import gymnasium_vector, ray_collectors


class CollectedEnvironment(gymnasium_vector.GymnasiumEnvironment):
  """B copies in Ray actors, which choose the actions with their own policy.

  Attributes:
    actions_taken: the actions of the last step, [B]; integers count from 0.
  """

  actions_taken: np.ndarray

  def collect_with(
    self, make_request: Callable[[int], ray_collectors.Request]
  ) -> None:
    """Sets how chunks are requested; called before the first step.

    Args:
      make_request: the function that makes a request; see `CollectedVectorEnv`.
    """
    self._collected.make_request = make_request

  def step_and_reset(
    self, action: np.ndarray
  ) -> tuple[ts.TimeStep, ts.TimeStep]:
    """Returns the next step that was collected.

    Args:
      action: unused: the actors chose the actions; see `actions_taken`.

    Returns:
      The next and the current time steps; see `GymnasiumEnvironment`.

    Raises:
      EnvironmentFailure: the environment raised or returned invalid values.
    """
    time_step = self.current_time_step()  # the first episodes have begun
    self._time_step = None  # in case collecting fails
    chosen = self._collected.next_actions(self._num_episodes)  # [B]
    self._time_step = time_step
    self.actions_taken = chosen - self._action_start
    return super().step_and_reset(self.actions_taken)

  @property
  def copies(self) -> list[interfaces.Copy]:
    """The environments, to evaluate in."""
    return list(self._collected.copies)

  def get_state(self) -> dict:
    """Returns the state of the current episodes as JSON, for `resume`."""
    return super().get_state() | {"collected": self._collected.get_state()}

  def resume(self, state: dict) -> bool:
    """Replays the episodes of a state; if that fails, begins the next ones.

    Args:
      state: the state that `get_state` returned, with collectors or without
        them.

    Returns:
      Whether every copy is in that state again.
    """
    is_exact = super().resume(state)
    if (ahead := state.get("collected")) is None:
      return is_exact
    if is_exact:
      with contextlib.suppress(errors.EnvironmentFailure):
        self._collected.resume(ahead, self._num_episodes)
        return True
      self._abandon_episodes()
    self._collected.resume(ahead, None)
    return False

  @property
  def _collected(self) -> ray_collectors.CollectedVectorEnv:
    return self._env.unwrapped
