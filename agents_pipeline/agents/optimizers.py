"""Optimizers: the choices of an agent's `optimizer`, made by Keras.

beta_1 and beta_2 of Adam are below 1: an average with decay 1 ignores
gradients.
"""

import typing

import gin

from agents_pipeline.config import fields

if typing.TYPE_CHECKING:
  import tensorflow as tf


class LearningRateSchedule:
  """Base of the choices that take the place of a constant learning rate."""

  def make(self) -> "tf.keras.optimizers.schedules.LearningRateSchedule":
    """Makes Keras' schedule over train steps."""
    raise NotImplementedError


@fields.config
class LinearLearningRate(LearningRateSchedule):
  """Linear from initial to final, then constant.

  Bound in place of a number: `Adam.learning_rate = @LinearLearningRate()`.

  Attributes:
    initial: at the first train step.
    final: from train step num_train_steps on.
    num_train_steps: train steps between the two.
  """

  initial: float = fields.number(7e-4, above=True)
  final: float = fields.number(0.0)
  num_train_steps: int = fields.integer(gin.REQUIRED)

  def make(self):
    """Makes Keras' schedule over train steps."""
    import tensorflow as tf

    return tf.keras.optimizers.schedules.PolynomialDecay(
      self.initial, self.num_train_steps, self.final
    )


LearningRate = float | LearningRateSchedule


class Optimizer:
  """Base of the choices.

  Attributes:
    learning_rate: per train step.
    epsilon: added to what a gradient is divided by.
  """

  learning_rate: LearningRate
  epsilon: float

  def make(
    self,
    variables: "typing.Sequence[tf.Variable]",
    clip_value: float | None,
    clip_global_norm: float | None,
  ) -> "tf.keras.optimizers.Optimizer":
    """Makes the Keras optimizer with its slots, ready for XLA.

    Args:
      variables: to be optimized; slots are created for them now.
      clip_value: element-wise bound of gradients; None does not clip.
      clip_global_norm: bound of the norm of all gradients together; likewise.
    """
    rate = self.learning_rate
    optimizer = self._make(
      learning_rate=rate if isinstance(rate, float) else rate.make(),
      epsilon=self.epsilon,
      clipvalue=clip_value,
      global_clipnorm=clip_global_norm,
      jit_compile=False,  # the whole train step is compiled around it
    )
    optimizer.build(variables)
    return optimizer

  def _make(self, **common) -> "tf.keras.optimizers.Optimizer":
    raise NotImplementedError


@fields.config
class Adam(Optimizer):
  """Adam (Kingma & Ba 2015).

  Attributes:
    beta_1: the decay, per train step, of the mean of gradients.
    beta_2: likewise, of their mean square.
    epsilon: epsilon-hat of the paper, end of section 2.
  """

  learning_rate: LearningRate = fields.number_or(1e-3, LearningRateSchedule)
  beta_1: float = fields.number(0.9, 0, 1, below=True)
  beta_2: float = fields.number(0.999, 0, 1, below=True)
  epsilon: float = fields.number(1e-7, above=True)

  def _make(self, **common):
    import tensorflow as tf

    return tf.keras.optimizers.Adam(
      beta_1=self.beta_1, beta_2=self.beta_2, **common
    )


@fields.config
class AdamW(Optimizer):
  """Adam with decoupled weight decay (Loshchilov & Hutter 2019).

  Attributes:
    weight_decay: times the learning rate, the share of each weight that is
      taken off per train step.
    beta_1: the decay, per train step, of the mean of gradients.
    beta_2: likewise, of their mean square.
    epsilon: epsilon-hat, as Adam's.
    amsgrad: divides by the largest mean square so far (Reddi et al. 2018).
  """

  learning_rate: LearningRate = fields.number_or(1e-4, LearningRateSchedule)
  weight_decay: float = fields.number(0.01)
  beta_1: float = fields.number(0.9, 0, 1, below=True)
  beta_2: float = fields.number(0.999, 0, 1, below=True)
  epsilon: float = fields.number(1e-8, above=True)
  amsgrad: bool = fields.switch(False)

  def _make(self, **common):
    import tensorflow as tf

    return tf.keras.optimizers.AdamW(
      weight_decay=self.weight_decay,
      beta_1=self.beta_1,
      beta_2=self.beta_2,
      amsgrad=self.amsgrad,
      **common,
    )


@fields.config
class RmsProp(Optimizer):
  """RMSprop (Tieleman & Hinton 2012).

  Attributes:
    decay: per train step, of the mean square of gradients.
    momentum: the share of the last update that is made again.
    epsilon: added to the mean square, inside the square root.
    centered: divides by the standard deviation instead (Graves 2013).
    initial_accumulator: the mean square before the first train step. 1 is
      TensorFlow 1's, whose first steps are smaller; A2C on small tasks needs
      that (Stable-Baselines3's PR #110). 0 is the paper's.
  """

  learning_rate: LearningRate = fields.number_or(7e-4, LearningRateSchedule)
  decay: float = fields.number(0.99, 0, 1)
  momentum: float = fields.number(0.0, 0, 1)
  epsilon: float = fields.number(1e-5, above=True)
  centered: bool = fields.switch(False)
  initial_accumulator: float = fields.number(1.0)

  def _make(self, **common):
    import tensorflow as tf

    return tf.keras.optimizers.RMSprop(
      rho=self.decay,
      momentum=self.momentum,
      centered=self.centered,
      **common,
    )

  def make(self, variables, clip_value, clip_global_norm):
    """Makes it, with the initial accumulator, which Keras has at 0."""
    import tensorflow as tf

    optimizer = super().make(variables, clip_value, clip_global_norm)
    # Not in a subclass's `build`: Keras calls that again at every update.
    for mean_square in optimizer._velocities:
      mean_square.assign(tf.fill(mean_square.shape, self.initial_accumulator))
    return optimizer
