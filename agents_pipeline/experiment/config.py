"""What an experiment is: frozen dataclasses, bound by gin and nothing else.

Units are in the names. An env step is one transition of one environment; a
train step is one optimizer update; an iteration is one pass of the loop.
"""

import dataclasses
import math

import gin

from agents_pipeline import errors
from agents_pipeline.experiment import fields, optimizers, schedules

_STEPS_PER_CALL = 10_000  # train steps, or steps of every environment


@gin.configurable
@dataclasses.dataclass(frozen=True)
class EnvironmentConfig:
  """What to act in.

  Attributes:
    name: a gymnasium id; `package.module:Id-v0` imports the module first.
    num_envs: how many copies are stepped together.
    backend: 'tensor' is our own in TensorFlow ops, 'gymnasium' gymnasium's,
      'auto' the first where there is one.
    vectorization: how gymnasium runs several copies; see `gym.make_vec`.
  """

  name: str = fields.text(gin.REQUIRED)
  num_envs: int = fields.integer(1)
  backend: str = fields.choice("auto", "tensor", "gymnasium")
  vectorization: str = fields.choice("sync", "async", "vector_entry_point")

  def __post_init__(self):
    fields.check(self)


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


@gin.configurable
@dataclasses.dataclass(frozen=True)
class TrainingConfig:
  """How long to train, and how often to write.

  Attributes:
    num_env_steps: env steps of the whole run, over all environments.
    log_period_env_steps: env steps between two rows of metrics.
    checkpoint_period_env_steps: env steps between two checkpoints.
  """

  num_env_steps: int = fields.integer(gin.REQUIRED)
  log_period_env_steps: int = fields.integer(1_000)
  checkpoint_period_env_steps: int = fields.integer(10_000)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
  """Greedy episodes on gymnasium's own environment.

  Attributes:
    period_env_steps: env steps between two evaluations while training.
    num_episodes_while_training: episodes of each of those.
    num_episodes: episodes of the final one, written to evaluation.json.
  """

  period_env_steps: int = fields.integer(5_000)
  num_episodes_while_training: int = fields.integer(10)
  num_episodes: int = fields.integer(100)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class Experiment:
  """A whole experiment: the root of every gin file.

  `Experiment.agent = @DqnConfig()` chooses the agent; the other parts are
  bound through their own classes.
  """

  agent: DqnConfig = fields.component(gin.REQUIRED, (DqnConfig,))
  environment: EnvironmentConfig = fields.component(
    EnvironmentConfig, (EnvironmentConfig,)
  )
  training: TrainingConfig = fields.component(TrainingConfig, (TrainingConfig,))
  evaluation: EvaluationConfig = fields.component(
    EvaluationConfig, (EvaluationConfig,)
  )

  def __post_init__(self):
    fields.check(self)
    num_envs = self.environment.num_envs
    if self.agent.replay.capacity_env_steps < num_envs * self.agent.n_step:
      raise errors.UserError(
        f"ReplayConfig.capacity_env_steps = "
        f"{self.agent.replay.capacity_env_steps}: expected at least one window "
        f"of {self.agent.n_step} for each of {num_envs} environments"
      )
    if self.agent.num_env_steps_before_training < num_envs * self.agent.n_step:
      raise errors.UserError(
        f"DqnConfig.num_env_steps_before_training = "
        f"{self.agent.num_env_steps_before_training}: expected at least "
        f"n_step * num_envs = {num_envs * self.agent.n_step}, so that there is "
        "something to sample"
      )

  @property
  def num_env_steps_per_iteration(self) -> int:
    """Env steps of one iteration, over all environments."""
    return (
      self.environment.num_envs * self.agent.num_collect_steps_per_iteration
    )

  @property
  def num_env_steps_per_call(self) -> int:
    """The most env steps between two looks at whether to stop.

    It is some seconds' work: a signal waits for a compiled call to end.
    """
    work = max(
      self.agent.num_collect_steps_per_iteration,
      self.agent.num_train_steps_per_iteration,
    )
    return max(_STEPS_PER_CALL // work, 1) * self.num_env_steps_per_iteration

  @property
  def replay_length(self) -> int:
    """Transitions kept of each environment."""
    return math.ceil(
      self.agent.replay.capacity_env_steps / self.environment.num_envs
    )
