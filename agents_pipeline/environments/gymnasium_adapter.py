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

import json

import gymnasium as gym
import numpy as np
import tensorflow as tf
from tf_agents.environments import py_environment, tf_py_environment
from tf_agents.specs import array_spec
from tf_agents.trajectories import time_step as ts

from agents_pipeline import errors
from agents_pipeline.environments import spaces

AutoresetMode = gym.vector.AutoresetMode

_NUM_NUMBERS = 3  # of a time step: its type, reward and discount
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
    if "autoreset_mode" not in vector_env.metadata:
      raise errors.UserError(
        f"environment {name!r}: its vector environment does not tell its "
        "metadata['autoreset_mode']; expected one that does, or "
        "EnvironmentConfig.vectorization = 'sync'"
      )
    self._mode = AutoresetMode(vector_env.metadata["autoreset_mode"])
    self._episode_seed = episode_seed
    self._observation_space = vector_env.single_observation_space
    self._observation_spec = spaces.observation_spec(
      self._observation_space, name
    )
    self._action_spec = spaces.action_spec(vector_env.single_action_space, name)
    self._first_action = spaces.first_number(vector_env.single_action_space)
    self._action_space = vector_env.single_action_space
    self._first_observation = spaces.first_number(self._observation_space)
    self._num_episodes: np.ndarray = np.zeros(self.batch_size, np.int64)
    self._to_act_from: ts.TimeStep | None = None

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
    observation, reward, terminated, truncated, info = self._env.step(
      self._as_theirs(action)
    )
    ended = terminated | truncated  # [B]
    step_type = np.where(ended, _LAST, _MID)
    if self._mode is AutoresetMode.NEXT_STEP:
      step_type[acted_from.step_type == _LAST] = _FIRST
    reached_observation = self._cast(observation)
    if self._mode is AutoresetMode.SAME_STEP:
      for i in np.flatnonzero(ended):
        reached_observation[i] = self._cast(info["final_obs"][i])
    reached = ts.TimeStep(
      step_type,
      reward.astype(np.float32),
      (~terminated).astype(np.float32),
      reached_observation,
    )
    self._to_act_from = reached
    if ended.any():
      self._to_act_from = self._after_ends(reached, observation, ended)
    return reached, self._to_act_from

  def _as_theirs(self, action: np.ndarray) -> np.ndarray:
    """Actions [B, ...] as the environment numbers or bounds them."""
    space = self._action_space
    theirs: np.ndarray = (action + self._first_action).astype(space.dtype)
    if isinstance(space, gym.spaces.Box):
      # float32's nearest to a bound of float64 may lie outside.
      return np.clip(theirs, space.low, space.high)
    return theirs

  def _after_ends(self, reached, observation, ended) -> ts.TimeStep:
    """The time step to act from, where some episodes ended."""
    self._num_episodes += ended
    if self._mode is AutoresetMode.NEXT_STEP:
      return reached
    if self._mode is AutoresetMode.DISABLED:
      observation, _ = self._env.reset(
        seed=self._reset_seeds(ended), options={"reset_mask": ended}
      )
    return ts.TimeStep(
      np.where(ended, _FIRST, reached.step_type),
      np.where(ended, np.float32(0), reached.reward),
      np.where(ended, np.float32(1), reached.discount),
      self._cast(observation),
    )

  @property
  def episode_numbers(self) -> np.ndarray:
    """[B] int64, counted from 0."""
    return self._num_episodes

  def begin_episodes(self, numbers: np.ndarray) -> None:
    """Abandons the episodes under way; the next call begins others.

    Args:
      numbers: [B] int64, of the episodes to begin.
    """
    self._num_episodes = numbers
    self._to_act_from = None

  def _reset(self) -> ts.TimeStep:
    seeds = self._reset_seeds(np.ones(self.batch_size, bool))
    # Vector environments that reset by themselves spread one seed themselves.
    own = self._mode is not AutoresetMode.DISABLED
    observation, _ = self._env.reset(seed=seeds[0] if own else seeds)
    self._seed_action_spaces(seeds)
    self._to_act_from = ts.restart(self._cast(observation), self.batch_size)
    return self._to_act_from

  def _step(self, action: np.ndarray) -> ts.TimeStep:
    return self.step_and_reset(action)[0]

  def _reset_seeds(self, resets: np.ndarray) -> list[int | None]:
    """Seeds of the copies that reset [B] bool, None for the others."""
    return [
      self._episode_seed(i, int(self._num_episodes[i])) if resets[i] else None
      for i in range(self.batch_size)
    ]

  def _seed_action_spaces(self, seeds: list[int | None]) -> None:
    self._env.action_space.seed(seeds[0])
    for env, seed in zip(getattr(self._env, "envs", ()), seeds, strict=False):
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


class _EpisodeNumbers(tf.train.experimental.PythonState):
  """Which episode each copy is in, for checkpoints.

  A Python environment cannot be saved: after a restore each copy begins its
  next episode.
  """

  def __init__(self, environment: GymnasiumEnvironment):
    self._environment = environment

  def serialize(self) -> str:
    return json.dumps(self._environment.episode_numbers.tolist())

  def deserialize(self, value: str) -> None:
    self._environment.begin_episodes(np.array(json.loads(value)) + 1)


class HostEnvironment(tf_py_environment.TFPyEnvironment):
  """A `TFPyEnvironment` that crosses into Python once per step."""

  def __init__(self, environment: GymnasiumEnvironment):
    super().__init__(environment)
    self._tracked = _EpisodeNumbers(environment)

  @property
  def tracked(self) -> tf.train.experimental.PythonState:
    """The number of every copy's episode, for checkpoints."""
    return self._tracked

  def close(self) -> None:
    """Closes the environments and their processes."""
    self.pyenv.close()

  def step_and_reset(
    self, action: tf.Tensor
  ) -> tuple[ts.TimeStep, ts.TimeStep]:
    """Steps every copy, from inside a graph; see `GymnasiumEnvironment`.

    Args:
      action: [B, ...].
    """
    reached, after = self._call(self.pyenv.step_and_reset, [action], 2)
    return reached, after

  def _current_time_step(self) -> ts.TimeStep:
    # Theirs remembers only what came of their own `step`.
    (now,) = self._call(lambda: (self.pyenv.current_time_step(),), [], 1)
    return now

  def _call(self, function, arguments, num_time_steps: int) -> list:
    """Calls Python, which returns so many time steps of [B, ...].

    Every array that crosses costs; all numbers of all time steps are one.
    """

    def packed(*values):
      time_steps = function(*values)
      numbers = [x for step in time_steps for x in step[:_NUM_NUMBERS]]
      # Copies: TensorFlow takes over an array's memory, and writes into it when
      # it needs the tensor no longer.
      observations = [step.observation.copy() for step in time_steps]
      return np.stack(numbers, dtype=np.float32), *observations

    spec = self.observation_spec()
    numbers, *observations = tf.numpy_function(
      packed, arguments, [tf.float32] + [spec.dtype] * num_time_steps
    )
    numbers.set_shape([_NUM_NUMBERS * num_time_steps, self.batch_size])
    rows = tf.unstack(numbers)  # [B] each
    for observation in observations:
      observation.set_shape([self.batch_size, *spec.shape])
    return [
      ts.TimeStep(tf.cast(kind, tf.int32), reward, discount, observation)
      for kind, reward, discount, observation in zip(
        rows[::_NUM_NUMBERS],
        rows[1::_NUM_NUMBERS],
        rows[2::_NUM_NUMBERS],
        observations,
        strict=True,
      )
    ]
