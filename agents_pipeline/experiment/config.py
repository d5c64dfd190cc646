"""What an experiment is: frozen dataclasses, bound by gin and nothing else.

Units are in the names. An env step is one transition of one environment; a
train step is one optimizer update; an iteration is one pass of the loop.
"""

import dataclasses

import gin

from agents_pipeline.experiment import (
  a2c_config,
  dqn_config,
  fields,
  rewards,
  stopping,
)

Agent = dqn_config.DqnConfig | a2c_config.A2cConfig
AGENTS = (dqn_config.DqnConfig, a2c_config.A2cConfig)

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
    reward: one of `experiment/rewards.py`: what is learnt from. Evaluations
      and logged returns are always of the environment's own rewards.
  """

  name: str = fields.text(gin.REQUIRED)
  num_envs: int = fields.integer(1)
  backend: str = fields.choice("auto", "tensor", "gymnasium")
  vectorization: str = fields.choice("sync", "async", "vector_entry_point")
  reward: rewards.Reward = fields.component(rewards.KeepReward, rewards.REWARDS)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class TrainingConfig:
  """How long to train, and how often to write.

  Attributes:
    num_env_steps: env steps of the whole run, over all environments.
    log_period_env_steps: env steps between two rows of metrics.
    checkpoint_period_env_steps: env steps between two checkpoints.
    stop: one of `experiment/stopping.py`: when to end before that.
  """

  num_env_steps: int = fields.integer(gin.REQUIRED)
  log_period_env_steps: int = fields.integer(1_000)
  checkpoint_period_env_steps: int = fields.integer(10_000)
  stop: stopping.Stop = fields.component(stopping.AtTheEnd, stopping.STOPS)

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

  `Experiment.agent = @DqnConfig()` or `@A2cConfig()` chooses the agent; the
  other parts are bound through their own classes.
  """

  agent: Agent = fields.component(gin.REQUIRED, AGENTS)
  environment: EnvironmentConfig = fields.component(
    EnvironmentConfig, (EnvironmentConfig,)
  )
  training: TrainingConfig = fields.component(TrainingConfig, (TrainingConfig,))
  evaluation: EvaluationConfig = fields.component(
    EvaluationConfig, (EvaluationConfig,)
  )

  def __post_init__(self):
    fields.check(self)
    self.agent.check_fits(self.environment.num_envs)

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
