"""What an experiment is: frozen dataclasses, bound by gin and nothing else.

Units are in the names. An env step is one transition of one environment; a
train step is one optimizer update; an iteration is one pass of the loop.
"""

import dataclasses
import math

import gin

from agents_pipeline import errors
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.config import fields, observations, rewards, stopping

Agent = dqn_config.DqnConfig | a2c_config.A2cConfig
AGENTS = (dqn_config.DqnConfig, a2c_config.A2cConfig)

MAX_SEED = 2**53  # a whole number that every reader of JSON keeps

_ITERATIONS_PER_RESULT = 10_000
_MOST_PROCESSES = 1_024


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
    observation: one of `config/observations.py`: what is seen of it.
    max_episode_env_steps: an episode in Python that has not ended after so many
      is an error; None lets one go on for ever.
    step_timeout_seconds: with 'async', a copy that takes longer for a step is
      an error; a video whose process takes longer (60 at least) is given up.
    reward: one of `config/rewards.py`: what is learnt from. Evaluations
      and logged returns are always of the environment's own rewards.
  """

  name: str = fields.text(gin.REQUIRED)
  num_envs: int = fields.integer(1, high=65_536)
  backend: str = fields.choice("auto", "tensor", "gymnasium")
  vectorization: str = fields.choice("sync", "async", "vector_entry_point")
  observation: observations.Observation = fields.component(
    observations.OwnObservation, observations.OBSERVATIONS
  )
  max_episode_env_steps: int | None = fields.integer(100_000, optional=True)
  step_timeout_seconds: float = fields.number(300.0, above=True)
  reward: rewards.Reward = fields.component(rewards.KeepReward, rewards.REWARDS)

  def __post_init__(self):
    fields.check(self)
    chosen = f"EnvironmentConfig.observation = {self.observation!r}"
    is_own = isinstance(self.observation, observations.OwnObservation)
    is_atari = isinstance(self.observation, observations.AtariObservation)
    if self.backend == "tensor" and not is_own:
      raise errors.UserError(
        f"{chosen}: tensor environments give only their own observations; "
        "expected EnvironmentConfig.backend = 'auto'"
      )
    if self.vectorization == "async" and self.num_envs > _MOST_PROCESSES:
      raise errors.UserError(
        f"EnvironmentConfig.num_envs = {self.num_envs}: 'async' gives each a "
        f"process of its own; expected at most {_MOST_PROCESSES}, or "
        "EnvironmentConfig.vectorization = 'sync'"
      )
    if is_atari and "ALE/" not in self.name:
      raise errors.UserError(
        f"{chosen}: {self.name!r} is no game of Atari; expected an id such as "
        "'ALE/Pong-v5'"
      )
    if self.vectorization == "vector_entry_point" and (
      not is_own if "ALE/" not in self.name else not is_atari
    ):
      fits = (
        "@AtariObservation()"
        if "ALE/" in self.name
        else "EnvironmentConfig.vectorization = 'sync' or 'async'"
      )
      raise errors.UserError(
        f"{chosen}: the vector version of {self.name!r} takes no wrappers; "
        f"expected {fits}"
      )


@gin.configurable
@dataclasses.dataclass(frozen=True)
class TrainingConfig:
  """How long to train, and how often to write.

  Attributes:
    num_env_steps: env steps of the whole run, over all environments.
    log_period_env_steps: env steps between two rows of metrics.
    checkpoint_period_env_steps: env steps between two checkpoints.
    num_episodes: the run ends after so many as well, over all environments;
      None for any number.
    stop: one of `config/stopping.py`: when to end before that.
  """

  num_env_steps: int = fields.integer(gin.REQUIRED, high=10**15)
  log_period_env_steps: int = fields.integer(1_000)
  checkpoint_period_env_steps: int = fields.integer(10_000)
  num_episodes: int | None = fields.integer(None, optional=True)
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
  num_episodes_while_training: int = fields.integer(10, high=10**6)
  num_episodes: int = fields.integer(100, high=10**6)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class VideoConfig:
  """Videos of one greedy episode each, on gymnasium's own environment.

  Attributes:
    period_episodes: training episodes between two videos, over all
      environments; at most one per row of metrics. None: at the end only.
    format: of the videos while training; 'html' is a page to step through.
    captions: each frame's number and the return so far are drawn into it.
  """

  period_episodes: int | None = fields.integer(None, optional=True)
  format: str = fields.choice("mp4", "gif", "html")
  captions: bool = fields.switch(False)

  def __post_init__(self):
    fields.check(self)


@gin.configurable
@dataclasses.dataclass(frozen=True)
class Experiment:
  """A whole experiment: the root of every gin file.

  `Experiment.agent = @DqnConfig()` or `@A2cConfig()` chooses the agent; the
  other parts are bound through their own classes.

  Attributes:
    agent: what learns.
    environment: what it acts in.
    training: how long, and how often to write.
    evaluation: how it is judged.
    video: what is recorded.
    seed: of everything random; the `--seed` flag overrides it.
  """

  agent: Agent = fields.component(gin.REQUIRED, AGENTS)
  environment: EnvironmentConfig = fields.component(
    EnvironmentConfig, (EnvironmentConfig,)
  )
  training: TrainingConfig = fields.component(TrainingConfig, (TrainingConfig,))
  evaluation: EvaluationConfig = fields.component(
    EvaluationConfig, (EvaluationConfig,)
  )
  video: VideoConfig = fields.component(VideoConfig, (VideoConfig,))
  seed: int = fields.integer(0, 0, high=MAX_SEED)

  def __post_init__(self):
    fields.check(self)
    self.agent.check_fits(self.environment.num_envs)
    self._check_learns()

  def _check_learns(self) -> None:
    """Refuses what would end before its first train step."""
    collected = self.agent.num_env_steps_before_training
    length, iteration = self.training.num_env_steps, self._counted_for_sure
    most = (length - 1) // iteration * iteration
    if collected > most:
      raise errors.UserError(
        f"DqnConfig.num_env_steps_before_training = {collected}: expected at "
        f"most {most}, so that something is learned in "
        f"TrainingConfig.num_env_steps = {length}"
      )

  @property
  def _counted_for_sure(self) -> int:
    """How many env steps an iteration counts at least."""
    if self.environment.vectorization == "vector_entry_point":
      return 1  # steps that reset are not counted
    return self.num_env_steps_per_iteration or 1

  @property
  def remarks(self) -> list[str]:
    """Lines on what is allowed, but hardly meant."""
    agent, training = self.agent, self.training
    if not isinstance(agent, dqn_config.DqnConfig) or agent.gamma == 0:
      return []
    told = "the target network stays as it begins, as there are at most"
    episodes = agent.target_update_period_episodes
    if episodes is not None:
      most = min(training.num_env_steps, training.num_episodes or math.inf)
      if most < episodes:
        return [
          f"DqnConfig.target_update_period_episodes = {episodes}: {told} "
          f"{most} episodes"
        ]
      return []
    iteration = self._counted_for_sure
    collected = -(-agent.num_env_steps_before_training // iteration) * iteration
    most = -(-(training.num_env_steps - collected) // iteration)
    most *= agent.num_train_steps_per_iteration
    if most < agent.target_update_period_train_steps:
      return [
        "DqnConfig.target_update_period_train_steps = "
        f"{agent.target_update_period_train_steps}: {told} {most} train steps"
      ]
    return []

  @property
  def num_env_steps_per_iteration(self) -> int | None:
    """Env steps of one iteration, over all environments.

    None where it is as long as its episodes.
    """
    if self.agent.num_collect_episodes_per_iteration is not None:
      return None
    return (
      self.environment.num_envs * self.agent.num_collect_steps_per_iteration
    )

  @property
  def num_env_steps_per_result(self) -> int:
    """The most env steps between two results: their episodes are kept."""
    collected = self.num_env_steps_per_iteration or self.environment.num_envs
    return _ITERATIONS_PER_RESULT * collected

  @property
  def max_episodes_per_result(self) -> int:
    """How many can end at most between two looks: every env step ends one."""
    interval = min(
      self.num_env_steps_per_result, self.training.log_period_env_steps
    )
    episodes = self.agent.num_collect_episodes_per_iteration or 0
    last = self.num_env_steps_per_iteration or (
      episodes + self.environment.num_envs
    )
    return interval + last
