"""A convolution whose gradients are fast in XLA on the CPU."""

import tensorflow as tf

from agents_pipeline.networks import dense


class Convolution(tf.keras.layers.Conv2D):
  """Keras' convolution, within XLA also as one product of matrices.

  XLA's own gradients of convolutions on the CPU take ten to twenty times as
  long as those of the same sums written as the product of all patches and the
  kernel (docs/decisions/0027-convolutions-as-products.md). Weights are the
  same, results but for rounding.

  Attributes:
    by_products: whether the convolution is one product of matrices within XLA.
  """

  by_products = False

  @property
  def _fits_patches(self) -> bool:
    """Whether `patches` can compute this convolution; it can all of ours."""
    return (
      self.padding == "valid"
      and self.dilation_rate == (1, 1)
      and self.groups == 1
      and self.use_bias
    )

  def call(self, inputs: tf.Tensor) -> tf.Tensor:
    """Computes the layer.

    Args:
      inputs: [B, H, W, C] float32.

    Returns:
      [B, H', W', F] float32.
    """
    if (
      not (self.by_products and self._fits_patches) or not dense.is_within_xla()
    ):
      return super().call(inputs)
    x = patches(inputs, self.kernel_size, self.strides)  # [B, H', W', P]
    outputs = tf.matmul(
      tf.reshape(x, [-1, x.shape[-1]]),  # [B * H' * W', P]
      tf.reshape(self.kernel, [-1, self.filters]),  # [P, F]
    )
    outputs = tf.reshape(outputs, [-1, *x.shape[1:3], self.filters])
    return self.activation(tf.nn.bias_add(outputs, self.bias))


def patches(
  images: tf.Tensor, size: tuple[int, int], strides: tuple[int, int]
) -> tf.Tensor:
  """The patches of images that a convolution without padding looks at.

  Made of slices, whose gradients are sums of padded tensors. The gradient of
  `tf.image.extract_patches` would be a convolution again.

  Args:
    images: [B, H, W, C].
    size: the height and the width of the kernel.
    strides: the steps between patches.

  Returns:
    [B, H', W', P], P = size[0] * size[1] * C, in the order of a kernel.
  """
  rows, columns = (
    (side - length) // stride * stride + 1
    for side, length, stride in zip(
      images.shape[1:3], size, strides, strict=True
    )
  )
  return tf.concat(
    [
      images[:, i : i + rows : strides[0], j : j + columns : strides[1]]
      for i in range(size[0])
      for j in range(size[1])
    ],
    axis=-1,
  )


def compute_by_products(model: tf.Module) -> None:
  """Has every convolution of a model computed by products within XLA.

  Args:
    model: the networks, or an agent that has some; not yet traced.
  """
  for part in model.submodules:
    if isinstance(part, Convolution):
      part.by_products = True
