"""The choices of `DqnConfig.optimizer`; `agents/optimizers.py` builds them."""

import dataclasses

import gin

from agents_pipeline.experiment import fields


@gin.configurable
@dataclasses.dataclass(frozen=True)
class Adam:
  """Adam; epsilon is epsilon-hat of Kingma & Ba (2015), end of section 2."""

  learning_rate: float = fields.number(1e-3, above=True)
  beta_1: float = fields.number(0.9, 0, 1)
  beta_2: float = fields.number(0.999, 0, 1)
  epsilon: float = fields.number(1e-7, above=True)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class AdamW:
  """Adam with decoupled weight decay (Loshchilov & Hutter 2019).

  amsgrad divides by the largest second moment so far (Reddi et al. 2018).
  """

  learning_rate: float = fields.number(1e-4, above=True)
  weight_decay: float = fields.number(0.01)
  beta_1: float = fields.number(0.9, 0, 1)
  beta_2: float = fields.number(0.999, 0, 1)
  epsilon: float = fields.number(1e-8, above=True)
  amsgrad: bool = fields.switch(False)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class RmsProp:
  """RMSprop (Tieleman & Hinton 2012); epsilon is inside the square root."""

  learning_rate: float = fields.number(1e-3, above=True)
  decay: float = fields.number(0.9, 0, 1)
  momentum: float = fields.number(0.0, 0, 1)
  epsilon: float = fields.number(1e-7, above=True)
  centered: bool = fields.switch(False)

  def __post_init__(self):
    fields.check(self)


Optimizer = Adam | AdamW | RmsProp
OPTIMIZERS = (Adam, AdamW, RmsProp)
