"""QR-DQN: the loss of Dabney et al. (2018), on our own base.

TF-Agents has no agent of that name.
"""

import tensorflow as tf

from agents_pipeline.agents.q_learning import agent as q_agent
from agents_pipeline.agents.q_learning import network as q_network
from agents_pipeline.agents.qr_dqn import config as qr_dqn_config
from agents_pipeline.losses import quantile_regression


class QrDqnAgent(q_agent.QLearningAgent):
  """Learns quantiles of returns (Dabney et al. 2018)."""

  def __init__(
    self,
    config: qr_dqn_config.QrDqnConfig,
    time_step_spec,
    action_spec,
    network: q_network.QNetwork,
    noise_seed: int = 0,
  ):
    """See `QLearningAgent`."""
    self._kappa = config.kappa
    super().__init__(config, time_step_spec, action_spec, network, noise_seed)

  def _td_loss(self, s_tm1, a_tm1, r_t, discount_t, s_t, training):
    """The quantile Huber loss of the paper's algorithm 1; also the TD error.

    With theta the quantiles,

      T theta_j = r + gamma theta_j(s_t, a*)
      loss      = sum_i E_j[rho_i(T theta_j - theta_i(s_tm1, a_tm1))]
    """
    q_tm1, theta_tm1 = self._online(s_tm1, training)
    q_t, theta_t = self._target(s_t)
    a_t = self._next_actions(q_t, s_t)  # [S]

    theta_t = q_agent.of_actions(theta_t, a_t)  # [S, N]
    t_theta = tf.stop_gradient(r_t[:, None] + discount_t[:, None] * theta_t)
    loss = quantile_regression.quantile_huber_loss(
      q_agent.of_actions(theta_tm1, a_tm1),
      self._q_network.distribution.fractions,
      t_theta,
      self._kappa,
    )  # [S]
    return q_agent.Extra(loss, loss, self._q_of_taken(q_tm1, s_tm1, a_tm1))
