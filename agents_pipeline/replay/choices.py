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
  import tensorflow as tf

  from agents_pipeline import interfaces
  from agents_pipeline.ops import random_stream

_MAX_ROWS = 2_000_000_000  # int32 has to number them


class ReplayChoice(abc.ABC):
  """Base of the choices.

  Attributes:
    num_prefetched_batches: batches that tf.data samples ahead.
    memory: where experience is kept, 'device' or 'host'.
  """

  num_prefetched_batches: int = 0
  memory: str = "device"

  @abc.abstractmethod
  def check_agent(self, agent: Any) -> None:
    """Compares this choice with the other fields of the agent.

    Args:
      agent: the agent's configuration, such as a `DqnConfig`.

    Raises:
      UserError: a field does not fit; the message names it.
    """

  @abc.abstractmethod
  def num_transitions_per_update(self, batch_size: int, num_envs: int) -> int:
    """The batch size of an update, for an agent's `batch_size`."""

  @abc.abstractmethod
  def min_env_steps(self, n_step: int, num_envs: int) -> int:
    """Env steps before there is something to sample, over all environments.

    Raises:
      UserError: there would never be anything to sample.
    """

  @abc.abstractmethod
  def make(
    self,
    replay_spec: specs.ReplaySpec,
    rng: "random_stream.RandomStream",
    *,
    progress: Callable[[], "tf.Tensor"],
    report: Callable[[str], None],
    num_copies: int,
  ) -> "interfaces.Replay":
    """Allocates the buffer.

    Args:
      replay_spec: what is kept.
      rng: the random stream that chooses samples.
      progress: the share [] float32 of the run's env steps that is done.
      report: called with a line on the size before anything is allocated.
      num_copies: how many copies of the tables may be in memory at once.

    Raises:
      UserError: the buffer does not fit into memory.
    """


class _Buffer(ReplayChoice):
  """What buffers of rows have in common, whichever rows they sample.

  Attributes:
    capacity_env_steps: rows kept, over all environments.
  """

  capacity_env_steps: int

  def check_agent(self, agent: Any) -> None:
    """Rejects batches larger than the buffer."""
    if agent.batch_size > self.capacity_env_steps:
      raise errors.UserError(
        f"{type(agent).__name__}.batch_size = {agent.batch_size}: expected at "
        f"most {self._capacity}"
      )

  def num_transitions_per_update(self, batch_size: int, num_envs: int) -> int:
    """The agent's batch size."""
    return batch_size

  def min_env_steps(self, n_step: int, num_envs: int) -> int:
    """The env steps of one window of n steps in each environment."""
    if self.capacity_env_steps < num_envs * n_step:
      raise errors.UserError(
        f"{self._capacity}: expected at least one window of {n_step} for each "
        f"of {num_envs} environments"
      )
    return num_envs * n_step

  @property
  def _capacity(self) -> str:
    """The field and its value, for messages."""
    value = self.capacity_env_steps
    return f"{type(self).__name__}.capacity_env_steps = {value!r}"

  def _length(self, replay_spec: specs.ReplaySpec) -> int:
    """The number of rows of each environment."""
    return math.ceil(self.capacity_env_steps / replay_spec.num_envs)

  def _check_memory(
    self,
    num_bytes: int,
    replay_spec: specs.ReplaySpec,
    report: Callable[[str], None],
    num_copies: int,
  ) -> None:
    """Reports the size of tables, unless they do not fit."""
    from agents_pipeline.replay import memory as memory_lib

    num_rows = self._length(replay_spec) * replay_spec.num_envs
    report(
      memory_lib.check_memory(
        num_bytes,
        num_rows,
        num_copies,
        on_host=self.memory == "host",
        config_name=type(self).__name__,
      )
    )
    if num_rows > _MAX_ROWS:
      raise errors.UserError(
        f"{self._capacity}: expected at most {_MAX_ROWS:,}"
      )


