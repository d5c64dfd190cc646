"""Configuration of QR-DQN: `QrDqnConfig`."""

import typing

from agents_pipeline.agents.q_learning import config as q_config
from agents_pipeline.config import fields

if typing.TYPE_CHECKING:
  from agents_pipeline.agents.qr_dqn import distribution


@fields.config
class QrDqnConfig(q_config.QLearningConfig):
  """QR-DQN: learns quantiles of returns (Dabney et al. 2018).

  Attributes:
    num_quantiles: the number of quantiles per action, at the middles of as many
      intervals of probability; 200 in the paper.
    kappa: the error up to which the quantile Huber loss is quadratic; 0 is
      plain quantile regression.
  """

  num_quantiles: int = fields.integer(200, 1, high=1_000)
  kappa: float = fields.number(1.0, 0)

  @property
  def num_outputs_per_action(self) -> int:
    """The number of quantiles."""
    return self.num_quantiles

  def make_distribution(self) -> "distribution.Quantiles":
    """Atoms of equal probability, whose returns are predicted."""
    from agents_pipeline.agents.qr_dqn import distribution

    return distribution.Quantiles(self.num_quantiles)
