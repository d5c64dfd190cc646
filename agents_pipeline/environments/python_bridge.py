"""Python environments, called from inside a graph."""

import ctypes
import functools
import json
import threading
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tf_agents.environments import tf_py_environment
from tf_agents.trajectories import time_step as ts

from agents_pipeline import errors
from agents_pipeline.environments import gymnasium_vector

_NUM_NUMBERS = gymnasium_vector.NUM_NUMBERS
_FAILED = -1.0  # in place of the type of a step
_MAX_PACKED = 128  # numbers of an observation that crosses with the others
_thread = threading.local()


class _Whereabouts(tf.train.experimental.PythonState):
  """Where the episodes stand, for checkpoints."""

  def __init__(self, environment: gymnasium_vector.GymnasiumEnvironment):
    self._environment = environment
    self.restored: dict | None = None

  def serialize(self) -> str:
    return json.dumps(self._environment.whereabouts())

  def deserialize(self, value: str) -> None:
    self.restored = json.loads(value)


class HostEnvironment(tf_py_environment.TFPyEnvironment):
  """A `TFPyEnvironment` that crosses into Python once per step.

  Every array that crosses costs. All numbers of the time steps are one array,
  and with them the observations, where these are a few numbers themselves.

  Attributes:
    is_packed: observations are among the numbers.
  """

  def __init__(self, environment: gymnasium_vector.GymnasiumEnvironment):
    super().__init__(environment)
    spec = self.observation_spec()
    self.is_packed = (
      spec.dtype == tf.float32
      and spec.shape.rank == 1
      and spec.shape[0] <= _MAX_PACKED
    )
    self._tracked = _Whereabouts(environment)
    self._failure: errors.EnvironmentFailure | None = None

  @property
  def tracked(self) -> tf.train.experimental.PythonState:
    """Where every copy's episode stands, for checkpoints."""
    return self._tracked

  def resume(self) -> bool:
    """Goes on where a restored checkpoint says.

    Returns:
      Whether every episode under way was played again; if not, others begin.
    """
    return self.pyenv.resume(self._tracked.restored)

  def close(self) -> None:
    """Closes the environments and their processes."""
    self.pyenv.close()

  def raises_its_own(self, call: Callable) -> Callable:
    """A compiled call that raises what an environment raised within it.

    TensorFlow would tell it as an error of its own, with both tracebacks.
    """

    @functools.wraps(call)
    def call_or_tell(*arguments):
      try:
        return call(*arguments)
      except tf.errors.OpError:
        if self._failure is None:
          raise
        raise self._failure from None

    return call_or_tell

  def step_and_reset(
    self, action: tf.Tensor
  ) -> tuple[ts.TimeStep, ts.TimeStep]:
    """Steps every copy, from inside a graph; see `GymnasiumEnvironment`.

    Args:
      action: [B, ...].
    """
    return self.time_steps(self.step_in_python(action))

  def step_in_python(
    self, action: tf.Tensor, *, raises_later: bool = False
  ) -> list[tf.Tensor]:
    """Steps every copy; `time_steps` makes of it what was reached.

    Args:
      action: [B, ...].
      raises_later: where an environment fails, only `checked` raises.

    Returns:
      The arrays that crossed.
    """
    return self._call(self.pyenv.step_and_reset, [action], 2, raises_later)

  def checked(self, arrays: list[tf.Tensor]) -> list[tf.Tensor]:
    """Arrays that crossed, of environments that did not fail.

    A failure ends whatever goes on beside it, wherever that stands; here it can
    wait for that.
    """
    ok = arrays[0][0, 0] != _FAILED  # []
    check = tf.raw_ops.Assert(condition=ok, data=["an environment failed"])
    with tf.control_dependencies([check] if check is not None else []):
      return [tf.identity(array) for array in arrays]

  def time_steps(self, arrays: list[tf.Tensor]) -> tuple[ts.TimeStep, ...]:
    """The time steps that came from Python. Runs inside XLA.

    Args:
      arrays: that crossed.

    Returns:
      The one reached and the one to act from, of [B, ...].
    """
    numbers, *observations = arrays
    spec = self.observation_spec()
    if self.is_packed:
      size = spec.shape[0]
      num_time_steps = numbers.shape[1] // (_NUM_NUMBERS + size)
      sizes = [_NUM_NUMBERS * num_time_steps] + [size] * num_time_steps
      numbers, *observations = tf.split(numbers, sizes, axis=1)
    rows = tf.unstack(numbers, axis=1)  # [B] each
    return tuple(
      ts.TimeStep(tf.cast(kind, tf.int32), reward, discount, observation)
      for kind, reward, discount, observation in zip(
        rows[::_NUM_NUMBERS],
        rows[1::_NUM_NUMBERS],
        rows[2::_NUM_NUMBERS],
        observations,
        strict=True,
      )
    )

  def _current_time_step(self) -> ts.TimeStep:
    # Theirs remembers only what came of their own `step`.
    (now,) = self.time_steps(
      self._call(lambda: (self.pyenv.current_time_step(),), [], 1)
    )
    return now

  def _call(
    self, function, arguments, num_time_steps: int, raises_later: bool = False
  ) -> list[tf.Tensor]:
    """Calls Python, which returns so many time steps of [B, ...]."""
    spec = self.observation_spec()
    width = _NUM_NUMBERS * num_time_steps
    if self.is_packed:
      width += spec.shape[0] * num_time_steps

    def nothing():
      numbers: np.ndarray = np.full(
        (self.batch_size, width), _FAILED, np.float32
      )
      if self.is_packed:
        return numbers
      shape = (self.batch_size, *spec.shape)
      blank = np.zeros(shape, spec.dtype.as_numpy_dtype)
      return [numbers, *[blank.copy() for _ in range(num_time_steps)]]

    def packed(*values):
      _keep_state_of_thread()
      try:
        time_steps = function(*values)
      except errors.EnvironmentFailure as failure:
        self._failure = failure
        if raises_later:
          return nothing()
        raise
      numbers: np.ndarray = np.empty((self.batch_size, width), np.float32)
      for i, number in enumerate(
        number for step in time_steps for number in step[:_NUM_NUMBERS]
      ):
        numbers[:, i] = number
      observations = [step.observation for step in time_steps]
      if self.is_packed:
        np.concatenate(
          observations, 1, out=numbers[:, _NUM_NUMBERS * num_time_steps :]
        )
        return numbers
      # Copies: TensorFlow takes over an array's memory, and writes into it when
      # it needs the tensor no longer.
      return [numbers, *[observation.copy() for observation in observations]]

    num_observations = 0 if self.is_packed else num_time_steps
    found = tf.numpy_function(
      packed, arguments, [tf.float32] + [spec.dtype] * num_observations
    )
    numbers, *observations = tf.nest.flatten(found)  # eager, one is no list
    numbers.set_shape([self.batch_size, width])
    for observation in observations:
      observation.set_shape([self.batch_size, *spec.shape])
    return [numbers, *observations]


def _keep_state_of_thread() -> None:
  """Lets Python's state of a thread of TensorFlow's last from call to call.

  `tf.numpy_function` makes one for each call, with memory for its frames, and
  drops it after: 15 to 40 us. It counts who holds it; this hold is never let
  go.
  """
  if not hasattr(_thread, "is_kept"):
    ctypes.pythonapi.PyGILState_Ensure()
    _thread.is_kept = True
