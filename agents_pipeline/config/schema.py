"""What an experiment is: frozen dataclasses, bound by gin and nothing else.

Units are in the names. An env step is one transition of one environment; a
train step is one optimizer update; an iteration is one pass of the loop.
"""

import typing

import gin

from agents_pipeline import errors
from agents_pipeline.config import fields, several_learners, stopping
from agents_pipeline.config.agent import AgentConfig
from agents_pipeline.config.environment import EnvironmentConfig
from agents_pipeline.config.tracking import TrackingConfig

if typing.TYPE_CHECKING:
  import tensorflow as tf

MAX_SEED = 2**53  # a whole number that every reader of JSON keeps

_ITERATIONS_PER_RESULT = 10_000
_MOST_LEARNERS = 1_024


@fields.config
class TrainingConfig:
  """How long to train, and how often to write.

  Attributes:
    num_env_steps: env steps of the whole run, over all environments.
    log_period_env_steps: env steps between two rows of metrics.
    checkpoint_period_env_steps: env steps between two checkpoints.
    num_episodes: training episodes, over all environments, after which the run
      ends early; None for no limit.
    stop: the goal at which the run ends early; @AtTheEnd() for none.
    num_learners: processes that learn together, each with an equal share of the
      environments; their gradients are averaged (docs/scaling.md).
  """

  num_env_steps: int = fields.integer(gin.REQUIRED, high=10**15)
  log_period_env_steps: int = fields.integer(1_000)
  checkpoint_period_env_steps: int = fields.integer(10_000)
  num_episodes: int | None = fields.integer(None, optional=True)
  stop: stopping.Stop = fields.component(stopping.AtTheEnd, stopping.Stop)
  num_learners: int = fields.integer(1, high=_MOST_LEARNERS)

  @property
  def may_stop_early(self) -> bool:
    """Whether the run can end before its last env step."""
    return self.num_episodes is not None or not isinstance(
      self.stop, stopping.AtTheEnd
    )

  def should_stop(self, statistics, best_return: "tf.Variable") -> "tf.Tensor":
    """Whether to end before the last env step. Runs inside XLA.

    Args:
      statistics: the `EpisodeStatistics` of the training episodes.
      best_return: [] float32, the mean return of the best evaluation so far.

    Returns:
      [] bool.
    """
    reached_goal = self.stop(statistics, best_return)
    if self.num_episodes is None:
      return reached_goal
    return reached_goal | (statistics.num_episodes >= self.num_episodes)


@fields.config
class EvaluationConfig:
  """Greedy episodes on gymnasium's own environment.

  Attributes:
    period_env_steps: env steps between two evaluations while training, which
      choose the policy that is exported. None: there are no such evaluations,
      and the newest policy is exported.
    num_envs: the number of copies of the environment that live at once.
    keeps_environments: whether copies are kept: True keeps them from one
      evaluation to the next, False makes new ones each time. 'training' makes
      none, and evaluates in the training environments, whose unfinished
      episodes end there, as truncated. It is for simulators that can exist only
      once, and for copies in actors of Ray, which then play all episodes at the
      same time.
    num_episodes_while_training: episodes of each evaluation while training.
    num_episodes: episodes of the final evaluation, written to evaluation.json.
    max_episode_env_steps: env steps after which an evaluation cuts off an
      episode, and reports that it did; 27,000 are 30 minutes of Atari.
  """

  period_env_steps: int | None = fields.integer(5_000, optional=True)
  num_envs: int = fields.integer(25, high=1_000)
  keeps_environments: bool | str = fields.switch_or(False, "training")
  num_episodes_while_training: int = fields.integer(10, high=10**6)
  num_episodes: int = fields.integer(100, high=10**6)
  max_episode_env_steps: int = fields.integer(27_000)


@fields.config
class CheckpointConfig:
  """Which checkpoints of a run are kept.

  Attributes:
    num_kept: how many of the newest checkpoints are kept. One may be damaged,
      so 1 is a risk.
    keep_period_env_steps: the period, in env steps, of checkpoints kept for
      good beside the newest: the first in each period; None keeps none.
  """

  num_kept: int = fields.integer(2)
  keep_period_env_steps: int | None = fields.integer(None, optional=True)


@fields.config
class VideoConfig:
  """Videos of greedy episodes, on gymnasium's own environment.

  Several short episodes until five seconds are full, or the first minute of a
  long one.

  Attributes:
    period_episodes: training episodes between two videos, over all
      environments; at most one video per row of metrics. None: at the end only.
    format: the format while training; 'html' is a page to step through.
    captions: whether each frame shows its number and the return so far.
  """

  period_episodes: int | None = fields.integer(None, optional=True)
  format: str = fields.choice("mp4", "gif", "html")
  captions: bool = fields.switch(False)


