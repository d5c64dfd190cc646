"""The task of an experiment: its spaces, and the environment to train on."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import tensorflow as tf
from tf_agents.networks import network as tf_agents_network
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from agents_pipeline import errors, interfaces
from agents_pipeline.config import encoders, schema, seeding
from agents_pipeline.environments import loading, making, specs
from agents_pipeline.evaluation import served_policy
from agents_pipeline.networks import encoding
from agents_pipeline.ops import random_stream

# Convolutions by the size of images: (filters, kernel size, stride).
_NATURE = ((32, 8, 4), (64, 4, 2), (64, 3, 1))  # Mnih et al. (2015)
_NATURE_PIXELS = 36  # the smallest side that its kernels fit into
_MINATAR = ((16, 3, 1),)  # Young & Tian (2019)


@dataclasses.dataclass(frozen=True)
class Task:
  """The task that an experiment acts in.

  Attributes:
    name: the gymnasium id.
    observation_space: the observation space of gymnasium's own environment.
    action_space: the action space of gymnasium's own environment.
    num_frames: the number of frames stacked in an observation, as its first
      dimension; with 1 there is no such dimension.
    keys: how leaves are encoded; see `ObservationEncoder.keys`.
    renders: whether the environment renders images.
  """

  name: str
  observation_space: gym.Space
  action_space: gym.Space
  num_frames: int = 1
  keys: Mapping[str, str] = dataclasses.field(default_factory=dict)
  renders: bool = False

  @property
  def observation_spec(self) -> Any:
    """Spec of one observation, as networks see it, or of leaves by name."""
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
    """The policy of a network, for gymnasium's observations and actions."""
    return served_policy.ServedPolicy(
      network, outputs, self.observation_space, self.action_space
    )


