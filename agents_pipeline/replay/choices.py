"""How experience is kept: what `DqnConfig.replay` can be.

To add a kind of replay, extend `ReplayChoice` here, and put its buffer into a
file of its own.
"""

import abc
import math
import typing
from collections.abc import Callable
from typing import Any

from agents_pipeline import errors
from agents_pipeline.config import fields
from agents_pipeline.replay import specs

if typing.TYPE_CHECKING:
  from agents_pipeline import interfaces
  from agents_pipeline.ops import random_stream

_MAX_ROWS = 2_000_000_000  # int32 has to number them


class ReplayChoice(abc.ABC):
  """Base of the choices.

  Attributes:
    num_prefetched_batches: batches that tf.data samples ahead.
    memory: 'device' or 'host', where it is kept.
  """

  num_prefetched_batches: int = 0
  memory: str = "device"

  @abc.abstractmethod
  def check_agent(self, agent: Any) -> None:
    """Compares itself with the other fields of the agent.

    Args:
      agent: its configuration, such as a `DqnConfig`.

    Raises:
      UserError: naming the field that does not fit.
    """

  @abc.abstractmethod
  def num_transitions_per_update(self, batch_size: int, num_envs: int) -> int:
    """The batch size of an update, for an agent's `batch_size`."""

  @abc.abstractmethod
  def min_env_steps(self, n_step: int, num_envs: int) -> int:
    """Env steps before there is something to sample, over all environments.

    Raises:
      UserError: there would never be.
    """

  @abc.abstractmethod
  def make(
    self,
    replay_spec: specs.ReplaySpec,
    rng: "random_stream.RandomStream",
    *,
    report: Callable[[str], None],
    num_copies: int,
  ) -> "interfaces.Replay":
    """Allocates it.

    Args:
      replay_spec: what is kept.
      rng: where samples come from.
      report: gets a line with the size before anything is allocated.
      num_copies: how often its tables may be in memory at once.

    Raises:
      UserError: it does not fit into memory.
    """


@fields.config
class ReplayConfig(ReplayChoice):
  """Uniform experience replay.

  Attributes:
    capacity_env_steps: rows kept, over all environments: one per transition,
      and one per episode's last observation.
    num_prefetched_batches: how many batches tf.data samples ahead while a
      Python environment steps. More than 0 overlaps the two: runs with one
      seed then differ, and a window may be read while its oldest row is
      overwritten. Tensor environments sample inside the program.
    memory: 'device' keeps the rows where the networks are. 'host' keeps them in
      the machine's memory, for a GPU too small for the frames; every batch is
      then copied to it. For Python environments; on the CPU it is only slower.
  """

  capacity_env_steps: int = fields.integer(100_000, high=10**15)
  num_prefetched_batches: int = fields.integer(0, 0)
  memory: str = fields.choice("device", "host")

  def check_agent(self, agent: Any) -> None:
    """Rejects batches larger than the buffer."""
    if agent.batch_size > self.capacity_env_steps:
      raise errors.UserError(
        f"{type(agent).__name__}.batch_size = {agent.batch_size}: expected at "
        f"most ReplayConfig.capacity_env_steps = {self.capacity_env_steps}"
      )

  def num_transitions_per_update(self, batch_size: int, num_envs: int) -> int:
    """The agent's batch size."""
    return batch_size

  def min_env_steps(self, n_step: int, num_envs: int) -> int:
    """One window of n steps in each environment."""
    if self.capacity_env_steps < num_envs * n_step:
      raise errors.UserError(
        f"ReplayConfig.capacity_env_steps = {self.capacity_env_steps}: "
        f"expected at least one window of {n_step} for each of {num_envs} "
        "environments"
      )
    return num_envs * n_step

  def make(self, replay_spec, rng, *, report, num_copies):
    """Makes a `UniformReplayBuffer`."""
    from agents_pipeline.replay import memory as memory_lib
    from agents_pipeline.replay import storage, uniform

    length = math.ceil(self.capacity_env_steps / replay_spec.num_envs)
    num_rows = length * replay_spec.num_envs
    num_bytes = storage.num_bytes(replay_spec, length)
    report(
      memory_lib.check_memory(
        num_bytes, num_rows, num_copies, on_host=self.memory == "host"
      )
    )
    if num_rows > _MAX_ROWS:
      raise errors.UserError(
        f"ReplayConfig.capacity_env_steps = {self.capacity_env_steps!r}: "
        f"expected at most {_MAX_ROWS:,}"
      )
    return uniform.UniformReplayBuffer(replay_spec, length, rng)


@fields.config
class NewestTransition(ReplayChoice):
  """No replay: every transition is trained on once, when it is new.

  A batch is the newest transition of every environment.
  """

  def check_agent(self, agent: Any) -> None:
    """Rejects more than one step, or train step, per iteration."""
    for name, only in (
      ("n_step", 1),
      ("num_collect_steps_per_iteration", 1),
      ("num_collect_episodes_per_iteration", None),
      ("num_train_steps_per_iteration", 1),
      ("learns_while_stepping", False),
    ):
      if getattr(agent, name) != only:
        kind = type(agent).__name__
        raise errors.UserError(
          f"{kind}.{name} = {getattr(agent, name)}: expected {only} with "
          f"{kind}.replay = @NewestTransition()"
        )

  def num_transitions_per_update(self, batch_size: int, num_envs: int) -> int:
    """One transition of every environment."""
    return num_envs

  def min_env_steps(self, n_step: int, num_envs: int) -> int:
    """None: an iteration collects what it trains on."""
    return 0

  def make(self, replay_spec, rng, *, report, num_copies):
    """Makes a `NewestTransitionBuffer`."""
    from agents_pipeline.replay import newest

    return newest.NewestTransitionBuffer(replay_spec)
