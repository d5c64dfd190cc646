"""Python environments, called from inside a graph."""

import json
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tf_agents.environments import tf_py_environment
from tf_agents.trajectories import time_step as ts

from agents_pipeline import errors
from agents_pipeline.environments import gymnasium_adapter

_NUM_NUMBERS = gymnasium_adapter.NUM_NUMBERS


class _Whereabouts(tf.train.experimental.PythonState):
  """Where the episodes stand, for checkpoints."""

  def __init__(self, environment: gymnasium_adapter.GymnasiumEnvironment):
    self._environment = environment
    self.restored: dict | None = None

  def serialize(self) -> str:
    return json.dumps(self._environment.whereabouts())

  def deserialize(self, value: str) -> None:
    self.restored = json.loads(value)


class HostEnvironment(tf_py_environment.TFPyEnvironment):
  """A `TFPyEnvironment` that crosses into Python once per step."""

  def __init__(self, environment: gymnasium_adapter.GymnasiumEnvironment):
    super().__init__(environment)
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

  def telling(self, call: Callable) -> Callable:
    """A compiled call that raises what an environment raised within it.

    TensorFlow would tell it as an error of its own, with both tracebacks.
    """

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
      try:
        time_steps = function(*values)
      except errors.EnvironmentFailure as failure:
        self._failure = failure
        raise
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
