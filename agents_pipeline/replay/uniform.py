"""Uniform experience replay."""

import tensorflow as tf

from agents_pipeline import interfaces
from agents_pipeline.ops import random_stream
from agents_pipeline.replay import specs, storage


class UniformReplayBuffer(storage.TransitionStorage):
  """Every n-step transition is as likely as every other (`interfaces.Replay`).

  Samples are with replacement (Mnih et al. 2015).
  """

  def __init__(
    self,
    replay_spec: specs.ReplaySpec,
    max_length: int,
    rng: random_stream.RandomStream,
  ):
    """Allocates the tables.

    Args:
      replay_spec: what is kept.
      max_length: rows kept of each environment.
      rng: the random stream that chooses samples.
    """
    super().__init__(replay_spec, max_length, name="uniform_replay")
    self._rng = rng

  def sample(self) -> interfaces.Sample:
    """Samples n-step transitions [S, ...]."""
    windows = self._draw(self._spec.batch_size, self._spec.n_step + 1)
    return interfaces.Sample(self.transitions(windows), handle=windows)

  def update_priorities(
    self, handle: storage.Windows, td_error: tf.Tensor
  ) -> None:
    """Does nothing: every transition is as likely as every other."""

  def _draw(self, size: int, num_rows: int) -> storage.Windows:
    """Chooses `size` windows of `num_rows` rows; reads no table."""
    env = self._draw_env(size)  # [S]
    kept = tf.gather(self._rings.num_kept(), env)  # [S]
    num_starts = self._rings.num_starts(max(num_rows - 1, 1))  # [B]
    num_choices = tf.maximum(tf.gather(num_starts, env), 1)  # [S]
    bits = self._rng.bits((size,))  # [S]
    age = kept - random_stream.below(bits, num_choices)  # [S]
    return storage.Windows(env, self._rings.places(env, age))

  def _draw_env(self, size: int) -> tf.Tensor:
    """Draws rings [size] int32; zeros if there is only one environment."""
    if self._spec.num_envs == 1:
      return tf.zeros((size,), tf.int32)
    bits = self._rng.bits((size,))
    return random_stream.below(bits, self._spec.num_envs)
