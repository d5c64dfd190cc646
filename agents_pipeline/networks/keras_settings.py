"""Settings of Keras and TensorFlow that hold for a whole process.

A user's own settings come from ~/.keras/keras.json, or were made earlier in a
notebook. Training must not depend on them.
"""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf


class Settings(NamedTuple):
  """What networks and their training depend on.

  Attributes:
    floatx: the default dtype of weights.
    epsilon: the epsilon of Keras' numerics.
    image_data_format: the data format of convolutions.
    policy: the policy of mixed precision; None where floatx is the only one.
    runs_eagerly: whether `tf.function`s are called as plain Python.
  """

  floatx: str
  epsilon: float
  image_data_format: str
  policy: tf.keras.mixed_precision.Policy | None
  runs_eagerly: bool


OURS = Settings("float32", 1e-7, "channels_last", None, False)


def current() -> Settings:
  """The settings now."""
  keras = tf.keras.backend
  policy = tf.keras.mixed_precision.global_policy()
  return Settings(
    keras.floatx(),
    keras.epsilon(),
    keras.image_data_format(),
    None if policy.name == keras.floatx() else policy,
    tf.config.functions_run_eagerly(),
  )


def choose(settings: Settings = OURS) -> None:
  """Applies settings from now on."""
  keras = tf.keras.backend
  keras.set_floatx(settings.floatx)
  keras.set_epsilon(settings.epsilon)
  keras.set_image_data_format(settings.image_data_format)
  tf.keras.mixed_precision.set_global_policy(settings.policy)
  tf.config.run_functions_eagerly(settings.runs_eagerly)


@contextlib.contextmanager
def restored() -> Iterator[None]:
  """Restores the settings at the end of the block."""
  before = current()
  try:
    yield
  finally:
    choose(before)
