"""From observations as environments give them to floats."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.config import encoders
from agents_pipeline.networks import normalization

_SMALLEST_IMAGE = 5  # pixels of a side


class Encoder(tf.keras.layers.Layer):
  """Turns an observation into what convolutions and hidden layers take.

  Each leaf of a Dict observation is encoded by itself: images are kept for
  convolutions, numbers become flat floats. The action mask is no input.

  Attributes:
    for_convolutions: whether each leaf is an image for convolutions.
  """

  def __init__(
    self,
    spec: Any,
    conv_layers: tuple,
    num_frames: int = 1,
    keys: Mapping[str, str] | None = None,
    normalize: bool = False,
    name: str = "encoder",
    *,
    keeps_shapes: bool = False,
  ):
    """Chooses how each leaf is encoded.

    Args:
      spec: the spec of one observation, or of each leaf by name.
      conv_layers: the agent's convolutions; () flattens images.
      num_frames: the number of frames stacked in an observation, its first
        dimension if above 1.
      keys: see `ObservationEncoder.keys`.
      normalize: whether to normalize by running mean and standard deviation;
        images beside other leaves are scaled by their bounds alone.
      name: the name of the layer.
      keeps_shapes: whether leaves keep their shape; only 'flat' ones and whole
        numbers become [B, D], and images are kept for convolutions whatever
        conv_layers is.
    """
    super().__init__(name=name)
    is_dict, chosen = isinstance(spec, dict), dict(keys or {})
    named = spec if is_dict else {encoders.OBSERVATION: spec}
    self._specs = {
      leaf: named[leaf]
      for leaf in sorted(named)
      if leaf != encoders.ACTION_MASK
    }
    self._num_frames = num_frames
    self.for_convolutions = []
    for leaf, leaf_spec in self._specs.items():
      shows_image = is_image(leaf_spec, chosen.get(key_of(leaf)))
      if keeps_shapes:
        convolves = shows_image or num_frames > 1
      else:  # with conv_layers, an observation of one array is an image
        convolves = bool(conv_layers) and (shows_image or not is_dict)
      self.for_convolutions.append(convolves)
    self._keeps_shape = [
      keeps_shapes and chosen.get(key_of(leaf)) != encoders.FLAT
      for leaf in self._specs
    ]
    self._is_dict = is_dict
    # Of each leaf; None where there is none.
    self._normalizations: list[normalization.RunningNormalization | None] = [
      None
    ] * len(self._specs)
    if normalize:
      self._normalizations = [
        None
        if is_dict and convolves
        else normalization.RunningNormalization(x.shape[1:])
        for x, convolves in zip(
          self._encode(self._zeros()), self.for_convolutions, strict=True
        )
      ]

  def call(self, observation: Any) -> list[tf.Tensor]:
    """Encodes observations [B, ...], or leaves by name.

    Returns:
      A float32 tensor for each leaf, in order of name: [B, H, W, C], [B, D], or
      [B, ...] of a leaf that keeps its shape.
    """
    encoded = self._encode(self._leaves(observation))
    pairs = zip(self._normalizations, encoded, strict=True)
    return [normalize(x) if normalize else x for normalize, x in pairs]

  @property
  def output_spec(self) -> Any:
    """What one observation becomes: a `TensorSpec`, or one for each key."""
    encoded = zip(self._specs, self._encode(self._zeros()), strict=True)
    specs = {
      key_of(leaf): tf.TensorSpec(x.shape[1:], x.dtype, key_of(leaf))
      for leaf, x in encoded
    }
    return specs if self._is_dict else specs[encoders.OBSERVATION]

  def update_normalization(self, observation: Any, weight: tf.Tensor) -> None:
    """Takes observations into the running statistics, if there are any.

    Args:
      observation: [N, ...], or leaves by name.
      weight: [N] float32, 0 for observations that do not count.
    """
    if any(self._normalizations):
      encoded = self._encode(self._leaves(observation))
      for normalize, x in zip(self._normalizations, encoded, strict=True):
        if normalize:
          normalize.update(x, weight)

  def _leaves(self, observation: Any) -> list[tf.Tensor]:
    if not isinstance(observation, dict):
      return [observation]
    return [observation[name] for name in self._specs]

  def _zeros(self) -> list[tf.Tensor]:
    return [tf.zeros([1, *s.shape], s.dtype) for s in self._specs.values()]

  def _encode(self, leaves: list[tf.Tensor]) -> list[tf.Tensor]:
    encoded = []
    for x, spec, convolves, keeps_shape in zip(
      leaves,
      self._specs.values(),
      self.for_convolutions,
      self._keeps_shape,
      strict=True,
    ):
      if convolves:
        encoded.append(images(x, spec, self._num_frames))
      elif keeps_shape and spec.dtype != tf.int64:
        encoded.append(_floats(x, spec))
      else:
        encoded.append(flat_floats(x, spec))
    return encoded


def key_of(leaf: str) -> str:
  """The key of a leaf as a user knows it: `goal/position`."""
  return leaf.removeprefix(f"{encoders.OBSERVATION}/")


def is_image(
  spec: tensor_spec.BoundedTensorSpec, chosen: str | None = None
) -> bool:
  """Whether a leaf goes through convolutions.

  Args:
    spec: the spec of the leaf in one observation, without stacked frames.
    chosen: the user's choice, 'convolutions' or 'flat'; None goes by the spec:
      uint8 [H, W, C] of at least 5 pixels on each side is an image.
  """
  if chosen is not None:
    return chosen == encoders.CONVOLUTIONS
  shape = tuple(spec.shape)
  has_sides = len(shape) == 3 and min(shape[:2]) >= _SMALLEST_IMAGE
  return has_sides and spec.dtype == tf.uint8


def allowed_actions(observation: Any) -> tf.Tensor | None:
  """[B, A] bool, which actions an observation allows; None without a mask.

  A mask that allows no action, as after an episode's end, counts as one that
  allows all of them.
  """
  if not isinstance(observation, dict):
    return None
  mask = observation.get(encoders.ACTION_MASK)  # [B, A]
  if mask is None:
    return None
  allowed = tf.cast(mask, tf.bool)  # [B, A]
  return allowed | ~tf.reduce_any(allowed, axis=-1, keepdims=True)


def flat_floats(
  observation: tf.Tensor, spec: tensor_spec.BoundedTensorSpec
) -> tf.Tensor:
  """Turns any observation into flat floats.

  Args:
    observation: [B, ...] of the spec's dtype.
    spec: the spec of one observation.

  Returns:
    [B, D] float32: uint8 scaled to [0, 1] by the spec's bounds, int64 one-hot,
    others cast.
  """
  if spec.dtype == tf.int64:  # Discrete, or several in one
    return _one_hot(observation, spec)  # [B, D]
  x = _floats(observation, spec)
  return tf.reshape(x, [-1, spec.shape.num_elements()])  # [B, D]


def _one_hot(observation: tf.Tensor, spec) -> tf.Tensor:
  """[B, D], for each number as many columns as it has values."""
  if spec.shape.rank == 0:
    return tf.one_hot(observation, int(np.max(spec.maximum)) + 1)
  sizes = np.broadcast_to(spec.maximum, spec.shape).reshape(-1) + 1
  numbers = tf.reshape(observation, [-1, sizes.size])  # [B, N]
  parts = [tf.one_hot(numbers[:, i], int(n)) for i, n in enumerate(sizes)]
  return tf.concat(parts, axis=1)


def images(
  observation: tf.Tensor,
  spec: tensor_spec.BoundedTensorSpec,
  num_frames: int = 1,
) -> tf.Tensor:
  """Turns images into what convolutions take.

  Args:
    observation: [B, H, W] or [B, H, W, C] of the spec's dtype; with N > 1
      stacked frames [B, N, H, W] or [B, N, H, W, C].
    spec: the spec of one observation.
    num_frames: the number of frames stacked in an observation, N.

  Returns:
    [B, H, W, C] float32, frames side by side in C; uint8 scaled to [0, 1] by
    the spec's bounds.
  """
  x = _floats(observation, spec)
  image_rank = spec.shape.rank - (num_frames > 1)
  if image_rank == 2:
    x = x[..., None]  # [B, (N,) H, W, 1]
  if num_frames > 1:
    x = tf.transpose(x, [0, 2, 3, 1, 4])  # [B, H, W, N, C]
    x = tf.reshape(x, [-1, *x.shape[1:3], x.shape[3] * x.shape[4]])
  return x


def _floats(observation: tf.Tensor, spec) -> tf.Tensor:
  """[B, ...] float32; uint8 scaled from the spec's bounds to [0, 1].

  An element whose bounds are equal is constant, and becomes 0.
  """
  x = tf.cast(observation, tf.float32)
  if spec.dtype != tf.uint8:
    return x
  low = np.asarray(spec.minimum, np.float32)
  span = np.asarray(spec.maximum, np.float32) - low
  if np.any(low):
    x -= low
  return x / _one_number(np.where(span > 0, span, 1))


def _one_number(values: np.ndarray) -> np.ndarray:
  """[] where all values are the same, else the values."""
  return values.flat[0] if np.all(values == values.flat[0]) else values
