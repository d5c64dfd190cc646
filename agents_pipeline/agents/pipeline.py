"""What a pipeline is, whichever agent learns in it."""

import dataclasses
import functools
from collections.abc import Callable, Iterator

import gymnasium as gym
import tensorflow as tf
from tf_agents.networks import network as tf_agents_network
from tf_agents.policies import tf_policy
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from agents_pipeline import errors
from agents_pipeline.config import schema, seeding
from agents_pipeline.environments import loading, making, specs
from agents_pipeline.evaluation import best_policy, served_policy
from agents_pipeline.ops import random_stream
from agents_pipeline.runs import metrics
from agents_pipeline.training import episode_statistics, iterations, loop


@dataclasses.dataclass(frozen=True)
class Pipeline:
  """The wired stages of one experiment.

  Attributes:
    compiled: its two compiled calls.
    loop_sizes: when its loop tells and ends.
    statistics: env steps and episodes.
    train_steps: counter.
    interval: what was done since the last result.
    should_stop: whether the run has done what it was for, [] bool.
    measure_names: of what the agent measures of its train steps.
    schedules: metric name -> its value now.
    network: the one that learns.
    best: the best of it so far.
    serve: network -> the policy as others get it.
    make_tf_agents_policy: network -> greedy TF-Agents policy.
    tracked: everything that a checkpoint holds, by name; "network", "best",
      "interval" and "statistics" among them.
    resume: called after a checkpoint was restored.
    close: ends the training environment and its processes.
  """

  compiled: iterations.Iterations
  loop_sizes: loop.LoopSizes
  statistics: episode_statistics.EpisodeStatistics
  train_steps: tf.Variable
  interval: loop.Interval
  should_stop: Callable[[], tf.Tensor]
  measure_names: tuple[str, ...]
  schedules: dict[str, Callable[[], float]]
  network: tf_agents_network.Network
  best: best_policy.BestPolicy
  serve: Callable[[tf_agents_network.Network], served_policy.ServedPolicy]
  make_tf_agents_policy: Callable[
    [tf_agents_network.Network], tf_policy.TFPolicy
  ]
  tracked: dict
  resume: Callable[[], None]
  close: Callable[[], None]

  def run(
    self, wants_to_stop: Callable[[], bool] = lambda: False
  ) -> Iterator[loop.IterationResult]:
    """Trains; see `loop.run`.

    Args:
      wants_to_stop: whether the person does.
    """
    return loop.run(
      self.compiled,
      self.loop_sizes,
      self.interval,
      self.statistics,
      self.train_steps,
      self.should_stop,
      wants_to_stop,
    )

  @property
  def columns(self) -> tuple[str, ...]:
    """Of metrics.csv."""
    return metrics.columns((*self.measure_names, *self.schedules))


@dataclasses.dataclass(frozen=True)
class Policy:
  """What an export needs.

  Attributes:
    network: with weights to be restored.
    serve: network -> the policy as others get it.
  """

  network: tf_agents_network.Network
  serve: Callable[[tf_agents_network.Network], served_policy.ServedPolicy]


@dataclasses.dataclass(frozen=True)
class Task:
  """What an experiment acts in.

  Attributes:
    name: the gymnasium id.
    observation_space: of gymnasium's own environment.
    action_space: likewise.
    num_frames: stacked in an observation, its first dimension if above 1.
  """

  name: str
  observation_space: gym.Space
  action_space: gym.Space
  num_frames: int = 1

  @property
  def observation_spec(self) -> tensor_spec.BoundedTensorSpec:
    """Of one observation, as networks see it."""
    return tensor_spec.from_spec(
      specs.observation_spec(self.observation_space, self.name)
    )

  @property
  def action_spec(self) -> tensor_spec.BoundedTensorSpec:
    """Of one action; whole numbers count from 0."""
    return tensor_spec.from_spec(
      specs.action_spec(self.action_space, self.name)
    )

  @property
  def time_step_spec(self) -> ts.TimeStep:
    """Of one environment."""
    return ts.time_step_spec(self.observation_spec)

  def serve(
    self, outputs: served_policy.Outputs, network: tf_agents_network.Network
  ) -> served_policy.ServedPolicy:
    """The policy of a network as others get it."""
    return served_policy.ServedPolicy(
      network, outputs, self.observation_space, self.action_space
    )


