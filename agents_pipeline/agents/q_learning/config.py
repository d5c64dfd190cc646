"""Configuration of Q-learning: what `DqnConfig` and its like share."""

import dataclasses
import math
import typing

from agents_pipeline import errors
from agents_pipeline.agents import optimizers
from agents_pipeline.agents.q_learning import schedules
from agents_pipeline.config import fields, schema
from agents_pipeline.config.collectors import RayCollectors
from agents_pipeline.replay import choices

if typing.TYPE_CHECKING:
  from agents_pipeline.agents.q_learning import distributions

_AHEAD = (
  " before an iteration's own steps ({}.learns_while_stepping, "
  "{}.num_prefetched_batches)"
)


@dataclasses.dataclass(frozen=True)
class QLearningConfig(schema.AgentConfig):
  """Base of the configurations of DQN and its family.

  An agent has a class of its own, with the fields that are its own alone.

  Attributes:
    network: a function of your own module that makes the network, such as
      @my_module.make_network; it replaces the layers below. See "Train a
      network of your own" in the documentation. Images keep their shape.
    network_arguments: further keyword arguments of that function.
    conv_layers: (filters, kernel size, stride) of each convolution, for images;
      () flattens images. None chooses the convolutions of Mnih et al. (2015)
      where every image is at least 36 pixels wide and high, else the one of
      MinAtar: ((16, 3, 1),).
    hidden_layers: the units of each hidden layer after the convolutions.
    activation: the activation of these layers, by Keras' name.
    batch_normalization: whether every hidden layer has batch normalization in
      place of its bias (Ioffe & Szegedy 2015): by the batch when training, by
      running statistics when acting and in the target network.
    normalize_observations: whether to normalize observations by the running
      mean and standard deviation of what was collected, and clip them to 10
      standard deviations; the target network takes both over with the weights.
    initial_weights: how weights begin: 'he_normal' (He et al. 2015) with biases
      of 0 and heads uniform in (-0.03, 0.03), or 'uniform' as in PyTorch's
      layers, biases too. A ReLU network without biases sees little but the
      direction of an observation; where observations are small, as CartPole's,
      'uniform' can make the difference.
    dueling: whether the network has a value head and an advantage head (Wang et
      al. 2016).
    double: whether the online network chooses the next action (van Hasselt et
      al. 2016).
    noisy: whether all layers but the convolutions have weights with noise,
      which explores in place of epsilon (Fortunato et al. 2018). The noise is
      factorised, and new at every env step and in every train step. These
      layers begin as in the paper, whatever initial_weights is. What is
      evaluated and exported has no noise.
    noisy_sigma_0: how large the noise is at first: sigma is this number over
      the square root of a layer's number of inputs; 0.5 in the paper.
    gamma: the agent's discount per env step.
    n_step: the number of rewards summed before bootstrapping.
    reward_scale: the factor of every reward that is trained on.
    optimizer: what turns gradients into updates.
    gradient_clip_value: the element-wise bound of gradients; None does not
      clip.
    gradient_clip_global_norm: the bound of the gradients' norm over all
      variables; None does not clip.
    target_update_period_train_steps: train steps between target updates.
    target_update_period_episodes: episodes between target updates, over all
      environments, in place of target_update_period_train_steps; None for train
      steps.
    target_update_tau: how far an update moves the target network towards the
      network; 1 copies the network.
    max_mean_q: the largest mean q of a batch: beyond plus or minus this, the
      run ends as diverged; None lets it grow as long as it is finite.
    epsilon: the probability of a random action, over the run; None where the
      network is noisy.
    num_random_env_steps: env steps with random actions at the beginning.
    num_env_steps_before_training: env steps collected before the first update.
    num_collect_steps_per_iteration: env steps of every environment in an
      iteration.
    num_collect_episodes_per_iteration: episodes after which an iteration ends
      its collecting, over all environments, in place of
      num_collect_steps_per_iteration; None for steps.
    num_train_steps_per_iteration: the number of updates in an iteration.
    collectors: who chooses actions: None is the learning process, step by step;
      @RayCollectors() is the actors of the environments, which have copies of
      the network, chunk by chunk.
    learns_while_stepping: whether updates are made while Python environments do
      the iteration's first step, on another core, and so from what was stored
      before that step. The run is reproducible, but another one than with
      False. Tensor environments step inside the program, and take only False.
    batch_size: transitions per update; ignored without replay, where an update
      has one per environment.
    replay: how experience is kept: @ReplayConfig(), @PrioritizedReplay() or
      @NewestTransition().
  """

  OWN_FIELDS_AFTER: typing.ClassVar[str] = "reward_scale"  # see fields.config

  LAYER_FIELDS: typing.ClassVar[tuple[str, ...]] = (
    "hidden_layers",
    "activation",
    "batch_normalization",
    "initial_weights",
    "dueling",
  )

  network: str | None = fields.function()
  network_arguments: dict = fields.arguments("{'units': 32}")
  conv_layers: tuple[tuple[int, int, int], ...] | None = fields.conv_layers()
  hidden_layers: tuple[int, ...] = fields.widths((64, 64))
  activation: str = fields.activation("relu")
  batch_normalization: bool = fields.switch(False)
  normalize_observations: bool = fields.switch(False)
  initial_weights: str = fields.choice("he_normal", "uniform")
  dueling: bool = fields.switch(False)
  double: bool = fields.switch(False)
  noisy: bool = fields.switch(False)
  noisy_sigma_0: float = fields.number(0.5, above=True)
  gamma: float = fields.number(0.99, 0, 1)
  n_step: int = fields.integer(1, high=10**4)
  reward_scale: float = fields.number(1.0, above=True)
  optimizer: optimizers.OptimizerConfig = fields.component(
    optimizers.Adam, optimizers.OptimizerConfig
  )
  gradient_clip_value: float | None = fields.number(
    None, above=True, optional=True
  )
  gradient_clip_global_norm: float | None = fields.number(
    None, above=True, optional=True
  )
  target_update_period_train_steps: int = fields.integer(1)
  target_update_period_episodes: int | None = fields.integer(
    None, optional=True
  )
  target_update_tau: float = fields.number(1.0, 0, 1, above=True)
  max_mean_q: float | None = fields.number(None, above=True, optional=True)
  epsilon: schedules.Epsilon | None = fields.component(
    schedules.LinearEpsilon, schedules.Epsilon, optional=True
  )
  num_random_env_steps: int = fields.integer(1_000, 0)
  num_env_steps_before_training: int = fields.integer(1_000, 0)
  num_collect_steps_per_iteration: int = fields.integer(1, high=10**6)
  num_collect_episodes_per_iteration: int | None = fields.integer(
    None, high=10**6, optional=True
  )
  num_train_steps_per_iteration: int = fields.integer(1, high=10**6)
  collectors: RayCollectors | None = fields.component(
    None, RayCollectors, optional=True
  )
  learns_while_stepping: bool = fields.switch(False)
  batch_size: int = fields.integer(64, high=10**6)
  replay: choices.ReplayChoice = fields.component(
    choices.ReplayConfig, choices.ReplayChoice
  )

  def make_distribution(self) -> "distributions.Distribution | None":
    """What the network predicts of returns; None for their expectation."""
    return None

  @property
  def _name(self) -> str:
    """The name of the class, as users bind it."""
    return type(self).__name__

  def validate(self) -> None:
    """Compares fields with each other."""
    super().validate()
    self._check_one_of(
      "target_update_period_episodes", "target_update_period_train_steps"
    )
    self._check_one_of(
      "num_collect_episodes_per_iteration", "num_collect_steps_per_iteration"
    )
    episodes = self.num_collect_episodes_per_iteration
    if self.learns_while_stepping and episodes is not None:
      raise errors.UserError(
        f"{self._name}.learns_while_stepping = True: whole episodes are "
        "collected before any of them is learned from; expected False with "
        f"{self._name}.num_collect_episodes_per_iteration = {episodes}"
      )
    self._check_collectors()
    self._check_exploration()
    self.replay.check_agent(self)

  def _check_collectors(self) -> None:
    """Refuses what collectors do not do."""
    if self.collectors is None:
      return
    for field, reason in (
      (
        "learns_while_stepping",
        "collectors step a chunk while the one before is learned from",
      ),
      ("noisy", "collectors explore by epsilon"),
    ):
      if getattr(self, field):
        raise errors.UserError(
          f"{self._name}.{field} = True: {reason}; expected False with "
          f"{self._name}.collectors = @RayCollectors()"
        )

  def _check_exploration(self) -> None:
    """Refuses epsilon beside noise, and neither of them."""
    if self.noisy and self.epsilon is not None:
      raise errors.UserError(
        f"{self._name}.noisy = True and .epsilon = "
        f"@{type(self.epsilon).__name__}(): noise explores instead; expected "
        f"{self._name}.epsilon = None"
      )
    if self.noisy and self.network is not None:
      raise errors.UserError(
        f"{self._name}.noisy = True: the layers of {self._name}.network = "
        f"{self.network!r} have no noise, and nothing would explore; expected "
        "False, with a schedule of epsilon"
      )
    if not self.noisy and self.noisy_sigma_0 != _default(self, "noisy_sigma_0"):
      raise errors.UserError(
        f"{self._name}.noisy_sigma_0 = {self.noisy_sigma_0:g}: there is no "
        f"noise; expected {self._name}.noisy = True"
      )
    if not self.noisy and self.epsilon is None:
      raise errors.UserError(
        f"{self._name}.epsilon = None: nothing would explore; expected "
        f"{self._name}.noisy = True, or a schedule such as @LinearEpsilon()"
      )

  def _check_one_of(self, one: str, other: str) -> None:
    """Refuses two values for one thing; what is at its default is no value."""
    values = {name: getattr(self, name) for name in (one, other)}
    if all(value != _default(self, name) for name, value in values.items()):
      raise errors.UserError(
        f"{self._name}.{one} = {values[one]} and .{other} = {values[other]}: "
        "expected at most one of them"
      )

  def check_fits(self, num_envs: int) -> None:
    """Compares with the number of environments, which is bound elsewhere.

    Raises:
      UserError: there would be nothing to sample, or too little.
    """
    if (
      self.batch_normalization
      and self.num_transitions_per_update(num_envs) == 1
    ):
      raise errors.UserError(
        f"{self._name}.batch_normalization = True: expected more than 1 "
        "transition per update, as one has no variance"
      )
    window = self.replay.min_env_steps(self.n_step, num_envs)
    collected = self.num_env_steps_before_training
    if not self.samples_ahead:
      own = num_envs * self.num_collect_steps_per_iteration
      collected = max(collected, own)
    if collected < window:
      ahead = ""
      if self.samples_ahead:
        ahead = _AHEAD.format(self._name, type(self.replay).__name__)
      raise errors.UserError(
        f"{self._name}.num_env_steps_before_training = "
        f"{self.num_env_steps_before_training}: expected at least "
        f"n_step * num_envs = {window}, so that there is something to sample"
        f"{ahead}"
      )

  @property
  def is_reproducible(self) -> bool:
    """False with prefetching: when tf.data samples differs between runs."""
    return not self.replay.num_prefetched_batches

  @property
  def samples_ahead(self) -> bool:
    """Whether an iteration may learn before its own steps are stored."""
    return self.learns_while_stepping or self.replay.num_prefetched_batches > 0

  def num_transitions_per_update(self, num_envs: int) -> int:
    """Batch size: without replay one transition of every environment."""
    return self.replay.num_transitions_per_update(self.batch_size, num_envs)

  def warnings(self, training, min_iteration_env_steps) -> list[str]:
    """Tells of a target network that is never updated, too."""
    lines = super().warnings(training, min_iteration_env_steps)
    return lines + self._never_updated(training, min_iteration_env_steps)

  def _never_updated(self, training, min_iteration_env_steps) -> list[str]:
    if self.gamma == 0:
      return []
    never = "the target network is never updated: the run has at most"
    episodes = self.target_update_period_episodes
    if episodes is not None:
      most = min(training.num_env_steps, training.num_episodes or math.inf)
      if most >= episodes:
        return []
      return [
        f"{self._name}.target_update_period_episodes = {episodes}: {never} "
        f"{most} episodes"
      ]
    iterations_before = -(
      -self.num_env_steps_before_training // min_iteration_env_steps
    )
    collected = iterations_before * min_iteration_env_steps
    most = -(-(training.num_env_steps - collected) // min_iteration_env_steps)
    most *= self.num_train_steps_per_iteration
    if most >= self.target_update_period_train_steps:
      return []
    return [
      f"{self._name}.target_update_period_train_steps = "
      f"{self.target_update_period_train_steps}: {never} {most} train steps"
    ]


def _default(config: QLearningConfig, name: str) -> object:
  """The default of a field."""
  return next(f.default for f in dataclasses.fields(config) if f.name == name)
