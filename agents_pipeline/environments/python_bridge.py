"""Python environments, stepped from inside a TensorFlow graph."""

import ctypes
import functools
import json
import threading
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from tf_agents.environments import tf_py_environment
from tf_agents.trajectories import time_step as ts

from agents_pipeline import errors, interfaces
from agents_pipeline.environments import gymnasium_vector
from agents_pipeline.ops import packing

_FAILED = -1.0  # in place of a step type
_thread = threading.local()


class _EpisodeState(tf.train.experimental.PythonState):
  """The state of the current episodes, for checkpoints."""

  def __init__(self, environment: gymnasium_vector.GymnasiumEnvironment):
    self._environment = environment
    self.restored: dict | None = None

  def serialize(self) -> str:
    return json.dumps(self._environment.get_state())

  def deserialize(self, value: str) -> None:
    self.restored = json.loads(value)


class PythonBridge(tf_py_environment.TFPyEnvironment):
  """A `TFPyEnvironment` that calls Python once per step.

  Every array that Python returns to the graph costs time, so the time steps are
  packed into one float32 array; fields that do not fit, such as images, are
  separate. Of stacked frames only the newest crosses: the others are known from
  the observation before.
  """

  def __init__(
    self,
    environment: gymnasium_vector.GymnasiumEnvironment,
    num_frames: int = 1,
    *,
    chooses_actions: bool = False,
  ):
    """Wraps an environment.

    Args:
      environment: the B copies, which the bridge closes.
      num_frames: the number of frames stacked in an observation, its first
        dimension if above 1.
      chooses_actions: whether `environment` is a `CollectedEnvironment`, which
        does not take the actions that it is given.
    """
    super().__init__(environment)
    self._is_stacked = num_frames > 1
    spec = self.time_step_spec()
    self._packing = packing.Packing(tf.nest.flatten(spec))  # of one time step
    if self._is_stacked:
      spec = spec._replace(observation=_newest_frame_spec(spec.observation))
    fields = tf.nest.flatten(spec)
    chosen = [self.action_spec()] if chooses_actions else []
    self._chooses_actions = chooses_actions
    self._pair_packing = packing.Packing(fields + fields + chosen)
    self._tracked = _EpisodeState(environment)
    self._failure: errors.EnvironmentFailure | None = None

  @property
  def tracked(self) -> tf.train.experimental.PythonState:
    """The state of every copy's episode, for checkpoints."""
    return self._tracked

  def resume(self) -> bool:
    """Continues from the state of a restored checkpoint.

    Returns:
      Whether every unfinished episode was replayed; if not, other episodes
      begin.
    """
    return self.pyenv.resume(self._tracked.restored)

  @property
  def copies(self) -> list[interfaces.Copy]:
    """The copies, to evaluate in; not every vector environment has them."""
    return self.pyenv.copies

  def begin_other_episodes(self) -> None:
    """Leaves the episodes under way, and begins the ones after them."""
    self.pyenv.begin_other_episodes()

  def close(self) -> None:
    """Closes the environments and their processes."""
    self.pyenv.close()

  def reraise_failures(self, call: Callable) -> Callable:
    """Wraps a compiled call to raise what an environment raised within it.

    TensorFlow would raise an error of its own, whose text has both tracebacks.
    """

    @functools.wraps(call)
    def call_and_raise(*arguments):
      try:
        return call(*arguments)
      except tf.errors.OpError:
        if self._failure is None:
          raise
        raise self._failure from None

    return call_and_raise

  def step_and_reset(
    self, action: tf.Tensor
  ) -> tuple[ts.TimeStep, ts.TimeStep]:
    """Steps every copy, from inside a graph; see `GymnasiumEnvironment`.

    Args:
      action: the actions, [B, ...].

    Returns:
      The next and the current time steps, [B, ...].
    """
    stack = self.stack_of(self.current_time_step()) if self._is_stacked else ()
    with tf.control_dependencies(tf.nest.flatten(stack)):  # before the step
      arrays = self.step_in_python(action)
    return self.time_steps(arrays, stack)

  def step_in_python(
    self, action: tf.Tensor, *, defer_failure: bool = False
  ) -> list[tf.Tensor]:
    """Steps every copy, and leaves its results packed for `time_steps`.

    Args:
      action: the actions, [B, ...].
      defer_failure: whether a failure is raised in `checked`, not here.

    Returns:
      The arrays that Python returned.
    """
    return self._call(
      self._step_with_newest_frames,
      [action],
      self._pair_packing,
      defer_failure,
    )

  def checked(self, arrays: list[tf.Tensor]) -> list[tf.Tensor]:
    """Returns arrays of `step_in_python`, and fails if an environment did.

    A failure aborts whatever runs in parallel at that moment. Raising it here
    rather than in the step lets that finish first.
    """
    ok = arrays[0][0, 0] != _FAILED  # []
    check = tf.raw_ops.Assert(condition=ok, data=["an environment failed"])
    # Outside a graph there is no op: it has already raised.
    with tf.control_dependencies([] if check is None else [check]):
      return [tf.identity(array) for array in arrays]

  def actions_taken(
    self, arrays: list[tf.Tensor], action: tf.Tensor
  ) -> tf.Tensor:
    """Returns the actions [B, ...] that led to the arrays. Runs inside XLA.

    Args:
      arrays: the arrays of `step_in_python`.
      action: the actions that `step_in_python` was given.
    """
    if not self._chooses_actions:
      return action
    return self._pair_packing.unpack(arrays)[-1]

  def stack_of(self, time_step: ts.TimeStep) -> tf.Tensor | tuple[()]:
    """The frames [B, N, ...] that the next stack continues; () without any."""
    return time_step.observation if self._is_stacked else ()

  def time_steps(
    self, arrays: list[tf.Tensor], stack: tf.Tensor | tuple[()] = ()
  ) -> tuple[ts.TimeStep, ts.TimeStep]:
    """Unpacks the time steps that Python returned. Runs inside XLA.

    Args:
      arrays: the arrays of `step_in_python`.
      stack: the frames that `stack_of` returned for the time step acted from.

    Returns:
      The next and the current time steps, [B, ...].
    """
    fields = self._pair_packing.unpack(arrays)
    half = len(fields) // 2  # the actions that were chosen may follow
    next_, current = map(
      self._to_time_step, (fields[:half], fields[half : 2 * half])
    )
    if self._is_stacked:
      next_, current = (_stacked(step, stack) for step in (next_, current))
    return next_, current

  def _step_with_newest_frames(self, action: np.ndarray):
    """Steps in Python; keeps only the newest of stacked frames."""
    steps = self.pyenv.step_and_reset(action)
    if self._is_stacked:
      steps = [s._replace(observation=s.observation[:, -1]) for s in steps]
    if self._chooses_actions:
      return [*steps, (self.pyenv.actions_taken,)]
    return steps

  def _current_time_step(self) -> ts.TimeStep:
    # TF-Agents' own knows only the results of its own `step`.
    current = lambda: (self.pyenv.current_time_step(),)
    return self._to_time_step(
      self._packing.unpack(self._call(current, [], self._packing))
    )

  def _to_time_step(self, fields: Sequence[tf.Tensor]) -> ts.TimeStep:
    return tf.nest.pack_sequence_as(self.time_step_spec(), fields)

  def _call(
    self,
    function: Callable[..., Sequence[ts.TimeStep]],
    arguments: list[tf.Tensor],
    packed: packing.Packing,
    defer_failure: bool = False,
  ) -> list[tf.Tensor]:
    """Calls a Python function that returns time steps of [B, ...]."""

    def call(*values):
      _keep_thread_state()
      try:
        # Copies: TensorFlow takes over an array's memory, and writes to it once
        # it does not need the tensor any more.
        steps = function(*values)
        return packed.pack_arrays(_fields(steps))
      except errors.EnvironmentFailure as failure:
        self._failure = failure
        if not defer_failure:
          raise
        return self._failed(packed)

    returned = tf.numpy_function(
      call, arguments, [spec.dtype for spec in packed.specs]
    )
    # Executed eagerly, a single array is not in a list.
    arrays = tf.nest.flatten(returned)
    for array, spec in zip(arrays, packed.specs, strict=True):
      array.set_shape([self.batch_size, *spec.shape])
    return arrays

  def _failed(self, packed: packing.Packing) -> list[np.ndarray]:
    """Returns arrays that `checked` rejects."""
    arrays = [
      np.zeros((self.batch_size, *spec.shape), spec.dtype.as_numpy_dtype)
      for spec in packed.specs
    ]
    arrays[0][:] = _FAILED
    return arrays


