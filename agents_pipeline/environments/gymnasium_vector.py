"""gymnasium's vector environments as a TF-Agents environment.

Every step yields two time steps. The *next* time step completes the transition:
it has the true last observation, the reward and the discount. The *current*
time step is the one to act on. They differ only where an episode ended and was
reset within the step:

    autoreset mode   next time step        current time step
    DISABLED         LAST, true last obs   FIRST  (reset here, with a seed)
    SAME_STEP        LAST, final_obs       FIRST
    NEXT_STEP        LAST, true last obs   LAST   (its action is ignored, and
                                           the next step leads to FIRST)

Only NEXT_STEP has transitions from LAST to FIRST, which do not count as env
steps.
"""

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from tf_agents.environments import py_environment
from tf_agents.trajectories import time_step as ts

from agents_pipeline import errors, interfaces
from agents_pipeline.environments import (
  checks,
  episode_replay,
  leaves,
  ray_vector_env,
  specs,
)

AutoresetMode = gym.vector.AutoresetMode

_NUM_SCALARS = 3  # of a time step: step type, reward and discount
_FIRST, _MID, _LAST = np.int32(0), np.int32(1), np.int32(2)


class GymnasiumEnvironment(py_environment.PyEnvironment):
  """B copies of a gymnasium environment, stepped together in Python.

  `terminated` gives discount 0, `truncated` leaves it at 1; both at once count
  as terminated.
  """

  def __init__(self, vector_env: gym.vector.VectorEnv, name: str, episode_seed):
    """Wraps a vector environment.

    Args:
      vector_env: a vector environment of any autoreset mode.
      name: the environment's id, for messages.
      episode_seed: (copy, episode) -> the seed of that episode's reset. Unless
        autoreset is DISABLED, only the first reset can be seeded.

    Raises:
      UserError: agents cannot use one of the spaces, or the autoreset mode is
        unknown.
    """
    super().__init__(handle_auto_reset=False)
    self._env = vector_env
    self._mode = checks.autoreset_mode(vector_env, name)
    # Cached: deriving a seed takes as long as a step.
    self._episode_seed = functools.lru_cache(2 * vector_env.num_envs)(
      episode_seed
    )
    self._observation_space = vector_env.single_observation_space
    self._observation_spec = specs.observation_spec(
      self._observation_space, name
    )
    self._action_spec = specs.action_spec(vector_env.single_action_space, name)
    self._action_start = specs.space_start(vector_env.single_action_space)
    self._has_action_start = bool(np.any(self._action_start))
    self._action_space = vector_env.single_action_space
    self._to_spec = observation_converter(self._observation_space, name)
    self._num_episodes: np.ndarray = np.zeros(self.batch_size, np.int64)
    # Of steps that end no episode; nothing writes to them.
    self._all_mid: np.ndarray = np.full(self.batch_size, _MID)
    self._all_one: np.ndarray = np.ones(self.batch_size, np.float32)
    # The one to act on; None before a reset. TF-Agents' `_current_time_step` is
    # the next time step instead.
    self._time_step: ts.TimeStep | None = None
    self._log = episode_replay.ActionLog(self.batch_size)

  @property
  def batched(self) -> bool:
    """True: every array has a leading dimension B."""
    return True

  @property
  def batch_size(self) -> int:
    """The number of copies, B."""
    return self._env.num_envs

  def observation_spec(self) -> specs.Spec | dict[str, specs.Spec]:
    """The spec of one copy's observations, or of each leaf."""
    return self._observation_spec

  def action_spec(self) -> specs.Spec:
    """The spec of one copy's actions; integers count from 0."""
    return self._action_spec

  def current_time_step(self) -> ts.TimeStep:
    """Returns the time step to act on, arrays of [B, ...]; resets if needed."""
    return self.reset() if self._time_step is None else self._time_step

  def step_and_reset(
    self, action: np.ndarray
  ) -> tuple[ts.TimeStep, ts.TimeStep]:
    """Steps every copy, and resets those whose episode ended.

    Args:
      action: the actions, [B, ...]; integers count from 0.

    Returns:
      The next and the current time steps (see the module), arrays of [B, ...].

    Raises:
      EnvironmentFailure: the environment raised or returned invalid values.
    """
    previous = self.current_time_step()
    self._time_step = None  # in case the step fails
    if self._seeds_every_episode:
      self._log.add(action)
    observation, reward, terminated, truncated, info = self._env.step(
      self._to_env_action(action)
    )
    ended = terminated | truncated  # [B]
    any_ended = np.count_nonzero(ended) > 0
    next_time_step = ts.TimeStep(
      np.where(ended, _LAST, _MID) if any_ended else self._all_mid,
      reward.astype(np.float32),
      np.where(terminated, np.float32(0), np.float32(1))
      if any_ended
      else self._all_one,
      self._to_spec(observation),
    )
    if self._mode is AutoresetMode.NEXT_STEP:
      was_reset = previous.step_type == _LAST  # [B]
      step_type = np.where(was_reset, _FIRST, next_time_step.step_type)
      next_time_step = next_time_step._replace(step_type=step_type)
    if self._mode is AutoresetMode.SAME_STEP:
      for i in np.flatnonzero(ended):
        final = self._to_spec(info["final_obs"][i])
        for name, values in leaves.arrays(next_time_step.observation):
          values[i] = final[name] if isinstance(final, dict) else final
    time_step = next_time_step
    if any_ended:
      time_step = self._begin_episodes(next_time_step, observation, ended)
    self._time_step = time_step
    return next_time_step, time_step

  def _to_env_action(self, action: np.ndarray) -> np.ndarray:
    """Converts actions [B, ...] to the environment's numbering and bounds."""
    space = self._action_space
    if self._has_action_start:
      action = action + self._action_start
    env_action: np.ndarray = action.astype(space.dtype)
    if isinstance(space, gym.spaces.Box):
      # The float32 nearest to a float64 bound may lie outside.
      return np.clip(env_action, space.low, space.high)
    return env_action

  def _begin_episodes(
    self, next_time_step: ts.TimeStep, observation, ended: np.ndarray
  ) -> ts.TimeStep:
    """Returns the time step to act on, with new episodes where some ended."""
    self._num_episodes += ended
    self._log.clear(ended)
    if self._mode is AutoresetMode.NEXT_STEP:
      return next_time_step
    if self._mode is AutoresetMode.DISABLED:
      observation = episode_replay.reset_masked(self._env, self._seeds(), ended)
    return ts.TimeStep(
      np.where(ended, _FIRST, next_time_step.step_type),
      np.where(ended, np.float32(0), next_time_step.reward),
      np.where(ended, np.float32(1), next_time_step.discount),
      self._to_spec(observation),
    )

  @property
  def _seeds_every_episode(self) -> bool:
    """Whether every episode, not only the first, is reset with a seed."""
    return self._mode is AutoresetMode.DISABLED

  def get_state(self) -> dict:
    """Returns the state of the current episodes as JSON, for `resume`."""
    state: dict = {"episodes": self._num_episodes.tolist()}
    if (
      self._seeds_every_episode
      and self._log.is_complete
      and self._time_step is not None
    ):
      scalars = np.stack(self._time_step[:_NUM_SCALARS], dtype=np.float32)
      state |= {
        "actions": self._log.to_lists(),
        "time_step": scalars.tolist(),
        "observations": episode_replay.digests(self._time_step.observation),
      }
    return state

  def resume(self, state: dict) -> bool:
    """Replays the episodes of a state; if that fails, begins the next ones.

    Args:
      state: the state that `get_state` returned.

    Returns:
      Whether every copy is in that state again.
    """
    self._num_episodes = np.array(state["episodes"], np.int64)
    if self._seeds_every_episode and "actions" in state:
      self._log.restore(state["actions"], self._action_spec.dtype)
      # A failure here means that the episode is not reproducible.
      with contextlib.suppress(errors.EnvironmentFailure):
        if self._replay(state):
          return True
    self._abandon_episodes()
    return False

  @property
  def copies(self) -> list[interfaces.Copy]:
    """The copies, to evaluate in; not every vector environment has them."""
    env = self._env.unwrapped
    is_on_ray = isinstance(env, ray_vector_env.RayVectorEnv)
    return list(env.copies if is_on_ray else env.envs)

  def begin_other_episodes(self) -> None:
    """Leaves the episodes under way, and begins the ones after them."""
    self._abandon_episodes()
    self.reset()

  def _abandon_episodes(self) -> None:
    self._num_episodes += 1
    self._log = episode_replay.ActionLog(self.batch_size)
    self._time_step = None

  def _replay(self, state: dict) -> bool:
    """Replays the logged actions; returns whether that led to the state."""
    observation = self._to_spec(
      episode_replay.replay(
        self._env,
        self._seeds(),
        self._log.lengths,
        [self._to_env_action(action) for action in self._log.actions],
      )
    )
    step_type, reward, discount = np.array(state["time_step"], np.float32)
    self._time_step = ts.TimeStep(
      step_type.astype(np.int32), reward, discount, observation
    )
    return episode_replay.digests(observation) == state["observations"]

  def _reset(self) -> ts.TimeStep:
    seeds = self._seeds()
    # Vector environments that reset themselves derive all seeds from one.
    observation, _ = self._env.reset(
      seed=seeds if self._seeds_every_episode else seeds[0]
    )
    self._seed_action_spaces(seeds)
    self._log.clear(np.ones(self.batch_size, bool))
    self._time_step = ts.restart(self._to_spec(observation), self.batch_size)
    return self._time_step

  def _step(self, action: np.ndarray) -> ts.TimeStep:
    return self.step_and_reset(action)[0]

  def _seeds(self) -> list[int]:
    """Returns the seed of every copy's episode."""
    return [
      self._episode_seed(i, int(episode))
      for i, episode in enumerate(self._num_episodes)
    ]

  def _seed_action_spaces(self, seeds: list[int]) -> None:
    batched_space = getattr(self._env, "action_space", None)  # may be missing
    if batched_space is not None:
      batched_space.seed(seeds[0])
    copies = getattr(self._env.unwrapped, "envs", ())
    for env, seed in zip(copies, seeds, strict=False):
      env.action_space.seed(seed)

  def close(self) -> None:
    """Closes the environments and their processes."""
    self._env.close()


def observation_converter(space: gym.Space, name: str) -> Callable[[Any], Any]:
  """Makes a function that converts observations to their spec.

  Args:
    space: the observation space of one copy.
    name: the environment's id, for messages.

  Returns:
    A function of an array, or of a dict of leaves, with any batch dimensions in
    front. It returns copies of the spec's dtype; discrete values count from 0.
  """
  spec = specs.observation_spec(space, name)
  start = leaves.map_leaves(_start_or_none, _spaces(space))
  return lambda observation: leaves.map_leaves(
    _converted, observation, spec, start
  )


def _spaces(space: gym.Space):
  """The spaces of leaves as a plain dict, or the space itself."""
  return dict(space.spaces) if isinstance(space, gym.spaces.Dict) else space


def _start_or_none(space: gym.Space):
  start = specs.space_start(space)
  return start if np.any(start) else None


def _converted(values, spec: specs.Spec, start) -> np.ndarray:
  """A copy of the spec's dtype that counts from 0."""
  converted = np.array(values, spec.dtype)
  if start is not None:
    converted -= start
  return converted
