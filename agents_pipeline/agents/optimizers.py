"""Optimizers: the choices of an agent's `optimizer`, made by Keras.

beta_1 and beta_2 of Adam are below 1: an average with decay 1 ignores
gradients.
"""

import inspect
import typing

import gin

from agents_pipeline import errors
from agents_pipeline.agents import learning_rates
from agents_pipeline.config import fields

if typing.TYPE_CHECKING:
  import tensorflow as tf


# Keras' classes by name.
_KERAS = (
  "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lion",
  "Nadam", "RMSprop", "SGD",
)  # fmt: skip
# Arguments of theirs that have a field -> its name.
_FIELDS = {
  "learning_rate": "Optimizer.learning_rate",
  "clipvalue": "the agent's gradient_clip_value",
  "global_clipnorm": "the agent's gradient_clip_global_norm",
  "name": "Optimizer.name",
}
_NO_ARGUMENTS = {*_FIELDS, "self", "kwargs", "jit_compile"}


def _learning_rate(default: float) -> typing.Any:
  return fields.number_or(default, learning_rates.LearningRateSchedule)


class OptimizerConfig:
  """Base of the choices.

  Attributes:
    learning_rate: the learning rate of each train step.
  """

  learning_rate: learning_rates.LearningRate

  def make(
    self,
    variables: "typing.Sequence[tf.Variable]",
    clip_value: float | None,
    clip_global_norm: float | None,
  ) -> "tf.keras.optimizers.Optimizer":
    """Makes the Keras optimizer with its slots, ready for XLA.

    Args:
      variables: the variables to optimize; slots are created for them now.
      clip_value: the element-wise bound of gradients; None does not clip.
      clip_global_norm: the bound of the norm of all gradients together; None
        does not clip.
    """
    rate = self.learning_rate
    optimizer = self._make(
      learning_rate=rate if isinstance(rate, float) else rate.make(),
      clipvalue=clip_value,
      global_clipnorm=clip_global_norm,
      jit_compile=False,  # the whole train step is compiled around it
    )
    optimizer.build(variables)
    return optimizer

  def _make(self, **common) -> "tf.keras.optimizers.Optimizer":
    raise NotImplementedError


@fields.config
class Adam(OptimizerConfig):
  """Adam (Kingma & Ba 2015).

  Attributes:
    beta_1: the decay, per train step, of the mean of gradients.
    beta_2: the decay, per train step, of the mean square of gradients.
    epsilon: epsilon-hat of the paper, end of section 2.
  """

  learning_rate: learning_rates.LearningRate = _learning_rate(1e-3)
  beta_1: float = fields.number(0.9, 0, 1, below=True)
  beta_2: float = fields.number(0.999, 0, 1, below=True)
  epsilon: float = fields.number(1e-7, above=True)

  def _make(self, **common):
    import tensorflow as tf

    return tf.keras.optimizers.Adam(
      beta_1=self.beta_1,
      beta_2=self.beta_2,
      epsilon=self.epsilon,
      **common,
    )


@fields.config
class AdamW(OptimizerConfig):
  """Adam with decoupled weight decay (Loshchilov & Hutter 2019).

  Attributes:
    weight_decay: the strength of weight decay: each train step multiplies every
      weight by 1 - learning_rate * weight_decay.
    beta_1: the decay, per train step, of the mean of gradients.
    beta_2: the decay, per train step, of the mean square of gradients.
    epsilon: epsilon-hat, as in Adam.
    amsgrad: whether to divide by the largest mean square so far (Reddi et al.
      2018).
  """

  learning_rate: learning_rates.LearningRate = _learning_rate(1e-4)
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
      epsilon=self.epsilon,
      amsgrad=self.amsgrad,
      **common,
    )


@fields.config
class RmsProp(OptimizerConfig):
  """RMSprop (Tieleman & Hinton 2012).

  Attributes:
    decay: the decay, per train step, of the mean square of gradients.
    momentum: the fraction of the previous update that is added to the next.
    epsilon: the number added to the mean square, inside the square root.
    centered: whether to divide by the standard deviation instead of the root of
      the mean square (Graves 2013).
    initial_accumulator: the mean square before the first train step. 1 is
      TensorFlow 1's, whose first steps are smaller; A2C on small tasks needs
      that (Stable-Baselines3's PR #110). 0 is the paper's.
    weight_decay: the strength of weight decay: each train step multiplies every
      weight by 1 - learning_rate * weight_decay.
  """

  learning_rate: learning_rates.LearningRate = _learning_rate(7e-4)
  decay: float = fields.number(0.99, 0, 1)
  momentum: float = fields.number(0.0, 0, 1)
  epsilon: float = fields.number(1e-5, above=True)
  centered: bool = fields.switch(False)
  initial_accumulator: float = fields.number(1.0)
  weight_decay: float = fields.number(0.0)

  def _make(self, **common):
    import tensorflow as tf

    return tf.keras.optimizers.RMSprop(
      rho=self.decay,
      momentum=self.momentum,
      epsilon=self.epsilon,
      centered=self.centered,
      weight_decay=self.weight_decay or None,
      **common,
    )

  def make(self, variables, clip_value, clip_global_norm):
    """Makes the optimizer with the initial accumulator; Keras begins at 0."""
    import tensorflow as tf

    optimizer = super().make(variables, clip_value, clip_global_norm)
    # Not in a subclass's `build`: Keras calls that again at every update.
    for mean_square in optimizer._velocities:
      mean_square.assign(tf.fill(mean_square.shape, self.initial_accumulator))
    return optimizer


