"""What a DQN experiment learns with: `DqnConfig` and its buffer."""

import dataclasses
import math

import gin

from agents_pipeline import errors
from agents_pipeline.experiment import fields, optimizers, schedules


@gin.configurable
@dataclasses.dataclass(frozen=True)
class ReplayConfig:
  """How experience is kept.

  Attributes:
    capacity_env_steps: rows kept, over all environments: one per transition,
      and one per episode's last observation.
    num_prefetched_batches: how many batches tf.data samples ahead while a
      Python environment steps. More than 0 overlaps the two: runs with one
      seed then differ, and a window may be read while its oldest row is
      overwritten. Tensor environments sample inside the program.
  """

  capacity_env_steps: int = fields.integer(100_000)
  num_prefetched_batches: int = fields.integer(0, 0)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class DqnConfig:
  """Deep Q-learning (Mnih et al. 2015) and its family.

  Attributes:
    hidden_layers: units of each hidden layer of the Q-network.
    activation: of the hidden layers.
    dueling: value and advantage heads (Wang et al. 2016).
    double: the online network chooses the next action (van Hasselt 2016).
    gamma: the agent's discount per env step.
    n_step: rewards summed before bootstrapping.
    reward_scale: multiplies every reward that is learnt from.
    loss: of the TD error; 'huber' is quadratic up to 1.
    optimizer: one of `experiment/optimizers.py`.
    gradient_clip_value: element-wise bound; None does not clip.
    gradient_clip_global_norm: bound of the norm over all variables.
    target_update_period_train_steps: train steps between target updates.
    target_update_tau: 1 copies the network, less moves towards it.
    epsilon: one of `experiment/schedules.py`.
    num_random_env_steps: env steps with random actions at the beginning.
    num_env_steps_before_training: env steps collected before the first update.
    num_collect_steps_per_iteration: steps of every environment.
    num_train_steps_per_iteration: updates after them.
    batch_size: transitions per update.
    replay: how experience is kept.
  """

  hidden_layers: tuple[int, ...] = fields.widths((64, 64))
  activation: str = fields.choice("relu", "tanh")
  dueling: bool = fields.switch(False)
  double: bool = fields.switch(False)
  gamma: float = fields.number(0.99, 0, 1)
  n_step: int = fields.integer(1)
  reward_scale: float = fields.number(1.0, above=True)
  loss: str = fields.choice("huber", "squared")
  optimizer: optimizers.Optimizer = fields.component(
    optimizers.Adam, optimizers.OPTIMIZERS
  )
  gradient_clip_value: float | None = fields.number(
    None, above=True, optional=True
  )
  gradient_clip_global_norm: float | None = fields.number(
    None, above=True, optional=True
  )
  target_update_period_train_steps: int = fields.integer(1)
  target_update_tau: float = fields.number(1.0, 0, 1, above=True)
  epsilon: schedules.Epsilon = fields.component(
    schedules.LinearEpsilon, schedules.EPSILONS
  )
  num_random_env_steps: int = fields.integer(1_000, 0)
  num_env_steps_before_training: int = fields.integer(1_000)
  num_collect_steps_per_iteration: int = fields.integer(1)
  num_train_steps_per_iteration: int = fields.integer(1)
  batch_size: int = fields.integer(64)
  replay: ReplayConfig = fields.component(ReplayConfig, (ReplayConfig,))

  def __post_init__(self):
    fields.check(self)
    if self.gradient_clip_value and self.gradient_clip_global_norm:
      raise errors.UserError(
        "DqnConfig.gradient_clip_value and .gradient_clip_global_norm are "
        "both bound: expected at most one"
      )
    if self.batch_size > self.replay.capacity_env_steps:
      raise errors.UserError(
        f"DqnConfig.batch_size = {self.batch_size}: expected at most "
        f"ReplayConfig.capacity_env_steps = {self.replay.capacity_env_steps}"
      )

  def check_fits(self, num_envs: int) -> None:
    """Compares with the number of environments, which is bound elsewhere.

    Raises:
      UserError: there would be nothing to sample.
    """
    window = num_envs * self.n_step
    if self.replay.capacity_env_steps < window:
      raise errors.UserError(
        f"ReplayConfig.capacity_env_steps = {self.replay.capacity_env_steps}: "
        f"expected at least one window of {self.n_step} for each of {num_envs} "
        "environments"
      )
    if self.num_env_steps_before_training < window:
      raise errors.UserError(
        "DqnConfig.num_env_steps_before_training = "
        f"{self.num_env_steps_before_training}: expected at least "
        f"n_step * num_envs = {window}, so that there is something to sample"
      )

  def replay_length(self, num_envs: int) -> int:
    """Transitions kept of each environment."""
    return math.ceil(self.replay.capacity_env_steps / num_envs)
