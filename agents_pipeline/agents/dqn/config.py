"""Configuration of DQN: `DqnConfig`."""

from agents_pipeline.agents.q_learning import config as q_config
from agents_pipeline.config import fields


@fields.config
class DqnConfig(q_config.QLearningConfig):
  """Deep Q-learning (Mnih et al. 2015).

  Attributes:
    loss: the loss function of the TD error; 'huber' is quadratic up to 1.
  """

  loss: str = fields.choice("huber", "squared")
