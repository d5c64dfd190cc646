"""Keras optimizers from their configuration."""

import tensorflow as tf

from agents_pipeline.agents import optimizer_choices
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.dqn import config as dqn_config


def make_optimizer(
  agent: dqn_config.DqnConfig | a2c_config.A2cConfig, variables
) -> tf.keras.optimizers.Optimizer:
  """Builds the optimizer with its slots, ready for XLA.

  Args:
    agent: says which, and how gradients are clipped.
    variables: what will be optimized; slots are created for them now.
  """
  choice = agent.optimizer
  common = {
    "learning_rate": _learning_rate(choice.learning_rate),
    "epsilon": choice.epsilon,
    "clipvalue": agent.gradient_clip_value,
    "global_clipnorm": agent.gradient_clip_global_norm,
    "jit_compile": False,  # the whole train step is compiled around it
  }
  keras = tf.keras.optimizers
  if isinstance(choice, optimizer_choices.RmsProp):
    optimizer = keras.RMSprop(
      rho=choice.decay,
      momentum=choice.momentum,
      centered=choice.centered,
      **common,
    )
  else:
    common |= {"beta_1": choice.beta_1, "beta_2": choice.beta_2}
    if isinstance(choice, optimizer_choices.AdamW):
      optimizer = keras.AdamW(
        weight_decay=choice.weight_decay, amsgrad=choice.amsgrad, **common
      )
    else:
      optimizer = keras.Adam(**common)
  optimizer.build(variables)
  if isinstance(choice, optimizer_choices.RmsProp):
    # Keras begins at 0. Here, not in a subclass's `build`: Keras calls that
    # again at every update.
    for square in optimizer._velocities:
      square.assign(tf.fill(square.shape, choice.initial_accumulator))
  return optimizer


def _learning_rate(rate: optimizer_choices.LearningRate):
  """A number, or Keras' schedule over train steps."""
  if not isinstance(rate, optimizer_choices.LinearLearningRate):
    return rate
  return tf.keras.optimizers.schedules.PolynomialDecay(
    rate.initial, rate.num_train_steps, rate.final
  )
