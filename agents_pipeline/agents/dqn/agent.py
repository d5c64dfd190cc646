"""Deep Q-learning: TF-Agents' `DqnAgent` with its loss written out."""

import tensorflow as tf
from tf_agents.utils import common

from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import agent as q_agent
from agents_pipeline.agents.q_learning import network as q_network

_LOSSES = {
  "huber": common.element_wise_huber_loss,
  "squared": common.element_wise_squared_loss,
}


class DqnAgent(q_agent.QLearningAgent):
  """Deep Q-learning (Mnih et al. 2015), or double (van Hasselt et al. 2016)."""

  def __init__(
    self,
    config: dqn_config.DqnConfig,
    time_step_spec,
    action_spec,
    network: q_network.QNetwork,
    noise_seed: int = 0,
  ):
    """See `QLearningAgent`."""
    self._element_wise_loss = _LOSSES[config.loss]
    super().__init__(config, time_step_spec, action_spec, network, noise_seed)

  def _td_loss(self, s_tm1, a_tm1, r_t, discount_t, s_t, training):
    """The TD loss: Mnih et al. (2015) equation 2, or its double form.

    The TD error is target minus q.
    """
    q_tm1, _ = self._online(s_tm1, training)  # [S, A]
    q_t, _ = self._target(s_t)  # [S, A]
    a_t = self._next_actions(q_t, s_t)  # [S]

    qa_tm1 = self._q_of_taken(q_tm1, s_tm1, a_tm1)  # [S]
    qa_t = q_agent.of_actions(q_t, a_t)  # [S]
    target = tf.stop_gradient(r_t + discount_t * qa_t)  # [S]
    td_loss = self._element_wise_loss(target, qa_tm1)  # [S]
    return q_agent.Extra(td_loss, target - qa_tm1, qa_tm1)
