"""The three terms of an actor-critic's loss.

Each is a mean over the steps of mask 1; the mask is 0 for steps that only reset
an environment. Mnih et al. (2016), section 4 and algorithm S3.
"""

import tensorflow as tf

from agents_pipeline.losses import shapes


def masked_mean(x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
  """Mean of x [T, B] where mask [T, B] is 1; 0 where it is 0 throughout."""
  shapes.check_same(x, mask)
  return tf.math.divide_no_nan(tf.reduce_sum(x * mask), tf.reduce_sum(mask))


def policy_gradient_loss(
  log_prob: tf.Tensor, advantage: tf.Tensor, mask: tf.Tensor
) -> tf.Tensor:
  """-E[log pi(a|s) A]: its gradient is the negative policy gradient.

  Args:
    log_prob: [T, B] float32, the log probabilities of the actions taken.
    advantage: [T, B] float32; no gradient flows into it.
    mask: [T, B] float32.

  Returns:
    [] float32.
  """
  shapes.check_same(log_prob, advantage, mask)
  return -masked_mean(log_prob * tf.stop_gradient(advantage), mask)


def value_error(
  value: tf.Tensor, target: tf.Tensor, mask: tf.Tensor
) -> tf.Tensor:
  """E[(R - V(s))^2], without the factor 1/2, which is in the coefficient.

  Args:
    value: [T, B] float32.
    target: [T, B] float32, the return R; no gradient flows into it.
    mask: [T, B] float32.

  Returns:
    [] float32.
  """
  shapes.check_same(value, target, mask)
  error = tf.stop_gradient(target) - value  # [T, B]
  return masked_mean(tf.square(error), mask)


def mean_entropy(entropy: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
  """E[H(pi(.|s))], in nats; the loss maximizes it.

  Args:
    entropy: [T, B] float32, the policy's entropy in each state.
    mask: [T, B] float32.

  Returns:
    [] float32.
  """
  return masked_mean(entropy, mask)


def normalized(advantage: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
  """Advantages of mean 0 and standard deviation 1 over the steps of mask 1.

  Args:
    advantage: [T, B] float32.
    mask: [T, B] float32.

  Returns:
    [T, B] float32.
  """
  centered = advantage - masked_mean(advantage, mask)
  variance = masked_mean(tf.square(centered), mask)
  return centered / (tf.sqrt(variance) + 1e-8)
