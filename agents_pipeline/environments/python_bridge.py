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

from agents_pipeline import errors
from agents_pipeline.environments import gymnasium_vector

_NUM_SCALARS = gymnasium_vector.NUM_SCALARS
_FAILED = -1.0  # in place of a step type
_MAX_PACKED = 128  # numbers of an observation that is packed with the scalars
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


class HostEnvironment(tf_py_environment.TFPyEnvironment):
  """A `TFPyEnvironment` that calls Python once per step.

  Every array that Python returns to the graph costs time. So the scalars of the
  time steps are packed into one array, and with them the observations, where
  these are a few floats themselves.

  Attributes:
    is_packed: whether observations are packed with the scalars.
  """

  def __init__(self, environment: gymnasium_vector.GymnasiumEnvironment):
    """Wraps an environment.

    Args:
      environment: B copies, which this one closes.
    """
    super().__init__(environment)
    spec = self.observation_spec()
    self.is_packed = (
      spec.dtype == tf.float32
      and spec.shape.rank == 1
      and spec.shape[0] <= _MAX_PACKED
    )
    # Of the packed array, for each time step.
    self._num_columns = _NUM_SCALARS + (spec.shape[0] if self.is_packed else 0)
    self._tracked = _EpisodeState(environment)
    self._failure: errors.EnvironmentFailure | None = None

  @property
  def tracked(self) -> tf.train.experimental.PythonState:
    """The state of every copy's episode, for checkpoints."""
    return self._tracked

  def resume(self) -> bool:
    """Continues from the state of a restored checkpoint.

    Returns:
      Whether every unfinished episode was replayed; if not, others begin.
    """
    return self.pyenv.resume(self._tracked.restored)

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
      action: [B, ...].

    Returns:
      The next and the current time steps, of [B, ...].
    """
    return self.time_steps(self.step_in_python(action))

  def step_in_python(
    self, action: tf.Tensor, *, defer_failure: bool = False
  ) -> list[tf.Tensor]:
    """Steps every copy, and leaves its results packed for `time_steps`.

    Args:
      action: [B, ...].
      defer_failure: raise a failure in `checked`, not here.

    Returns:
      The arrays that Python returned.
    """
    return self._call(self.pyenv.step_and_reset, [action], 2, defer_failure)

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

  def time_steps(self, arrays: list[tf.Tensor]) -> tuple[ts.TimeStep, ...]:
    """Unpacks the time steps that Python returned. Runs inside XLA.

    Args:
      arrays: of `step_in_python`.

    Returns:
      The next and the current time steps, of [B, ...].
    """
    numbers, *observations = arrays
    spec = self.observation_spec()
    if self.is_packed:
      size = spec.shape[0]
      num_time_steps = numbers.shape[1] // (_NUM_SCALARS + size)
      sizes = [_NUM_SCALARS * num_time_steps] + [size] * num_time_steps
      numbers, *observations = tf.split(numbers, sizes, axis=1)
    columns = tf.unstack(numbers, axis=1)  # [B] each
    return tuple(
      ts.TimeStep(tf.cast(step_type, tf.int32), reward, discount, observation)
      for step_type, reward, discount, observation in zip(
        columns[::_NUM_SCALARS],
        columns[1::_NUM_SCALARS],
        columns[2::_NUM_SCALARS],
        observations,
        strict=True,
      )
    )

  def _current_time_step(self) -> ts.TimeStep:
    # TF-Agents' own knows only the results of its own `step`.
    (time_step,) = self.time_steps(
      self._call(lambda: (self.pyenv.current_time_step(),), [], 1)
    )
    return time_step

  def _call(
    self,
    function: Callable[..., Sequence[ts.TimeStep]],
    arguments: list[tf.Tensor],
    num_time_steps: int,
    defer_failure: bool = False,
  ) -> list[tf.Tensor]:
    """Calls a Python function that returns so many time steps of [B, ...]."""
    spec = self.observation_spec()

    def call(*values):
      _keep_thread_state()
      try:
        return self._pack(function(*values))
      except errors.EnvironmentFailure as failure:
        self._failure = failure
        if not defer_failure:
          raise
        return self._failed(num_time_steps)

    num_observations = 0 if self.is_packed else num_time_steps
    returned = tf.numpy_function(
      call, arguments, [tf.float32] + [spec.dtype] * num_observations
    )
    # Executed eagerly, a single array is not in a list.
    numbers, *observations = tf.nest.flatten(returned)
    width = self._num_columns * num_time_steps
    numbers.set_shape([self.batch_size, width])
    for observation in observations:
      observation.set_shape([self.batch_size, *spec.shape])
    return [numbers, *observations]

  def _pack(self, time_steps: Sequence[ts.TimeStep]) -> list[np.ndarray]:
    """Packs time steps: first all their scalars, then all observations."""
    num_scalars = _NUM_SCALARS * len(time_steps)
    width = self._num_columns * len(time_steps)
    numbers: np.ndarray = np.empty((self.batch_size, width), np.float32)
    for i, scalar in enumerate(
      scalar for step in time_steps for scalar in step[:_NUM_SCALARS]
    ):
      numbers[:, i] = scalar
    observations = [step.observation for step in time_steps]
    if self.is_packed:
      np.concatenate(observations, 1, out=numbers[:, num_scalars:])
      return [numbers]
    # Copies: TensorFlow takes over an array's memory, and writes to it once it
    # does not need the tensor any more.
    return [numbers, *[observation.copy() for observation in observations]]

  def _failed(self, num_time_steps: int) -> list[np.ndarray]:
    """Returns arrays like those of `_pack` that `checked` rejects."""
    width = self._num_columns * num_time_steps
    numbers: np.ndarray = np.full((self.batch_size, width), _FAILED, np.float32)
    if self.is_packed:
      return [numbers]
    spec = self.observation_spec()
    shape = (self.batch_size, *spec.shape)
    dtype = spec.dtype.as_numpy_dtype
    return [numbers, *[np.zeros(shape, dtype) for _ in range(num_time_steps)]]


def _keep_thread_state() -> None:
  """Keeps the PyThreadState of a TensorFlow thread alive across calls.

  `tf.numpy_function` creates one for each call, with memory for its frames, and
  frees it afterwards: 15 to 40 us. It is counted how often a state is taken;
  this one is never released.
  """
  if not hasattr(_thread, "is_kept"):
    ctypes.pythonapi.PyGILState_Ensure()
    _thread.is_kept = True
