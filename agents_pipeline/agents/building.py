"""From an experiment to the pipeline of its agent."""

import dataclasses
import functools
import itertools
from typing import Any

from agents_pipeline import errors
from agents_pipeline.agents import parts as parts_lib
from agents_pipeline.agents import pipeline, registry
from agents_pipeline.agents import task as task_lib
from agents_pipeline.config import schema, seeding
from agents_pipeline.environments import loading
from agents_pipeline.networks import keras_settings
from agents_pipeline.replay import memory
from agents_pipeline.training import compilation, learners

# float32; of the network, its gradients, two slots of the optimizer, the target
# and the best network.
_BYTES_PER_WEIGHT = 4 * 6
_BYTES_PER_ACTIVATION = 4 * 2  # and its gradient
# From here on a GPU is faster: docs/performance.md.
_MANY_TENSOR_ENVS = 512
_FEW = 8  # inputs of a network, and actions, as most have


def complete(
  experiment: schema.Experiment,
) -> tuple[schema.Experiment, task_lib.Task]:
  """Looks at the environment, and chooses what the experiment leaves open.

  Raises:
    UserError: the environment cannot be made.
  """
  task = task_lib.task_of(experiment)
  return task_lib.with_conv_layers(experiment, task), task


def build(
  experiment: schema.Experiment,
  seeds: seeding.Seeds,
  report: parts_lib.Report = lambda line: None,
  *,
  task: task_lib.Task | None = None,
  jit: bool = True,
  all_learners: learners.Learners = learners.ALONE,
) -> pipeline.Pipeline:
  """Wires an experiment; see `registry.PipelineModule.build`.

  Before that it chooses the settings of Keras and the number of TensorFlow's
  threads, and seeds Python's and NumPy's own generators, for the whole process.

  Args:
    experiment: the experiment to wire.
    seeds: the seeds of everything random.
    report: called with lines for the user.
    task: the task that `complete` gave with the experiment; None looks again.
    jit: False leaves everything a plain graph, for comparison.
    all_learners: the learners of the run; `seeds` say which of them this is.

  Raises:
    UserError: layers, an update or a buffer do not fit into memory, the
      environment cannot be used, or a learning rate's schedule has no length.
  """
  keras_settings.choose()
  seeding.seed_process(seeds.network)
  if task is None:
    experiment, task = complete(experiment)
  _check_network(experiment.agent)
  _check_update(experiment)
  experiment = _with_schedule_length(experiment)
  choose_threads(experiment, task)
  more: dict[str, Any] = {}
  if all_learners.num_learners > 1:  # of agents that can
    more["all_learners"] = all_learners
  agent_pipeline = registry.pipeline_of(experiment.agent)
  return agent_pipeline.build(experiment, task, seeds, report, jit=jit, **more)


def choose_threads(experiment: schema.Experiment, task: task_lib.Task) -> None:
  """Chooses the number of TensorFlow's threads, before it computes anything.

  Args:
    experiment: the experiment, with its convolutions chosen.
    task: the task of the experiment.
  """
  on_device = loading.backend_of(experiment.environment).ON_DEVICE
  if on_device or not experiment.agent.conv_layers:
    largest = _largest_product(experiment)
    if on_device:
      largest = max(largest, _of_images(experiment, task))
    compilation.choose_threads(
      largest,
      enters_python=_only_enters_python(experiment),
    )


def _with_schedule_length(experiment: schema.Experiment) -> schema.Experiment:
  """The experiment with a learning rate's schedule as long as the run.

  What is saved stays as it was: a run that is extended has another length.

  Raises:
    UserError: the number of train steps of the run is not known.
  """
  agent = experiment.agent
  rate = agent.optimizer.learning_rate
  if getattr(rate, "num_train_steps", 0) is not None:
    return experiment
  if (length := experiment.num_train_steps) is None:
    raise errors.UserError(
      f"{type(rate).__name__}.num_train_steps = None: nobody knows how many "
      f"there will be with {type(agent).__name__}."
      "num_collect_episodes_per_iteration = "
      f"{agent.num_collect_episodes_per_iteration}; expected a number"
    )
  rate = dataclasses.replace(rate, num_train_steps=length)
  optimizer = dataclasses.replace(agent.optimizer, learning_rate=rate)
  agent = dataclasses.replace(agent, optimizer=optimizer)  # type: ignore[type-var]
  return dataclasses.replace(experiment, agent=agent)