def _fields(steps: Sequence[ts.TimeStep]) -> list[np.ndarray]:
  """The arrays of time steps, in the order of `tf.nest`."""
  if isinstance(steps[0].observation, dict):  # flattening takes longer
    return tf.nest.flatten(list(steps))
  return [x for step in steps for x in step]


def _newest_frame_spec(stack: tf.TensorSpec) -> tf.TensorSpec:
  """The spec of one frame of a stack."""
  return tf.TensorSpec(stack.shape[1:], stack.dtype, stack.name)


def _stacked(time_step: ts.TimeStep, stack: tf.Tensor) -> ts.TimeStep:
  """Puts the newest frames [B, ...] of a time step behind those before.

  Args:
    time_step: the time step, whose observation is one frame.
    stack: the frames [B, N, ...] of the time step that was acted from.

  Returns:
    The time step with its stack, which is black before the first frame of an
    episode.
  """
  newest = time_step.observation[:, None]  # [B, 1, ...]
  before = stack[:, 1:]  # [B, N - 1, ...]
  is_first = tf.reshape(
    time_step.is_first(), [-1] + [1] * (stack.shape.rank - 1)
  )  # [B, 1, ...]
  before = tf.where(is_first, tf.zeros_like(before), before)
  return time_step._replace(observation=tf.concat([before, newest], axis=1))


def _keep_thread_state() -> None:
  """Keeps the PyThreadState of a TensorFlow thread alive across calls.

  `tf.numpy_function` creates one for each call, with memory for its frames, and
  frees it afterwards: 15 to 40 us. The state is reference-counted, and this
  reference is never released.
  """
  if not hasattr(_thread, "is_kept"):
    ctypes.pythonapi.PyGILState_Ensure()
    _thread.is_kept = True
