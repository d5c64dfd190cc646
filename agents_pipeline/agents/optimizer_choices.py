"""The choices of an agent's optimizer; `agents/optimizers.py` builds them.

Adam's beta_1 and beta_2 are below 1: an average with decay 1 ignores gradients.
"""

import dataclasses

import gin

from agents_pipeline.config import fields


@gin.configurable
@dataclasses.dataclass(frozen=True)
class LinearLearningRate:
  """Falls in a straight line from initial to final, then stays.

  Bound where a number could be: `Adam.learning_rate = @LinearLearningRate()`.

  Attributes:
    initial: of the first train step.
    final: from train step num_train_steps on.
    num_train_steps: the length of the fall.
  """

  initial: float = fields.number(7e-4, above=True)
  final: float = fields.number(0.0)
  num_train_steps: int = fields.integer(gin.REQUIRED)

  def __post_init__(self):
    fields.check(self)


LearningRate = float | LinearLearningRate
_SCHEDULES = (LinearLearningRate,)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class Adam:
  """Adam; epsilon is epsilon-hat of Kingma & Ba (2015), end of section 2."""

  learning_rate: LearningRate = fields.number_or(1e-3, _SCHEDULES)
  beta_1: float = fields.number(0.9, 0, 1, below=True)
  beta_2: float = fields.number(0.999, 0, 1, below=True)
  epsilon: float = fields.number(1e-7, above=True)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class AdamW:
  """Adam with decoupled weight decay (Loshchilov & Hutter 2019).

  amsgrad divides by the largest second moment so far (Reddi et al. 2018).
  """

  learning_rate: LearningRate = fields.number_or(1e-4, _SCHEDULES)
  weight_decay: float = fields.number(0.01)
  beta_1: float = fields.number(0.9, 0, 1, below=True)
  beta_2: float = fields.number(0.999, 0, 1, below=True)
  epsilon: float = fields.number(1e-8, above=True)
  amsgrad: bool = fields.switch(False)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class RmsProp:
  """RMSprop (Tieleman & Hinton 2012); epsilon is inside the square root.

  With initial_accumulator 1 it is TensorFlow 1's, whose first steps are
  smaller. A2C on small tasks needs that (Stable-Baselines3's PR #110). With 0
  it is the paper's.
  """

  learning_rate: LearningRate = fields.number_or(7e-4, _SCHEDULES)
  decay: float = fields.number(0.99, 0, 1)
  momentum: float = fields.number(0.0, 0, 1)
  epsilon: float = fields.number(1e-5, above=True)
  centered: bool = fields.switch(False)
  initial_accumulator: float = fields.number(1.0)

  def __post_init__(self):
    fields.check(self)


Optimizer = Adam | AdamW | RmsProp
OPTIMIZERS = (Adam, AdamW, RmsProp)