@fields.config
class ReplayConfig(_Buffer):
  """Uniform experience replay.

  Attributes:
    capacity_env_steps: rows kept, over all environments: one per transition,
      and one per episode's last observation.
    num_prefetched_batches: how many batches tf.data samples ahead while a
      Python environment steps. More than 0 overlaps the two: runs with one
      seed then differ, and a window may be read while its oldest row is
      overwritten. Tensor environments sample inside the program: only 0.
    memory: 'device' keeps the rows where the networks are. 'host' keeps them in
      the machine's memory, for a GPU too small for the frames; every batch is
      then copied to it. 'host' is for Python environments; on the CPU it is
      only slower.
  """

  capacity_env_steps: int = fields.integer(100_000, high=10**15)
  num_prefetched_batches: int = fields.integer(0, 0)
  memory: str = fields.choice("device", "host")

  def make(self, replay_spec, rng, *, progress, report, num_copies):
    """Makes a `UniformReplayBuffer`."""
    from agents_pipeline.replay import storage, uniform

    length = self._length(replay_spec)
    num_bytes = storage.num_bytes(replay_spec, length)
    self._check_memory(num_bytes, replay_spec, report, num_copies)
    return uniform.UniformReplayBuffer(replay_spec, length, rng)


@fields.config
class PrioritizedReplay(_Buffer):
  """Prioritized experience replay, proportional (Schaul et al. 2016).

  A transition is sampled with a probability proportional to
  (|TD error| + epsilon) ** alpha, and its loss is multiplied by its importance
  weight, (N * probability) ** -beta over the largest of the batch.

  Attributes:
    capacity_env_steps: rows kept, over all environments: one per transition,
      and one per episode's last observation.
    alpha: the exponent of priorities: 0 samples uniformly, 1 in proportion to
      errors.
    initial_beta: beta at the first env step; it grows linearly to 1 at the end
      of the run, TrainingConfig.num_env_steps. 1 corrects in full for what is
      sampled more often.
    epsilon: the number added to errors, so that every transition can be
      sampled.
    num_prefetched_batches: how many batches tf.data samples ahead while a
      Python environment steps, by the priorities of that time. More than 0
      overlaps the two: runs with one seed then differ, and a window may be read
      while its oldest row is overwritten. Tensor environments sample inside the
      program: only 0.
    memory: 'device' keeps the rows where the networks are. 'host' keeps them in
      the machine's memory, for a GPU too small for the frames; every batch is
      then copied to it. 'host' is for Python environments; on the CPU it is
      only slower.
  """

  capacity_env_steps: int = fields.integer(100_000, high=10**15)
  alpha: float = fields.number(0.6, 0, 1)
  initial_beta: float = fields.number(0.4, 0, 1)
  epsilon: float = fields.number(1e-6, 1e-30)  # in float32, 1e-50 is 0
  num_prefetched_batches: int = fields.integer(0, 0)
  memory: str = fields.choice("device", "host")

  def min_env_steps(self, n_step: int, num_envs: int) -> int:
    """The env steps of one window of n steps in each environment.

    A window fits in n rows, but an episode's last observation may be the first
    of them, which is never sampled.
    """
    if self.capacity_env_steps < num_envs * (n_step + 1):
      raise errors.UserError(
        f"{self._capacity}: expected at least {n_step + 1} rows, one more than "
        f"a window has steps, for each of {num_envs} environments"
      )
    return num_envs * n_step

  def make(self, replay_spec, rng, *, progress, report, num_copies):
    """Makes a `PrioritizedReplayBuffer`."""
    from agents_pipeline.replay import prioritized

    length = self._length(replay_spec)
    num_bytes = prioritized.num_bytes(replay_spec, length)
    self._check_memory(num_bytes, replay_spec, report, num_copies)
    return prioritized.PrioritizedReplayBuffer(
      replay_spec,
      length,
      rng,
      alpha=self.alpha,
      beta=lambda: self.initial_beta + (1.0 - self.initial_beta) * progress(),
      epsilon=self.epsilon,
    )


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
    """The number of environments: one transition of each."""
    return num_envs

  def min_env_steps(self, n_step: int, num_envs: int) -> int:
    """0: an iteration collects what it trains on."""
    return 0

  def make(self, replay_spec, rng, *, progress, report, num_copies):
    """Makes a `NewestTransitionBuffer`."""
    from agents_pipeline.replay import newest

    return newest.NewestTransitionBuffer(replay_spec)