def _check_network(agent: schema.AgentConfig) -> None:
  """Refuses layers that no memory holds, before it is allocated."""
  layers = (1, *agent.hidden_layers)
  weights = sum(one * next_ for one, next_ in itertools.pairwise(layers))
  needed = weights * _BYTES_PER_WEIGHT
  available = memory.available()
  if needed > available.num_bytes:
    raise errors.UserError(
      f"{type(agent).__name__}.hidden_layers = {agent.hidden_layers!r}: needs "
      f"{needed / 2**30:,.1f} GiB of the {available}; expected narrower layers"
    )


def _check_update(experiment: schema.Experiment) -> None:
  """Refuses updates whose activations no memory holds, each learner's own."""
  agent, num_envs = experiment.agent, _num_own_envs(experiment)
  num_transitions = agent.num_transitions_per_update(num_envs)
  outputs = agent.num_outputs_per_action
  # A distribution's numbers are compared with each of their targets.
  pairs = outputs * outputs if outputs > 1 else 0
  units = sum(agent.hidden_layers) + _FEW * outputs + pairs
  needed = num_transitions * units * _BYTES_PER_ACTIVATION
  available = memory.available()
  if needed > available.num_bytes:
    num_learners = experiment.training.num_learners
    by = f" of {num_learners:,} learners" if num_learners > 1 else ""
    raise errors.UserError(
      f"{type(agent).__name__}: an update of {num_transitions:,} transitions "
      f"(EnvironmentConfig.num_envs = {experiment.environment.num_envs:,}{by}) "
      f"needs {needed / 2**30:,.1f} GiB of the {available}; expected fewer"
    )


def gpu_reason(experiment: schema.Experiment) -> str:
  """What a GPU computes faster in this experiment; '' if nothing."""
  num_envs = _num_own_envs(experiment)
  on_device = loading.backend_of(experiment.environment).ON_DEVICE
  if experiment.agent.conv_layers:
    return "images"
  if on_device and num_envs >= _MANY_TENSOR_ENVS:
    return f"{num_envs:,} tensor environments"
  if _largest_product(experiment) >= compilation.SHARED_PRODUCT:
    return "layers and batches this large"
  return ""


def _num_own_envs(experiment: schema.Experiment) -> int:
  """How many environments a process has: its share, as one of the learners."""
  return experiment.environment.num_envs // experiment.training.num_learners


def _largest_product(experiment: schema.Experiment) -> int:
  """Operations of a train step's largest matrix product, about."""
  agent, num_envs = experiment.agent, _num_own_envs(experiment)
  batch_size = agent.num_transitions_per_update(num_envs)
  outputs = _FEW * agent.num_outputs_per_action
  layers = (_FEW, *agent.hidden_layers, outputs)
  widest = max(one * next_ for one, next_ in itertools.pairwise(layers))
  return 2 * batch_size * widest


def _of_images(experiment: schema.Experiment, task: task_lib.Task) -> int:
  """As `_largest_product`, from images to the first hidden layer; 0 if none."""
  agent, num_envs = experiment.agent, _num_own_envs(experiment)
  batch_size = agent.num_transitions_per_update(num_envs)
  largest = 0
  for shape in task_lib.image_shapes(task).values():
    height, width, channels = (*shape, 1)[:3]
    for filters, kernel, stride in agent.conv_layers or ():
      height = (height - kernel) // stride + 1
      width = (width - kernel) // stride + 1
      products = height * width * kernel**2 * channels * filters
      largest, channels = max(largest, products), filters
    units = (*agent.hidden_layers, _FEW)[0]
    largest = max(largest, height * width * channels * units)
  return 2 * batch_size * largest


def _only_enters_python(experiment: schema.Experiment) -> bool:
  """Whether nothing else has to go on while Python environments step."""
  backend = loading.backend_of(experiment.environment)
  return not experiment.agent.samples_ahead and not backend.ON_DEVICE


def build_policy(experiment: schema.Experiment) -> pipeline.Policy:
  """Builds only what an export needs: no buffer, no training environment.

  Raises:
    UserError: the environment cannot be used.
  """
  keras_settings.choose()
  experiment, task = complete(experiment)
  agent_pipeline = registry.pipeline_of(experiment.agent)
  return pipeline.Policy(
    agent_pipeline.make_network(experiment.agent, task, seed=0),
    functools.partial(task.serve, agent_pipeline.outputs(task)),
  )
