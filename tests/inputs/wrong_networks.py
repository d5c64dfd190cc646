"""Networks that do not fit, for the table of wrong inputs."""

import tensorflow as tf


def too_wide(observation_spec, action_spec):
  """One output more than there are actions."""
  return tf.keras.layers.Dense(action_spec.maximum + 2)