@fields.config
class Experiment:
  """A whole experiment: the root of every gin file.

  `Experiment.agent = @DqnConfig()`, or another agent's, chooses the agent; the
  other parts are bound through their own classes.

  Attributes:
    agent: what learns.
    environment: what the agent acts in.
    training: how long to train, and how often to write.
    evaluation: how the policy is evaluated.
    video: which videos are recorded.
    checkpoints: which checkpoints are kept.
    tracking: which services get the results.
    initial_policy: the weights to begin with: the path of a run folder, of a
      checkpoint or of an exported policy; None draws them. The flag
      `--initial_policy` overrides it.
    seed: the seed of everything random; the `--seed` flag overrides it.
  """

  agent: AgentConfig = fields.component(gin.REQUIRED, AgentConfig)
  environment: EnvironmentConfig = fields.component(
    EnvironmentConfig, EnvironmentConfig
  )
  training: TrainingConfig = fields.component(TrainingConfig, TrainingConfig)
  evaluation: EvaluationConfig = fields.component(
    EvaluationConfig, EvaluationConfig
  )
  video: VideoConfig = fields.component(VideoConfig, VideoConfig)
  checkpoints: CheckpointConfig = fields.component(
    CheckpointConfig, CheckpointConfig
  )
  tracking: TrackingConfig = fields.component(TrackingConfig, TrackingConfig)
  initial_policy: str | None = fields.text(None, optional=True)
  seed: int = fields.integer(0, 0, high=MAX_SEED)

  def validate(self) -> None:
    """Compares its parts with each other."""
    self.agent.check_fits(self.environment.num_envs)
    self._check_learns()
    if self.agent.collectors is not None:
      self.agent.collectors.check_fits(self.agent, self.environment)
    is_evaluated = self.evaluation.period_env_steps is not None
    if (
      isinstance(self.training.stop, stopping.OnEvaluation) and not is_evaluated
    ):
      raise errors.UserError(
        "TrainingConfig.stop = @OnEvaluation(): there is no evaluation while "
        "training with EvaluationConfig.period_env_steps = None; expected a "
        "number of env steps"
      )

    if self.evaluation.keeps_environments == "training":
      self._check_evaluates_in_training()
    if self.training.num_learners > 1:
      several_learners.check(self)

  def _check_evaluates_in_training(self) -> None:
    """Refuses what needs a second copy, or cannot lend the first."""
    kept = "with EvaluationConfig.keeps_environments = 'training'"
    if (how := self.environment.vectorization) not in ("sync", "ray"):
      raise errors.UserError(
        f"EnvironmentConfig.vectorization = {how!r}: expected 'sync' or 'ray' "
        f"{kept}"
      )
    if (period := self.video.period_episodes) is not None:
      raise errors.UserError(
        f"VideoConfig.period_episodes = {period}: a video needs a copy of its "
        f"own; expected None {kept}"
      )

  def _check_learns(self) -> None:
    """Refuses what would end before its first train step."""
    collected = self.agent.num_env_steps_before_training
    length, iteration = (
      self.training.num_env_steps,
      self._min_iteration_env_steps,
    )
    most = (length - 1) // iteration * iteration
    if collected > most:
      raise errors.UserError(
        f"{type(self.agent).__name__}.num_env_steps_before_training = "
        f"{collected}: expected at most {most}, so that something is learned "
        f"in TrainingConfig.num_env_steps = {length}"
      )

  @property
  def _min_iteration_env_steps(self) -> int:
    """The fewest env steps of an iteration."""
    if self.environment.vectorization == "vector_entry_point":
      return 1  # steps that reset are not counted
    return self.num_env_steps_per_iteration or 1

  @property
  def warnings(self) -> list[str]:
    """Lines on legal but probably unintended settings."""
    return self.agent.warnings(self.training, self._min_iteration_env_steps)

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
  def num_train_steps(self) -> int | None:
    """Train steps of the whole run, where nothing ends it early.

    None where an iteration is as long as its episodes. Steps that only reset an
    environment are not counted, so that a run with an environment's own vector
    version may have a few more.
    """
    iteration = self.num_env_steps_per_iteration
    if iteration is None:
      return None
    in_iterations = lambda env_steps: -(-env_steps // iteration)
    num_training = in_iterations(self.training.num_env_steps) - in_iterations(
      self.agent.num_env_steps_before_training
    )
    return num_training * self.agent.num_train_steps_per_iteration

  @property
  def num_env_steps_per_result(self) -> int:
    """The most env steps between two results: their episodes are kept."""
    collected = self.num_env_steps_per_iteration or self.environment.num_envs
    return _ITERATIONS_PER_RESULT * collected

  @property
  def max_episodes_per_result(self) -> int:
    """Upper bound on episodes between two results: one per env step."""
    interval = min(
      self.num_env_steps_per_result, self.training.log_period_env_steps
    )
    episodes = self.agent.num_collect_episodes_per_iteration or 0
    last = self.num_env_steps_per_iteration or (
      episodes + self.environment.num_envs
    )
    return interval + last