def task_of(experiment: schema.Experiment) -> Task:
  """The task of an experiment, as gymnasium's own environment declares it.

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
    experiment.environment.encoder.keys,
    "rgb_array" in (env.metadata.get("render_modes") or []),
  )


def make_training_environment(
  experiment: schema.Experiment,
  task: Task,
  rng: random_stream.RandomStream,
  seeds: seeding.Seeds,
  collecting: interfaces.Collecting | None = None,
) -> interfaces.Environment:
  """Makes the training environment, and checks its spaces against the task's.

  The spaces may differ: an environment's own vector version may declare other
  spaces than a single copy.

  Args:
    experiment: the experiment whose environment is made.
    task: the task that evaluations act in.
    rng: the random stream of tensor environments.
    seeds: the seeds of Python environments; they also say which learner's share
      this is.
    collecting: how actors of Ray collect; None if they do not.

  Raises:
    UserError: the environment cannot be made, or its spaces are not the task's.
  """
  num_envs = experiment.environment.num_envs // seeds.num_learners
  first = num_envs * seeds.rank
  environment = loading.make_training_environment(
    dataclasses.replace(experiment.environment, num_envs=num_envs),
    rng,
    lambda copy, episode: seeding.child_seed(
      seeds.environment, first + copy, episode
    ),
    collecting,
  )
  for what, ours, theirs in (
    ("observations", environment.observation_spec(), task.observation_spec),
    ("actions", environment.action_spec(), task.action_spec),
  ):
    # Bounds of floats are not used, but for clipping actions.
    summaries = [_summary(spec, what == "actions") for spec in (ours, theirs)]
    if summaries[0] != summaries[1]:
      environment.close()
      raise errors.UserError(
        f"environment {task.name!r}: {what} are {summaries[0]} in training and "
        f"{summaries[1]} in a single one, which evaluations use; expected the "
        "same"
      )
  return environment


def _summary(spec: Any, float_bounds: bool) -> str:
  """Type and shape of a spec or of leaves, and the least and greatest bound.

  Args:
    spec: the spec to describe.
    float_bounds: whether to give the bounds of floats too.
  """
  if isinstance(spec, dict):
    each = (f"{n} {_summary(s, float_bounds)}" for n, s in spec.items())
    return ", ".join(each)
  with_bounds = float_bounds or not spec.dtype.is_floating
  summary = f"{spec.dtype.name} of shape {tuple(spec.shape)}"
  if not with_bounds:
    return summary
  return f"{summary} in [{spec.minimum.min():g}, {spec.maximum.max():g}]"


def with_conv_layers(
  experiment: schema.Experiment, task: Task
) -> schema.Experiment:
  """The experiment with convolutions chosen, where it leaves that open.

  The convolutions of Mnih et al. (2015) where every image is large enough for
  them, else the one of Young & Tian (2019) for MinAtar; none where there is no
  image.
  """
  if experiment.agent.conv_layers is not None:
    return experiment
  shapes = image_shapes(task).values()
  sides = [min(shape[:2], default=0) for shape in shapes]
  layers: tuple = ()
  if sides:
    layers = _NATURE if min(sides) >= _NATURE_PIXELS else _MINATAR
  agent = dataclasses.replace(experiment.agent, conv_layers=layers)  # type: ignore[type-var]
  return dataclasses.replace(experiment, agent=agent)


def image_shapes(task: Task) -> dict[str, tuple[int, ...]]:
  """The shape [H, W(, C)] of each image among the observations, by key."""
  spec = task.observation_spec
  if isinstance(spec, dict):
    named = {encoding.key_of(leaf): one for leaf, one in spec.items()}
    return {
      key: tuple(one.shape)
      for key, one in named.items()
      if key != encoders.ACTION_MASK
      and encoding.is_image(one, task.keys.get(key))
    }
  frame = tf.TensorSpec(spec.shape[task.num_frames > 1 :], spec.dtype)
  return {"": tuple(frame.shape)} if encoding.is_image(frame) else {}


def non_image_leaves(task: Task) -> list[str]:
  """The leaves that are neither images nor the action mask, by name."""
  spec = task.observation_spec
  named = spec if isinstance(spec, dict) else {encoders.OBSERVATION: spec}
  seen = image_shapes(task)
  return [
    leaf
    for leaf in named
    if leaf != encoders.ACTION_MASK
    and (encoding.key_of(leaf) if isinstance(spec, dict) else "") not in seen
  ]


def check_normalization(agent: schema.AgentConfig, task: Task) -> None:
  """Refuses to normalize a Dict of which only images are observed.

  Raises:
    UserError: there is nothing to normalize; the message names the field.
  """
  normalizes = getattr(agent, "normalize_observations", False)
  is_dict = isinstance(task.observation_spec, dict)
  convolves = is_dict and agent.conv_layers
  if normalizes and convolves and not non_image_leaves(task):
    raise errors.UserError(
      f"{type(agent).__name__}.normalize_observations = True: {task.name!r} "
      "gives only images, which are scaled by their bounds; expected False"
    )


def check_images(agent: schema.AgentConfig, task: Task) -> None:
  """Refuses convolutions of what is no image, or of one too small.

  Raises:
    UserError: the convolutions do not fit the observations; the message names
      both.
  """
  if not agent.conv_layers:
    for key, chosen in task.keys.items():
      if chosen == encoders.CONVOLUTIONS:
        raise errors.UserError(
          f"ObservationEncoder.keys: {key!r} is to go through convolutions, "
          f"and {type(agent).__name__}.conv_layers is (); expected some "
          "layers, or 'flat'"
        )
    return
  if isinstance(task.observation_spec, dict):
    found = image_shapes(task)
    if not found:
      raise errors.UserError(
        f"{type(agent).__name__}.conv_layers = {agent.conv_layers!r}: "
        f"{task.name!r} gives no images; expected no convolutions: ()"
      )
    for key, image in found.items():
      _check_image(agent, f"{task.name!r} gives {key!r} of shape", image)
    return
  shape = task.observation_space.shape or ()
  image = shape[1:] if task.num_frames > 1 else shape
  given = "observations"
  if task.num_frames > 1:
    given = f"{task.num_frames} stacked frames"
  _check_image(agent, f"{task.name!r} gives {given} of shape", image)


def _check_image(
  agent: schema.AgentConfig, gives: str, image: tuple[int, ...]
) -> None:
  """Refuses convolutions that do not fit an image.

  Args:
    agent: the agent's configuration, with its convolutions.
    gives: the beginning of what a message says of the image.
    image: the shape of the image.
  """
  sides, does_not_fit = image[:2], len(image) not in (2, 3)
  for _, kernel, stride in agent.conv_layers or ():
    does_not_fit = does_not_fit or any(side < kernel for side in sides)
    sides = tuple((side - kernel) // stride + 1 for side in sides)
  message = (
    f"{type(agent).__name__}.conv_layers = {agent.conv_layers!r}: "
    f"{gives} {image}"
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