@fields.config
class Sgd(OptimizerConfig):
  """Stochastic gradient descent, with momentum (Sutskever et al. 2013).

  Attributes:
    momentum: the fraction of the previous update that is added to the next.
    nesterov: whether the momentum is Nesterov's (1983).
    weight_decay: the strength of weight decay: each train step multiplies every
      weight by 1 - learning_rate * weight_decay.
  """

  learning_rate: learning_rates.LearningRate = _learning_rate(1e-2)
  momentum: float = fields.number(0.0, 0, 1)
  nesterov: bool = fields.switch(False)
  weight_decay: float = fields.number(0.0)

  def _make(self, **common):
    import tensorflow as tf

    return tf.keras.optimizers.SGD(
      momentum=self.momentum,
      nesterov=self.nesterov,
      weight_decay=self.weight_decay or None,
      **common,
    )


@fields.config
class Optimizer(OptimizerConfig):
  """Any optimizer of Keras, by the name of its class.

  Attributes:
    name: the name of the class.
    learning_rate: the learning rate of each train step.
    arguments: further arguments of the class, such as {'beta_1': 0.95,
      'weight_decay': 0.01}; those that are left out are as Keras has them.
  """

  name: str = fields.choice(gin.REQUIRED, *_KERAS)
  learning_rate: learning_rates.LearningRate = _learning_rate(1e-3)
  arguments: dict = fields.arguments("{'beta_1': 0.95}")

  def validate(self) -> None:
    """Refuses arguments that have a field, or do nothing alone.

    Raises:
      UserError: an argument is one of these; the message names it.
    """
    for argument, field in _FIELDS.items():
      if argument in self.arguments:
        raise self._error(f"{argument!r} is {field}; expected other arguments")
    given = {name for name, value in self.arguments.items() if value}
    both = {"use_ema", "ema_overwrite_frequency"}
    if given & {*both, "ema_momentum"} and not both <= given:
      raise self._error(
        "averages of weights change nothing by themselves; expected both "
        "'use_ema' and 'ema_overwrite_frequency', or none of them"
      )

  def make(self, variables, clip_value, clip_global_norm):
    """See `OptimizerConfig`.

    Raises:
      UserError: the class does not take the arguments.
    """
    import tensorflow as tf

    self._check_names()
    if clip_value is not None and self.arguments.get("clipnorm") is not None:
      raise self._error(
        "beside 'clipnorm', Keras ignores the agent's gradient_clip_value; "
        "expected one of them"
      )
    try:
      # Keras reads some arguments only in an update, so try one.
      weight = tf.Variable([1.0])
      trial = super().make([weight], clip_value, clip_global_norm)
      trial.apply_gradients([(tf.constant([1.0]), weight)])
      is_number = bool(tf.math.is_finite(weight[0]))
    except (AttributeError, TypeError, ValueError, tf.errors.OpError) as error:
      reason = " ".join(str(error).split())
      raise self._error(f"{self.name} refuses them: {reason}") from None
    if not is_number:
      raise self._error("a weight of 1 with a gradient of 1 is no number")
    return super().make(variables, clip_value, clip_global_norm)

  def _check_names(self) -> None:
    known = inspect.signature(self._class).parameters.keys() - _NO_ARGUMENTS
    for argument in self.arguments:
      if argument not in known:
        raise self._error(
          f"{self.name} takes no {argument!r}; expected some of "
          f"{', '.join(sorted(known))}{errors.nearest(argument, known)}"
        )

  @property
  def _class(self) -> "type[tf.keras.optimizers.Optimizer]":
    import tensorflow as tf

    if self.name == "Nadam":
      from agents_pipeline.agents import nadam

      return nadam.Nadam
    return getattr(tf.keras.optimizers, self.name)

  def _make(self, **common):
    return self._class(**self.arguments, **common)

  def _error(self, text: str) -> errors.UserError:
    return errors.UserError(f"Optimizer.arguments = {self.arguments!r}: {text}")


def current_learning_rate(optimizer: "tf.keras.optimizers.Optimizer") -> float:
  """The learning rate of an optimizer's next update."""
  import tensorflow as tf

  rate = optimizer._learning_rate  # a schedule, where there is one
  is_schedule = isinstance(
    rate, tf.keras.optimizers.schedules.LearningRateSchedule
  )
  return float(rate(optimizer.iterations) if is_schedule else rate)