def task_of(experiment: schema.Experiment) -> Task:
  """Looks at gymnasium's own environment.

  Raises:
    UserError: there is no such environment.
  """
  env = making.make_evaluation_environment(experiment.environment)
  env.close()
  return Task(
    experiment.environment.name,
    env.observation_space,
    env.action_space,
    experiment.environment.observation.num_frames,
  )


def make_training_environment(
  experiment: schema.Experiment,
  task: Task,
  rng: random_stream.RandomStream,
  seed: int,
) -> loading.TrainingEnvironment:
  """Makes what is trained on, with the spaces that evaluations act in.

  An environment's own vector version may declare others than a single one.

  Args:
    experiment: says which.
    task: what evaluations act in.
    rng: of tensor environments.
    seed: parent of the seeds of Python ones.

  Raises:
    UserError: it cannot be made, or has other spaces.
  """
  environment = loading.make_training_environment(
    experiment.environment,
    rng,
    functools.partial(seeding.child_seed, seed),
  )
  for what, ours, theirs in (
    ("observations", environment.observation_spec(), task.observation_spec),
    ("actions", environment.action_spec(), task.action_spec),
  ):
    # Bounds of floats are not used, but for clipping actions.
    bounded = what == "actions" or not theirs.dtype.is_floating
    if _summary(ours, bounded) != _summary(theirs, bounded):
      environment.close()
      raise errors.UserError(
        f"environment {task.name!r}: {what} are {_summary(ours, bounded)} "
        f"in training and {_summary(theirs, bounded)} in a single one, "
        "which evaluations use; expected the same"
      )
  return environment


def _summary(spec: tensor_spec.BoundedTensorSpec, with_bounds: bool) -> str:
  """Type and shape of a spec, and its least and greatest bound."""
  summary = f"{spec.dtype.name} of shape {tuple(spec.shape)}"
  if not with_bounds:
    return summary
  return f"{summary} in [{spec.minimum.min():g}, {spec.maximum.max():g}]"


def begins_new_episodes(task: Task) -> str:
  """A line for a run that cannot resume exactly."""
  return (
    f"{task.name}: the episodes under way cannot be played again; new ones "
    "begin"
  )


def check_images(agent: schema.Agent, task: Task) -> None:
  """Refuses convolutions of what is no image, or of one too small.

  Raises:
    UserError: naming the layers and the observations.
  """
  shape = task.observation_space.shape or ()
  image = shape[1:] if task.num_frames > 1 else shape
  sides, problem = image[:2], len(image) not in (2, 3)
  for _, kernel, stride in agent.conv_layers:
    problem = problem or any(side < kernel for side in sides)
    sides = tuple((side - kernel) // stride + 1 for side in sides)
  given = "observations"
  if task.num_frames > 1:
    given = f"{task.num_frames} stacked frames"
  said = (
    f"{type(agent).__name__}.conv_layers = {agent.conv_layers!r}: "
    f"{task.name!r} gives {given} of shape {image}"
  )
  if agent.conv_layers and problem:
    raise errors.UserError(
      f"{said}; expected images [H, W] or [H, W, C] that every kernel fits "
      "into, or no convolutions: ()"
    )
  if agent.conv_layers and _has_channels_first(image):
    raise errors.UserError(
      f"{said}, which looks like [C, H, W]; expected [H, W, C], by "
      "gymnasium.wrappers.TransformObservation for example"
    )


def _has_channels_first(image: tuple[int, ...]) -> bool:
  """Whether a shape is of gray, RGB or RGBA with the channels in front."""
  return (
    len(image) == 3
    and image[0] in (1, 3, 4)
    and image[0] < image[1]
    and image[2] > 4 * image[0]
  )


def loop_sizes(experiment: schema.Experiment) -> loop.LoopSizes:
  """When the loop of an experiment tells and ends."""
  training = experiment.training
  return loop.LoopSizes(
    training.num_env_steps,
    experiment.agent.num_env_steps_before_training,
    experiment.num_env_steps_per_iteration,
    (
      training.log_period_env_steps,
      training.checkpoint_period_env_steps,
      experiment.evaluation.period_env_steps,
      experiment.num_env_steps_per_result,
    ),
  )
