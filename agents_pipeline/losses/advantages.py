"""Generalized advantage estimation (Schulman et al. 2016).

Time comes first, `[T, B]`, and an episode may end anywhere:

  terminated    no reward would have followed: it bootstraps from 0
  truncated     it was cut off, by a time limit for example: it bootstraps from
                the value of the true last observation, in `next_value`
  both          is terminated

Either way nothing of the next episode flows back across the end.
"""

import tensorflow as tf

from agents_pipeline.losses import shapes


def generalized_advantages(
  reward: tf.Tensor,
  value: tf.Tensor,
  next_value: tf.Tensor,
  terminated: tf.Tensor,
  truncated: tf.Tensor,
  gamma: float,
  gae_lambda: float,
  *,
  unroll: bool = False,
) -> tf.Tensor:
  """GAE(lambda), Schulman et al. (2016) equation 16:

    delta_t = r_t + gamma (1 - terminated_t) V(s'_t) - V(s_t)
    A_t     = delta_t + gamma lambda (1 - ended_t) A_{t+1},   A_T = 0

  with s'_t the observation that step t led to. Runs inside XLA.

  Args:
    reward: [T, B] float32, r_t.
    value: [T, B] float32, V(s_t), the value of the observation acted from.
    next_value: [T, B] float32, V(s'_t), the value of the observation that the
      step led to, before any reset.
    terminated: [T, B] bool.
    truncated: [T, B] bool.
    gamma: the discount per env step, in [0, 1].
    gae_lambda: lambda, in [0, 1]; 1 gives n-step returns, 0 the one-step TD
      error.
    unroll: whether to compile every step by itself in place of a loop.

  Returns:
    The advantages A_t, [T, B] float32.
  """
  shapes.check_same(reward, value, next_value, terminated, truncated)
  bootstrap = tf.where(terminated, 0.0, next_value)  # [T, B]
  delta = reward + gamma * bootstrap - value  # [T, B]
  continues = tf.cast(~(terminated | truncated), tf.float32)  # [T, B]
  decay = gamma * gae_lambda * continues  # [T, B]

  def step(next_advantage, delta_and_decay):
    delta_t, decay_t = delta_and_decay
    return delta_t + decay_t * next_advantage  # [B]

  if not unroll:
    return tf.scan(
      step, (delta, decay), tf.zeros_like(delta[0]), reverse=True
    )  # [T, B]
  backwards = [tf.zeros_like(delta[0])]  # A_T, A_{T-1}, ..., A_0
  for t in reversed(range(delta.shape[0])):
    backwards.append(step(backwards[-1], (delta[t], decay[t])))
  return tf.stack(backwards[:0:-1])  # [T, B], without A_T
