"""Configuration of C51: `C51Config`."""

import typing

import gin
import numpy as np

from agents_pipeline import errors
from agents_pipeline.agents.q_learning import config as q_config
from agents_pipeline.config import fields

if typing.TYPE_CHECKING:
  from agents_pipeline.agents.c51 import distribution


@fields.config
class C51Config(q_config.QLearningConfig):
  """C51: learns categorical distributions of returns (Bellemare et al. 2017).

  Attributes:
    num_atoms: the number of returns that the distributions are on, evenly from
      v_min to v_max; 51 in the paper.
    v_min: the least return, a discounted sum of rewards times reward_scale. A
      lesser return counts as this.
    v_max: the greatest return, a discounted sum of rewards times reward_scale.
      A greater return counts as this. The paper has -10 and 10, for Atari with
      clipped rewards.
  """

  num_atoms: int = fields.integer(51, 2, high=1_000)
  v_min: float = fields.number(gin.REQUIRED, -fields.INFINITY)
  v_max: float = fields.number(gin.REQUIRED, -fields.INFINITY)

  def validate(self) -> None:
    """Compares fields with each other."""
    super().validate()
    if self.v_min >= self.v_max:
      raise errors.UserError(
        f"C51Config.v_min = {self.v_min:g} and .v_max = {self.v_max:g}: "
        "expected v_min below v_max"
      )
    atoms = np.linspace(
      self.v_min, self.v_max, self.num_atoms, dtype=np.float32
    )
    if not (np.isfinite(atoms).all() and (np.diff(atoms) > 0).all()):
      raise errors.UserError(
        f"C51Config.v_min = {self.v_min:g} and .v_max = {self.v_max:g}: "
        f"expected {self.num_atoms} different float32 returns between them"
      )

  @property
  def num_outputs_per_action(self) -> int:
    """The number of logits: one for each atom."""
    return self.num_atoms

  def make_distribution(self) -> "distribution.Categorical":
    """Atoms at fixed returns, whose probabilities are predicted."""
    from agents_pipeline.agents.c51 import distribution

    return distribution.Categorical(self.num_atoms, self.v_min, self.v_max)
