"""The spec of stored and sampled transitions. Needs no TensorFlow."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class ReplaySpec:
  """What a replay keeps, and what a sample of it is.

  Attributes:
    observation_spec: the spec of one environment's observations.
    action_spec: the spec of one environment's actions.
    num_envs: the number of environments, B.
    num_frames: the number of frames, N, if observations are stacks of them
      [N, ...], the newest last; 1 for others, which lack that dimension.
    batch_size: the transitions of a sample, S.
    n_step: the steps of a transition, n.
    gamma: the agent's discount, by which rewards of later steps count less.
  """

  observation_spec: Any
  action_spec: Any
  num_envs: int = 1
  num_frames: int = 1
  batch_size: int = 1
  n_step: int = 1
  gamma: float = 1.0
