"""No replay: each transition is trained on once, when it is new."""

import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from agents_pipeline import interfaces
from agents_pipeline.ops import packing
from agents_pipeline.replay import specs


class NewestTransitionBuffer(tf.Module):
  """Holds the newest transition of each environment; an `interfaces.Replay`."""

  def __init__(self, replay_spec: specs.ReplaySpec):
    """Makes room for one transition of each environment of the spec."""
    super().__init__(name="newest_transition")
    spec = tensor_spec.from_spec(replay_spec.observation_spec)
    action_spec = tensor_spec.from_spec(replay_spec.action_spec)
    self._spec = trajectory.Transition(
      ts.time_step_spec(spec),
      policy_step.PolicyStep(action_spec, (), ()),
      ts.time_step_spec(spec),
    )
    self._packing = packing.Packing(tf.nest.flatten(self._spec))
    self._packed = [
      tf.Variable(
        tf.zeros([replay_spec.num_envs, *spec.shape], spec.dtype),
        name=f"packed_{i}",
      )
      for i, spec in enumerate(self._packing.specs)
    ]

  def add(self, transition: trajectory.Transition) -> list:
    """Keeps transitions [B, ...] in place of the ones before."""
    packed = self._packing.pack(tf.nest.flatten(transition))
    return [v.assign(x) for v, x in zip(self._packed, packed, strict=True)]

  def sample(self) -> interfaces.Sample:
    """Returns the newest transition of every environment, [B, ...]."""
    fields = self._packing.unpack([v.read_value() for v in self._packed])
    return interfaces.Sample(tf.nest.pack_sequence_as(self._spec, fields))

  def update_priorities(self, handle, td_error: tf.Tensor) -> None:
    """Does nothing: every transition is trained on."""

  def abandon_episodes(self) -> None:
    """Nothing to close: the next transition takes this one's place."""
