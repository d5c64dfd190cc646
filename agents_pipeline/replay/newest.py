"""No replay: what is learnt from is the newest transition, once."""

import tensorflow as tf
from tf_agents.replay_buffers import replay_buffer
from tf_agents.trajectories import trajectory

from agents_pipeline.replay import packing, transition_rows


class NewestTransition(replay_buffer.ReplayBuffer):
  """Holds the newest transition of each environment.

  It is used as a `UniformReplayBuffer` is, so whatever learns from that one can
  learn from this. Runs inside XLA.
  """

  def __init__(self, data_spec: trajectory.Trajectory, batch_size: int):
    """Makes room for one transition of each environment.

    Args:
      data_spec: of one row, what `get_next` returns.
      batch_size: the number of environments, B.
    """
    super().__init__(data_spec, batch_size)
    self._batch_size = batch_size
    self._packing = packing.Packing(tf.nest.flatten(data_spec))
    self._rows = [
      tf.Variable(
        tf.zeros([batch_size, 2, *spec.shape], spec.dtype), name=f"rows_{i}"
      )
      for i, spec in enumerate(self._packing.specs)
    ]

  def _add_batch(self, items: trajectory.Transition) -> list:
    """Takes a transition of [B, ...] in place of the one before.

    Returns:
      What must be done before it can be read where automatic control
      dependencies do not see it.
    """
    own, reached = (
      self._packing.pack(tf.nest.flatten(row))
      for row in transition_rows.rows_of(items)
    )
    return [
      variable.assign(tf.stack(pair, axis=1))
      for variable, *pair in zip(self._rows, own, reached, strict=True)
    ]

  def _get_next(
    self, sample_batch_size=None, num_steps=None, time_stacked=True
  ):
    """Returns the newest transition of every environment.

    Args:
      sample_batch_size: must be B.
      num_steps: rows of a window; must be 2.
      time_stacked: must be True.

    Returns:
      A `Trajectory` of [B, 2, ...], and an empty info.
    """
    if (sample_batch_size, num_steps) != (self._batch_size, 2):
      raise ValueError(
        f"NewestTransition holds {self._batch_size} windows of 2 rows, not "
        f"{sample_batch_size} of {num_steps}"
      )
    if not time_stacked:
      raise ValueError("NewestTransition samples are stacked in time")
    now = self._packing.unpack([rows.read_value() for rows in self._rows])
    return tf.nest.pack_sequence_as(self._data_spec, now), ()

  def end_episodes(self) -> None:
    """Nothing to close: the next transition takes this one's place."""

  def _num_frames(self) -> tf.Tensor:
    return tf.constant(self._batch_size, tf.int64)

  def _clear(self) -> None:
    for rows in self._rows:
      rows.assign(tf.zeros_like(rows))

  def _gather_all(self) -> trajectory.Trajectory:
    return self._get_next(self._batch_size, 2)[0]

  def _as_dataset(
    self, sample_batch_size=None, num_steps=None, *args, **kwargs
  ) -> tf.data.Dataset:
    return tf.data.Dataset.counter().map(
      lambda _: self._get_next(sample_batch_size, num_steps)
    )

  def _single_deterministic_pass_dataset(self, *args, **kwargs):
    return tf.data.Dataset.from_tensors(self._gather_all())
