"""No replay: each transition is trained on once, when it is new."""

import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from agents_pipeline import interfaces
from agents_pipeline.replay import packing, rows


class NewestTransition(tf.Module):
  """Holds the newest transition of each environment; an `interfaces.Replay`."""

  def __init__(self, observation_spec, action_spec, batch_size: int):
    """Makes room for one transition of each environment.

    Args:
      observation_spec: of one environment.
      action_spec: of one environment.
      batch_size: the number of environments, B; a sample is of as many.
    """
    super().__init__(name="newest_transition")
    self._row_spec = rows.row_spec(observation_spec, action_spec)
    self._packing = packing.Packing(
      tf.nest.flatten(tensor_spec.from_spec(self._row_spec))
    )
    # A transition is two rows, as in `UniformReplayBuffer`.
    self._rows = [
      tf.Variable(
        tf.zeros([batch_size, 2, *spec.shape], spec.dtype), name=f"rows_{i}"
      )
      for i, spec in enumerate(self._packing.specs)
    ]

  def add(self, transition: trajectory.Transition) -> list:
    """Keeps transitions [B, ...] in place of the ones before."""
    own, following = (
      self._packing.pack(tf.nest.flatten(row))
      for row in rows.rows_of(transition)
    )
    return [
      variable.assign(tf.stack(pair, axis=1))
      for variable, *pair in zip(self._rows, own, following, strict=True)
    ]

  def sample(self) -> interfaces.Sample:
    """Returns the newest transition of every environment, [B, ...]."""
    both = tf.nest.pack_sequence_as(
      self._row_spec,
      self._packing.unpack([v.read_value() for v in self._rows]),
    )  # [B, 2, ...]
    own = tf.nest.map_structure(lambda x: x[:, 0], both)
    is_last = own.next_step_type == ts.StepType.LAST  # [B]
    return interfaces.Sample(
      rows.transition_of(
        own, own.reward, own.discount, is_last, both.observation[:, 1]
      )
    )

  def update_priorities(self, handle, td_error: tf.Tensor) -> None:
    """Does nothing: there is no choice."""

  def as_dataset(self) -> tf.data.Dataset:
    """Raises NotImplementedError: nothing can be sampled ahead."""
    raise NotImplementedError("without replay, nothing can be sampled ahead")

  def end_episodes(self) -> None:
    """Nothing to close: the next transition takes this one's place."""
