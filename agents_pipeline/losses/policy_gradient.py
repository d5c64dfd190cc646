"""The three terms of an actor-critic's loss.

Each is a mean over the steps that count: `weight` is 1 for them and 0 for
steps that only reset an environment. Mnih et al. (2016), section 4 and
algorithm S3.
"""

import tensorflow as tf


def weighted_mean(x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
  """Mean of x [...] over weight [...]; 0 where all weights are 0."""
  return tf.math.divide_no_nan(tf.reduce_sum(x * weight), tf.reduce_sum(weight))


def policy_gradient_loss(
  log_prob: tf.Tensor, advantage: tf.Tensor, weight: tf.Tensor
) -> tf.Tensor:
  """-E[log pi(a|s) A]: its gradient is the policy gradient, turned round.

  Args:
    log_prob: [T, B] float32, of the actions taken.
    advantage: [T, B] float32; no gradient flows into it.
    weight: [T, B] float32.

  Returns:
    [] float32.
  """
  return -weighted_mean(log_prob * tf.stop_gradient(advantage), weight)


def value_error(
  value: tf.Tensor, target: tf.Tensor, weight: tf.Tensor
) -> tf.Tensor:
  """E[(R - V(s))^2], without a half: the coefficient has it.

  Args:
    value: [T, B] float32.
    target: [T, B] float32, the return R; no gradient flows into it.
    weight: [T, B] float32.

  Returns:
    [] float32.
  """
  error = tf.stop_gradient(target) - value  # [T, B]
  return weighted_mean(tf.square(error), weight)


def mean_entropy(entropy: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
  """E[H(pi(.|s))], in nats; what the entropy coefficient makes larger.

  Args:
    entropy: [T, B] float32, of the policy in each state.
    weight: [T, B] float32.

  Returns:
    [] float32.
  """
  return weighted_mean(entropy, weight)


def normalized(advantage: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
  """Advantages of mean 0 and standard deviation 1 over the steps that count.

  Args:
    advantage: [T, B] float32.
    weight: [T, B] float32.

  Returns:
    [T, B] float32.
  """
  centered = advantage - weighted_mean(advantage, weight)
  variance = weighted_mean(tf.square(centered), weight)
  return centered / (tf.sqrt(variance) + 1e-8)
