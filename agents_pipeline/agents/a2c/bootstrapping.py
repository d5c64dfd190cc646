"""Values of what steps led to, with as few forward passes as possible."""

from collections.abc import Callable

import tensorflow as tf


def next_values(
  evaluate: Callable, value: tf.Tensor, next_observation, truncated: tf.Tensor
) -> tf.Tensor:
  """V(s') of every step of a rollout; no gradient flows into it.

  Within an episode, the s' of a step is the s of the next one, whose value is
  known. So the network evaluates only the s' of the last step, unless an
  episode was truncated at an earlier step: then it evaluates all of them.

  Args:
    evaluate: observations [T, B, ...] -> (policy parameters, values [T, B]).
    value: [T, B] float32, V(s), the values of the observations acted from.
    next_observation: [T, B, ...], the observations that the steps led to,
      before any reset.
    truncated: [T, B] bool.

  Returns:
    [T, B] float32.
  """
  newest = tf.nest.map_structure(lambda x: x[-1:], next_observation)
  _, last = evaluate(newest)  # [1, B]
  following = tf.concat([value[1:], last], axis=0)  # [T, B]
  next_value = tf.cond(
    tf.reduce_any(truncated[:-1]),
    lambda: tf.where(truncated, evaluate(next_observation)[1], following),
    lambda: following,
  )
  return tf.stop_gradient(next_value)
