"""Keras' Nadam, without the state that it keeps in Python."""

import tensorflow as tf


class Nadam(tf.keras.optimizers.Nadam):
  """Adam with Nesterov momentum (Dozat 2016).

  Its momentum schedule is a product with one factor for each train step. Keras
  counts the factors by a Python integer: within a compiled function that is
  what it was when the function was traced, so that the product has a factor
  for each variable instead, and depends on how often there was a trace.
  """

  def apply_gradients(self, grads_and_vars, name=None):
    """Updates the variables; the first of them updates the product."""
    self._is_first = True
    return super().apply_gradients(grads_and_vars, name)

  def update_step(self, gradient, variable):
    """Updates one variable."""
    # What Keras compares with iterations + 2, the factors that there should be.
    is_up_to_date = not self._is_first
    self._u_product_counter = self.iterations + 2 if is_up_to_date else -1
    self._is_first = False
    super().update_step(gradient, variable)
    self._u_product_counter = 0  # no tensor of a graph outlives it
