"""Learning rates that change over a run: what may replace a number.

Bound in its place, for every agent and optimizer:
`Adam.learning_rate = @LinearLearningRate()`. A learning rate that does not
change is the number itself.
"""

import typing

from agents_pipeline import errors
from agents_pipeline.config import fields

if typing.TYPE_CHECKING:
  import tensorflow as tf


class LearningRateSchedule:
  """Base of the choices that take the place of a constant learning rate.

  Attributes:
    num_train_steps: the length of the schedule; None is the length of the run.
  """

  num_train_steps: int | None

  def make(self) -> "tf.keras.optimizers.schedules.LearningRateSchedule":
    """Makes Keras' schedule over train steps; it has a length."""
    raise NotImplementedError


LearningRate = float | LearningRateSchedule


@fields.config
class LinearLearningRate(LearningRateSchedule):
  """Linear from initial to final, then constant.

  Bound in place of a number: `Adam.learning_rate = @LinearLearningRate()`.

  Attributes:
    initial: the learning rate at the first train step.
    final: the learning rate from train step num_train_steps on.
    num_train_steps: train steps from initial to final; None is as many as the
      run has.
  """

  initial: float = fields.number(7e-4, above=True)
  final: float = fields.number(0.0)
  num_train_steps: int | None = fields.integer(None, optional=True)

  def make(self):
    """Makes Keras' schedule over train steps."""
    import tensorflow as tf

    return tf.keras.optimizers.schedules.PolynomialDecay(
      self.initial, self.num_train_steps, self.final
    )


@fields.config
class CosineLearningRate(LearningRateSchedule):
  """Half a cosine from initial to final, then constant.

  Loshchilov & Hutter (2017), equation 5, without restarts:
  final + (initial - final) (1 + cos(pi t / num_train_steps)) / 2.

  Attributes:
    initial: the learning rate at the first train step.
    final: the learning rate from train step num_train_steps on.
    num_train_steps: train steps from initial to final; None is as many as the
      run has.
  """

  initial: float = fields.number(7e-4, above=True)
  final: float = fields.number(0.0)
  num_train_steps: int | None = fields.integer(None, optional=True)

  def make(self):
    """Makes Keras' schedule over train steps."""
    import tensorflow as tf

    return tf.keras.optimizers.schedules.CosineDecay(
      self.initial, self.num_train_steps, alpha=self.final / self.initial
    )


@fields.config
class PiecewiseLearningRate(LearningRateSchedule):
  """One value after the other, each constant.

  Attributes:
    values: the learning rates in their order; one more than boundaries.
    boundaries: the points where the next value begins, as shares of
      num_train_steps: (0.5, 0.75) has three values, the second from half of the
      train steps on.
    num_train_steps: the train steps that boundaries are shares of; None is as
      many as the run has.
  """

  values: tuple[float, ...] = fields.numbers((1e-3, 1e-4), above=True)
  boundaries: tuple[float, ...] = fields.numbers(
    (0.5,), high=1, above=True, below=True
  )
  num_train_steps: int | None = fields.integer(None, optional=True)

  def validate(self) -> None:
    """Compares fields with each other."""
    boundaries = list(self.boundaries)
    if len(self.values) != len(boundaries) + 1:
      raise errors.UserError(
        f"PiecewiseLearningRate.values = {self.values!r} and .boundaries = "
        f"{self.boundaries!r}: expected one more value than boundaries"
      )
    if boundaries != sorted(set(boundaries)):
      raise errors.UserError(
        f"PiecewiseLearningRate.boundaries = {self.boundaries!r}: expected "
        "each greater than the one before it"
      )

  def make(self):
    """Makes Keras' schedule over train steps."""
    import tensorflow as tf

    length = self.num_train_steps
    assert length is not None
    # Keras' boundaries are the last steps of a value.
    return tf.keras.optimizers.schedules.PiecewiseConstantDecay(
      [round(share * length) - 1 for share in self.boundaries],
      list(self.values),
    )
