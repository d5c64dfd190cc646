"""gymnasium's vector environments as a TF-Agents environment.

Two time steps come of one `step`. The one *reached* holds the true last
observation, reward and discount of the transition. The one to *act from* next
is the same, but where an episode ended and gymnasium has reset within the
step, it is the first of the new episode:

    autoreset mode   reached               to act from
    DISABLED         LAST, true last obs   FIRST  (we reset, with a seed)
    SAME_STEP        LAST, final_obs       FIRST
    NEXT_STEP        LAST, true last obs   LAST   (its action is ignored, and
                                           the next step reaches FIRST)

Only NEXT_STEP makes a boundary, from LAST to FIRST, that is no env step.
"""

import contextlib
import functools

import gymnasium as gym
import numpy as np
from tf_agents.environments import py_environment
from tf_agents.specs import array_spec
from tf_agents.trajectories import time_step as ts

from agents_pipeline import errors
from agents_pipeline.environments import checks, episode_replay, specs

AutoresetMode = gym.vector.AutoresetMode

NUM_NUMBERS = 3  # of a time step: its type, reward and discount
_FIRST, _MID, _LAST = np.int32(0), np.int32(1), np.int32(2)


class GymnasiumEnvironment(py_environment.PyEnvironment):
  """N copies of a gymnasium environment, stepped together in Python.

  `terminated` gives discount 0; `truncated` ends the episode with the
  environment's discount of 1; both at once count as terminated.
  """

  def __init__(self, vector_env: gym.vector.VectorEnv, name: str, episode_seed):
    """Wraps a vector environment.

    Args:
      vector_env: its `metadata["autoreset_mode"]` is honoured.
      name: for messages.
      episode_seed: (environment index, episode number) -> seed of its reset.
        Where autoreset is not DISABLED only the first reset can be seeded.

    Raises:
      UserError: a space that agents cannot use, or an unknown autoreset mode.
    """
    super().__init__(handle_auto_reset=False)
    self._env = vector_env
    self._mode = checks.autoreset_mode(vector_env, name)
    # A seed takes as long as a step; of every copy's all but one are known.
    self._episode_seed = functools.lru_cache(2 * vector_env.num_envs)(
      episode_seed
    )
    self._observation_space = vector_env.single_observation_space
    self._observation_spec = specs.observation_spec(
      self._observation_space, name
    )
    self._action_spec = specs.action_spec(vector_env.single_action_space, name)
    self._first_action = specs.first_number(vector_env.single_action_space)
    self._shifts_actions = bool(np.any(self._first_action))
    self._action_space = vector_env.single_action_space
    self._first_observation = specs.first_number(self._observation_space)
    self._num_episodes: np.ndarray = np.zeros(self.batch_size, np.int64)
    # Of most steps; nobody writes into them.
    self._all_mid: np.ndarray = np.full(self.batch_size, _MID)
    self._all_one: np.ndarray = np.ones(self.batch_size, np.float32)
    self._to_act_from: ts.TimeStep | None = None
    self._log = episode_replay.ActionLog(self.batch_size)

  @property
  def batched(self) -> bool:
    """True: every array has a leading dimension."""
    return True

  @property
  def batch_size(self) -> int:
    """The number of copies."""
    return self._env.num_envs

  def observation_spec(self) -> array_spec.BoundedArraySpec:
    """Of one environment."""
    return self._observation_spec

  def action_spec(self) -> array_spec.BoundedArraySpec:
    """Of one environment; whole numbers count from 0."""
    return self._action_spec

  def current_time_step(self) -> ts.TimeStep:
    """The time step to act from; begins the first episodes if need be."""
    return self.reset() if self._to_act_from is None else self._to_act_from

  def step_and_reset(
    self, action: np.ndarray
  ) -> tuple[ts.TimeStep, ts.TimeStep]:
    """Steps every copy.

    Args:
      action: [B, ...]; whole numbers count from 0.

    Returns:
      The time steps reached and those to act from, arrays of [B, ...].
    """
    acted_from = self.current_time_step()
    self._to_act_from = None  # if the step fails
    if self._is_seeded:
      self._log.add(action)
    observation, reward, terminated, truncated, info = self._env.step(
      self._as_theirs(action)
    )
    ended = terminated | truncated  # [B]
    any_ended = np.count_nonzero(ended) > 0
    reached = ts.TimeStep(
      np.where(ended, _LAST, _MID) if any_ended else self._all_mid,
      reward.astype(np.float32),
      np.where(terminated, np.float32(0), np.float32(1))
      if any_ended
      else self._all_one,
      self._cast(observation),
    )
    if self._mode is AutoresetMode.NEXT_STEP:
      reset = acted_from.step_type == _LAST  # [B]
      step_type = np.where(reset, _FIRST, reached.step_type)
      reached = reached._replace(step_type=step_type)
    if self._mode is AutoresetMode.SAME_STEP:
      for i in np.flatnonzero(ended):
        reached.observation[i] = self._cast(info["final_obs"][i])
    to_act_from = reached
    if any_ended:
      to_act_from = self._after_ends(reached, observation, ended)
    self._to_act_from = to_act_from
    return reached, to_act_from

  def _as_theirs(self, action: np.ndarray) -> np.ndarray:
    """Actions [B, ...] as the environment numbers or bounds them."""
    space = self._action_space
    if self._shifts_actions:
      action = action + self._first_action
    theirs: np.ndarray = action.astype(space.dtype)
    if isinstance(space, gym.spaces.Box):
      # float32's nearest to a bound of float64 may lie outside.
      return np.clip(theirs, space.low, space.high)
    return theirs

  def _after_ends(self, reached, observation, ended) -> ts.TimeStep:
    """The time step to act from, where some episodes ended."""
    self._num_episodes += ended
    self._log.begin(ended)
    if self._mode is AutoresetMode.NEXT_STEP:
      return reached
    if self._mode is AutoresetMode.DISABLED:
      observation = episode_replay.reset_some(self._env, self._seeds(), ended)
    return ts.TimeStep(
      np.where(ended, _FIRST, reached.step_type),
      np.where(ended, np.float32(0), reached.reward),
      np.where(ended, np.float32(1), reached.discount),
      self._cast(observation),
    )

  @property
  def _is_seeded(self) -> bool:
    """Whether every episode begins with a seed of ours."""
    return self._mode is AutoresetMode.DISABLED

  def whereabouts(self) -> dict:
    """Where every episode stands, for `resume`, as JSON has it."""
    said: dict = {"episodes": self._num_episodes.tolist()}
    if self._is_seeded and self._log.is_whole and self._to_act_from is not None:
      numbers = np.stack(self._to_act_from[:NUM_NUMBERS], dtype=np.float32)
      said |= {
        "actions": self._log.to_lists(),
        "time_step": numbers.tolist(),
        "observations": episode_replay.digests(self._to_act_from.observation),
      }
    return said

  def resume(self, whereabouts: dict) -> bool:
    """Plays the episodes under way again, or begins their successors.

    Args:
      whereabouts: what was said of them when they were left.

    Returns:
      Whether every copy stands again where it stood.
    """
    self._num_episodes = np.array(whereabouts["episodes"], np.int64)
    if self._is_seeded and "actions" in whereabouts:
      self._log.restore(whereabouts["actions"], self._action_spec.dtype)
      # One that raises now is not the one that did not.
      with contextlib.suppress(errors.EnvironmentFailure):
        if self._play_again(whereabouts):
          return True
    self._num_episodes += 1
    self._log = episode_replay.ActionLog(self.batch_size)
    self._to_act_from = None
    return False

  def _play_again(self, whereabouts: dict) -> bool:
    """Whether the environment did as before, and stands where it stood."""
    observation = self._cast(
      episode_replay.play(
        self._env,
        self._seeds(),
        self._log.lengths,
        [self._as_theirs(action) for action in self._log.actions],
      )
    )
    kind, reward, discount = np.array(whereabouts["time_step"], np.float32)
    self._to_act_from = ts.TimeStep(
      kind.astype(np.int32), reward, discount, observation
    )
    return episode_replay.digests(observation) == whereabouts["observations"]

  def _reset(self) -> ts.TimeStep:
    seeds = self._seeds()
    # Vector environments that reset by themselves spread one seed themselves.
    own = self._mode is not AutoresetMode.DISABLED
    observation, _ = self._env.reset(seed=seeds[0] if own else seeds)
    self._seed_action_spaces(seeds)
    self._log.begin(np.ones(self.batch_size, bool))
    self._to_act_from = ts.restart(self._cast(observation), self.batch_size)
    return self._to_act_from

  def _step(self, action: np.ndarray) -> ts.TimeStep:
    return self.step_and_reset(action)[0]

  def _seeds(self) -> list[int]:
    """Of every copy's episode."""
    return [
      self._episode_seed(i, int(number))
      for i, number in enumerate(self._num_episodes)
    ]

  def _seed_action_spaces(self, seeds: list[int]) -> None:
    several = getattr(self._env, "action_space", None)  # not all declare it
    if several is not None:
      several.seed(seeds[0])
    copies = getattr(self._env.unwrapped, "envs", ())
    for env, seed in zip(copies, seeds, strict=False):
      env.action_space.seed(seed)

  def _cast(self, observation) -> np.ndarray:
    """A copy, of the spec's type and numbered from 0."""
    cast = np.array(observation, self._observation_spec.dtype)
    if self._first_observation:
      cast -= self._first_observation
    return cast

  def close(self) -> None:
    """Closes the environments and their processes."""
    self._env.close()
