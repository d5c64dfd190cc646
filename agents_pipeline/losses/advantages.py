"""How much better than expected: n-step returns and generalized advantages.

In all of them time comes first, `[T, B]`, and an episode may end anywhere:

  terminated    nothing more would have come: the value ahead is 0
  truncated     it was cut, by a time limit say: the value ahead is that of the
                true last observation, which `next_value` holds
  both          counts as terminated

Either way nothing of the next episode reaches back over the end.
"""

import tensorflow as tf


def generalized_advantages(
  reward: tf.Tensor,
  value: tf.Tensor,
  next_value: tf.Tensor,
  terminated: tf.Tensor,
  truncated: tf.Tensor,
  gamma: float,
  gae_lambda: float,
) -> tf.Tensor:
  """GAE(lambda), Schulman et al. (2016) equation 16:

    delta_t = r_t + gamma (1 - terminated_t) V(s'_t) - V(s_t)
    A_t     = delta_t + gamma lambda (1 - ended_t) A_{t+1},   A_T = 0

  with s'_t the observation that step t reached. Runs inside XLA.

  Args:
    reward: [T, B] float32.
    value: [T, B] float32, V(s_t) of what was acted from.
    next_value: [T, B] float32, V(s'_t) of what was reached, before any reset.
    terminated: [T, B] bool.
    truncated: [T, B] bool.
    gamma: discount per env step, in [0, 1].
    gae_lambda: in [0, 1]; 1 gives n-step returns, 0 the one-step TD error.

  Returns:
    [T, B] float32.
  """
  ahead = tf.where(terminated, 0.0, next_value)  # [T, B]
  delta = reward + gamma * ahead - value  # [T, B]
  going_on = tf.cast(~(terminated | truncated), tf.float32)  # [T, B]
  decay = gamma * gae_lambda * going_on  # [T, B]
  return tf.scan(
    lambda later, step: step[0] + step[1] * later,  # [B]
    (delta, decay),
    tf.zeros_like(delta[0]),
    reverse=True,
  )  # [T, B]


def n_step_returns(
  reward: tf.Tensor,
  next_value: tf.Tensor,
  terminated: tf.Tensor,
  truncated: tf.Tensor,
  gamma: float,
) -> tf.Tensor:
  """Returns from each step to the rollout's end, then the value there.

  Mnih et al. (2016), algorithm S3, with s'_t what step t reached:

    R_t = r_t + gamma R_{t+1}                        within an episode
    R_t = r_t + gamma (1 - terminated_t) V(s'_t)     at its end, or at T - 1

  `generalized_advantages` with lambda 1 is this less V(s_t). Runs inside XLA.

  Args:
    reward: [T, B] float32.
    next_value: [T, B] float32, V(s'_t) of what was reached, before any reset.
    terminated: [T, B] bool.
    truncated: [T, B] bool.
    gamma: discount per env step, in [0, 1].

  Returns:
    [T, B] float32.
  """
  ended = terminated | truncated  # [T, B]
  ahead = tf.where(terminated, 0.0, next_value)  # [T, B]

  def add(later, step):
    reward, ended, ahead = step  # [B] each
    return reward + gamma * tf.where(ended, ahead, later)

  return tf.scan(add, (reward, ended, ahead), ahead[-1], reverse=True)
