"""n-step TD targets: Sutton & Barto (2018), section 7.1."""

from typing import NamedTuple

import tensorflow as tf

from agents_pipeline.losses import shapes


class NStepReturn(NamedTuple):
  """The part of an n-step return before it bootstraps.

  The n-step return is `reward + gamma * discount * V(s)`, s being the
  observation that step `last` led to.

  Attributes:
    reward: [B] float32.
    discount: [B] float32.
    last: [B] int32, the index of the last step of the sum, in [0, n).
  """

  reward: tf.Tensor
  discount: tf.Tensor
  last: tf.Tensor


def n_step_return(
  reward: tf.Tensor, discount: tf.Tensor, is_last: tf.Tensor, gamma: float
) -> NStepReturn:
  """Sums n rewards, but no further than the end of the episode.

  With m <= n the number of steps until the episode ends or the window does,

    reward   = sum_{i < m} gamma^i * (prod_{j < i} discount_j) * reward_i
    discount = gamma^(m - 1) * prod_{i < m} discount_i
    last     = m - 1

  A truncated episode bootstraps from its true last observation. TF-Agents' own
  conversion continues into the next episode (tensorflow/agents#939).

  Args:
    reward: [B, n] float32, the rewards of consecutive steps.
    discount: [B, n] float32, the environment's discounts: 0 where the episode
      terminated.
    is_last: [B, n] bool, whether the episode ended with that step.
    gamma: the agent's discount per env step.
  """
  shapes.check_same(reward, discount, is_last)
  num_steps = reward.shape[1]
  if num_steps == 1:  # there is nothing to sum
    last = tf.zeros(tf.shape(reward)[:1], tf.int32)
    return NStepReturn(reward[:, 0], discount[:, 0], last)
  continues = tf.cast(~is_last, tf.float32)  # [B, n]
  # 1 for the steps up to and including the first that ended the episode.
  mask = tf.math.cumprod(continues, axis=1, exclusive=True)  # [B, n]
  power = gamma ** tf.range(num_steps, dtype=tf.float32)  # [n]
  weight = tf.math.cumprod(discount, axis=1, exclusive=True) * power  # [B, n]
  last = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1) - 1  # [B]
  return NStepReturn(
    tf.reduce_sum(mask * weight * reward, axis=1),
    tf.gather(weight * discount, last, axis=1, batch_dims=1),
    last,
  )
