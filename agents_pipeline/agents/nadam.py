"""Keras' Nadam, without the state that it keeps in Python."""

import tensorflow as tf


class Nadam(tf.keras.optimizers.Nadam):
  """Adam with Nesterov momentum (Dozat 2016).

  Its momentum schedule is a product with one factor per train step. Keras
  counts these factors in a Python integer, which a compiled function fixes when
  it is traced: the product then gets a factor per variable, and depends on how
  often the function was traced.
  """

  def apply_gradients(self, grads_and_vars, name=None):
    """Updates the variables; the first of them updates the product."""
    self._is_first = True
    return super().apply_gradients(grads_and_vars, name)

  def update_step(self, gradient, variable):
    """Updates one variable."""
    # Keras leaves the product as it is if this equals iterations + 2, else it
    # adds a factor.
    is_up_to_date = not self._is_first
    self._u_product_counter = self.iterations + 2 if is_up_to_date else -1
    self._is_first = False
    super().update_step(gradient, variable)
    self._u_product_counter = 0  # no tensor of a graph outlives it
