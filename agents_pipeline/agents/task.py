"""The task of an experiment: its spaces, and the environment to train on."""

import dataclasses
import functools

import gymnasium as gym
from tf_agents.networks import network as tf_agents_network
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from agents_pipeline import errors, interfaces
from agents_pipeline.config import schema, seeding
from agents_pipeline.environments import loading, making, specs
from agents_pipeline.evaluation import served_policy
from agents_pipeline.ops import random_stream


@dataclasses.dataclass(frozen=True)
class Task:
  """What an experiment acts in.

  Attributes:
    name: the gymnasium id.
    observation_space: the observation space of gymnasium's own environment.
    action_space: likewise.
    num_frames: stacked in an observation, its first dimension if above 1.
  """

  name: str
  observation_space: gym.Space
  action_space: gym.Space
  num_frames: int = 1

  @property
  def observation_spec(self) -> tensor_spec.BoundedTensorSpec:
    """Spec of one observation, as networks see it."""
    return tensor_spec.from_spec(
      specs.observation_spec(self.observation_space, self.name)
    )

  @property
  def action_spec(self) -> tensor_spec.BoundedTensorSpec:
    """Spec of one action; whole numbers count from 0."""
    return tensor_spec.from_spec(
      specs.action_spec(self.action_space, self.name)
    )

  @property
  def time_step_spec(self) -> ts.TimeStep:
    """Spec of one environment's time steps."""
    return ts.time_step_spec(self.observation_spec)

  def serve(
    self, outputs: served_policy.Outputs, network: tf_agents_network.Network
  ) -> served_policy.ServedPolicy:
    """The policy of a network, with gymnasium's spaces at its door."""
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
) -> interfaces.Environment:
  """Makes what is trained on, with the spaces that evaluations act in.

  An environment's own vector version may declare others than a single one.

  Args:
    experiment: says which.
    task: what evaluations act in.
    rng: the random stream of tensor environments.
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


def check_images(agent: schema.AgentConfig, task: Task) -> None:
  """Refuses convolutions of what is no image, or of one too small.

  Raises:
    UserError: naming the layers and the observations.
  """
  if not agent.conv_layers:
    return
  shape = task.observation_space.shape or ()
  image = shape[1:] if task.num_frames > 1 else shape
  sides, does_not_fit = image[:2], len(image) not in (2, 3)
  for _, kernel, stride in agent.conv_layers:
    does_not_fit = does_not_fit or any(side < kernel for side in sides)
    sides = tuple((side - kernel) // stride + 1 for side in sides)
  given = "observations"
  if task.num_frames > 1:
    given = f"{task.num_frames} stacked frames"
  message = (
    f"{type(agent).__name__}.conv_layers = {agent.conv_layers!r}: "
    f"{task.name!r} gives {given} of shape {image}"
  )
  if does_not_fit:
    raise errors.UserError(
      f"{message}; expected images [H, W] or [H, W, C] that every kernel fits "
      "into, or no convolutions: ()"
    )
  if _has_channels_first(image):
    raise errors.UserError(
      f"{message}, which looks like [C, H, W]; expected [H, W, C], by "
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
