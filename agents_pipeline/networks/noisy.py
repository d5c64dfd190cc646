"""Dense layers whose weights are noisy (Fortunato et al. 2018)."""

from collections.abc import Callable

import tensorflow as tf

from agents_pipeline.networks import dense
from agents_pipeline.ops import random_stream

# n -> f(epsilon) [R, n] float32, new at every call. R is 1 where all rows of a
# batch share one sample of the noise, else the size of the batch.
Noise = Callable[[int], tf.Tensor]


def factorised(rng: random_stream.RandomStream, num_samples: int = 1) -> Noise:
  """Factorised Gaussian noise: f(epsilon) = sgn(epsilon) sqrt(|epsilon|).

  Args:
    rng: the random stream of the standard normal epsilon.
    num_samples: the number of samples, R: 1 for the whole batch, or one for
      each of its rows.
  """

  def draw(size: int) -> tf.Tensor:
    epsilon = rng.normal((num_samples * size,))
    parts = tf.sqrt(tf.nn.relu([epsilon, -epsilon]))  # [2, R size]
    # f is a product because XLA stores the result of one. Otherwise XLA would
    # draw the noise again for every weight, which takes longer than all else in
    # a train step.
    f = tf.linalg.matvec(parts, [1.0, -1.0], transpose_a=True)
    return tf.reshape(f, [num_samples, size])

  return draw


class NoisyDense(dense.Dense):
  """A dense layer with factorised noise (Fortunato et al. 2018, section 3).

    y = (mu^w + sigma^w * epsilon^w) x + mu^b + sigma^b * epsilon^b
    epsilon^w_ij = f(epsilon_i) f(epsilon_j),  epsilon^b_i = f(epsilon_i)

  with epsilon_j for each of p inputs and epsilon_i for each unit. mu begins
  uniform in [-1 / sqrt(p), 1 / sqrt(p)], sigma as sigma_0 / sqrt(p) (section
  3.2). Without noise it is a `Dense` of mu.
  """

  def __init__(
    self, units: int, activation=None, *, sigma_0: float = 0.5, **kwargs
  ):
    """Creates the layer; its weights come when it is first called.

    Args:
      units: the number of outputs, O.
      activation: an activation of Keras, or its name.
      sigma_0: the initial sigma, times sqrt(p); 0.5 in the paper.
      **kwargs: further arguments of `Dense`; initializers are ignored.
    """
    super().__init__(units, activation, **kwargs)
    self._sigma_0 = sigma_0

  def build(self, input_shape) -> None:
    """Makes the weights.

    Args:
      input_shape: the shape of the inputs, [B, I].
    """
    scale = float(input_shape[-1]) ** -0.5
    # One initializer each: a single one may draw the same numbers twice.
    self.kernel_initializer, self.bias_initializer = (
      tf.keras.initializers.RandomUniform(-scale, scale) for _ in range(2)
    )
    super().build(input_shape)
    initial_sigma = tf.keras.initializers.Constant(self._sigma_0 * scale)
    self.kernel_sigma, self.bias_sigma = (
      None
      if mu is None
      else self.add_weight(name, mu.shape, initializer=initial_sigma)
      for name, mu in (("kernel_sigma", self.kernel), ("bias_sigma", self.bias))
    )

  def call(self, inputs: tf.Tensor, noise: Noise | None = None) -> tf.Tensor:
    """Computes the layer.

    Args:
      inputs: [B, I] float32.
      noise: the function that gives f(epsilon); None for mu alone.

    Returns:
      [B, O] float32.
    """
    if noise is None:
      return super().call(inputs)
    sizes = [inputs.shape[-1], self.units]
    f_in, f_out = tf.split(noise(sum(sizes)), sizes, axis=1)  # [R, I], [R, O]
    if f_in.shape[0] == 1:  # one matrix for all rows
      kernel = self.kernel + self.kernel_sigma * (tf.transpose(f_out) * f_in)
      bias = self.bias
      if bias is not None:
        bias = bias + self.bias_sigma * f_out[0]
      return dense.affine(inputs, kernel, bias, self.activation)
    # Each row has its own noise. Multiplied out, so that no row needs a kernel
    # of its own: x (mu + sigma * noise) = x mu + f_out * ((x * f_in) sigma).
    mu = dense.affine(inputs, self.kernel, self.bias)  # [B, O]
    sigma = dense.affine(inputs * f_in, self.kernel_sigma, self.bias_sigma)
    return self.activation(mu + f_out * sigma)
