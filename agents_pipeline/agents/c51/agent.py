"""C51: the loss of Bellemare et al. (2017), on our own base.

This uses the projection of TF-Agents' `CategoricalDqnAgent`, but not its loss,
which is right only within an episode. It trains on transitions that begin at an
episode's last observation, lets windows of n steps run from a truncated episode
into the next, ignores the importance weights of a prioritized replay, and gives
no losses of single transitions, which priorities need.
"""

import tensorflow as tf
from tf_agents.agents.categorical_dqn import categorical_dqn_agent

from agents_pipeline.agents.q_learning import agent as q_agent


class C51Agent(q_agent.QLearningAgent):
  """Learns categorical distributions of returns (Bellemare et al. 2017)."""

  def _td_loss(self, s_tm1, a_tm1, r_t, discount_t, s_t, training):
    """The cross-entropy of algorithm 1 of the paper; also used as the TD error.

    With z the support and p the probabilities of the best next action,

      T z_j  = r + gamma z_j, clipped to [v_min, v_max]
      m_i    = sum_j [1 - |T z_j - z_i| / delta z]_0^1  p_j(s_t, a*)
      loss   = -sum_i m_i log p_i(s_tm1, a_tm1)
    """
    z = self._q_network.distribution.support  # [N]
    q_tm1, logits_tm1 = self._online(s_tm1, training)
    q_t, logits_t = self._target(s_t)
    a_t = self._next_actions(q_t, s_t)  # [S]

    p_t = tf.nn.softmax(q_agent.of_actions(logits_t, a_t))  # [S, N]
    t_z = r_t[:, None] + discount_t[:, None] * z  # [S, N]
    m = tf.stop_gradient(
      categorical_dqn_agent.project_distribution(t_z, p_t, tf.constant(z))
    )  # [S, N]
    loss = tf.nn.softmax_cross_entropy_with_logits(
      m, q_agent.of_actions(logits_tm1, a_tm1)
    )  # [S]
    return q_agent.Extra(loss, loss, self._q_of_taken(q_tm1, s_tm1, a_tm1))
