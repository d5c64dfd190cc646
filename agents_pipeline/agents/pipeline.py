"""The pipeline of an experiment, and how its parts become one."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf
from tf_agents.networks import network as tf_agents_network
from tf_agents.policies import tf_policy

from agents_pipeline import interfaces
from agents_pipeline.agents import parts as parts_lib
from agents_pipeline.agents import task as task_lib
from agents_pipeline.config import schema
from agents_pipeline.evaluation import best_policy, served_policy
from agents_pipeline.networks import convolution
from agents_pipeline.training import (
  compilation,
  episode_statistics,
  iterations,
  learners,
  loop,
  on_device,
)


@dataclasses.dataclass(frozen=True)
class Pipeline:
  """The wired stages of one experiment.

  Attributes:
    task: the task that the agent acts in.
    compiled: the two compiled calls.
    stops: when results are due, and when the run ends.
    statistics: the counters of env steps and episodes.
    train_steps: the counter of train steps.
    interval: what was done since the last result.
    should_stop: whether the run has reached its goal, [] bool.
    measure_names: the names of what the agent measures of its train steps.
    schedules: metric name -> function that gives its present value.
    network: the network that learns.
    best: a copy of the network at its best evaluation so far.
    serve: network -> the policy that is exported and evaluated.
    make_tf_agents_policy: network -> the greedy TF-Agents policy.
    tracked: everything that a checkpoint holds, by name; "network", "best",
      "interval" and "statistics" among them.
    resume: a function that continues the episodes under way, called after a
      checkpoint was restored.
    begin_with: a function that takes weights, one for each variable of the
      network, in place of those that were drawn.
    training_copies: a function that gives the copies of the training
      environment, if it can lend them to an evaluation.
    abandon_episodes: a function called when an evaluation has used the training
      copies: it drops the training episodes that the evaluation interrupted,
      and begins new ones.
    close: a function that ends the training environment and its processes.
    all_learners: the learners of the run, of which this is one.
  """

  task: task_lib.Task
  compiled: iterations.Iterations
  stops: loop.Stops
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
  begin_with: Callable[[Sequence[np.ndarray]], None]
  training_copies: Callable[[], list[interfaces.Copy]]
  abandon_episodes: Callable[[], None]
  close: Callable[[], None]
  all_learners: learners.Learners = learners.ALONE

  def run(
    self, wants_to_stop: Callable[[], bool] = lambda: False
  ) -> Iterator[loop.IntervalResult]:
    """Trains; see `loop.run`.

    Args:
      wants_to_stop: whether the user wants to stop.

    Raises:
      DivergedError: the agent's weights are of no use any more.
    """
    return loop.run(
      self.compiled,
      self.stops,
      self.interval,
      self.statistics,
      self.train_steps,
      self.should_stop,
      wants_to_stop,
      self.all_learners,
    )


@dataclasses.dataclass(frozen=True)
class Policy:
  """A network and how to serve it, for export.

  Attributes:
    network: the network, whose weights are to be restored.
    serve: network -> the policy that is exported and evaluated.
  """

  network: tf_agents_network.Network
  serve: Callable[[tf_agents_network.Network], served_policy.ServedPolicy]


def assemble(
  parts: parts_lib.Parts,
  agent: interfaces.Agent,
  iteration: on_device.Iteration,
  compile_around_python: Callable[..., iterations.Iterations],
  *,
  iterations_per_turn: int = 1,
  jit: bool,
  schedules: dict[str, Callable[[], float]],
  outputs: served_policy.Outputs,
  make_greedy_policy: Callable[..., tf_policy.TFPolicy],
  tracked: dict,
  abandon_episodes: Callable[[], None],
  all_learners: learners.Learners = learners.ALONE,
  compile_for_learners: Callable[..., iterations.Iterations] | None = None,
) -> Pipeline:
  """Wires the parts, an agent and its iterations into a pipeline.

  Args:
    parts: the parts that the pipeline begins with.
    agent: the agent to train.
    iteration: the iteration, which collects and trains, such as a
      `ReplayIteration`.
    compile_around_python: a function that compiles the iteration where the
      environment is in Python, such as `around_python.compile_replay`.
    iterations_per_turn: the iterations in a turn of a compiled loop, where the
      environment is TensorFlow ops and the run does not look for a goal at
      every iteration.
    jit: False leaves everything a plain graph, for comparison.
    schedules: metric name -> function that gives its present value.
    outputs: what the exported policy returns.
    make_greedy_policy: time step spec, action spec, network -> the greedy
      TF-Agents policy.
    tracked: what else a checkpoint holds, by name.
    abandon_episodes: a function called where episodes under way cannot be
      continued.
    all_learners: the learners of the run.
    compile_for_learners: a function that compiles the iterations of several
      learners, such as `data_parallel.compile_rollouts`; None where there is
      only one.
  """
  if parts.on_device and compilation.convolves_by_products():
    convolution.compute_by_products(agent)
  environment, statistics = parts.environment, parts.statistics
  training, task = parts.experiment.training, parts.task
  best = best_policy.BestPolicy(agent.network)
  should_stop = functools.partial(
    training.should_stop, statistics, best.mean_return
  )
  interval = loop.Interval(agent.measures, agent.measure_bounds)
  compiler = _compiler(parts, compile_around_python, iterations_per_turn)
  if compile_for_learners is not None:
    compiler = _compiler_for_learners(parts, compile_for_learners, all_learners)
  return Pipeline(
    task=task,
    compiled=compiler(iteration, should_stop, jit=jit).map(
      environment.reraise_failures
    ),
    stops=_stops(parts.experiment),
    statistics=statistics,
    train_steps=agent.train_step_counter,
    interval=interval,
    should_stop=should_stop,
    measure_names=tuple(agent.measures),
    schedules=schedules,
    network=agent.network,
    best=best,
    serve=functools.partial(task.serve, outputs),
    make_tf_agents_policy=functools.partial(
      make_greedy_policy, task.time_step_spec, task.action_spec
    ),
    tracked=_tracked(parts, agent)
    | {"interval": interval, "best": best, **tracked},
    resume=functools.partial(_resume, parts, agent, abandon_episodes),
    begin_with=functools.partial(_begin_with, agent),
    training_copies=lambda: environment.copies,  # type: ignore[attr-defined]
    abandon_episodes=functools.partial(_abandon, parts, abandon_episodes),
    close=environment.close,
    all_learners=all_learners,
  )


def _tracked(parts: parts_lib.Parts, agent: interfaces.Agent) -> dict:
  """What a checkpoint holds of the parts and of the agent, by name."""
  return {
    "agent": agent,
    "network": agent.network,
    "environment": parts.environment.tracked,
    "statistics": parts.statistics,
    "environment_stream": parts.environment_stream,
    "exploration_stream": parts.exploration_stream,
  }


def _compiler_for_learners(
  parts: parts_lib.Parts,
  compile_for_learners: Callable,
  all_learners: learners.Learners,
) -> Callable[..., iterations.Iterations]:
  """What compiles iterations of several learners; see `assemble`."""
  conv_layers = parts.experiment.agent.conv_layers
  return functools.partial(
    compile_for_learners,
    all_learners=all_learners,
    enters_python=not parts.on_device,
    jit_learning=parts.on_device or compilation.xla_trains(conv_layers),
  )


def _compiler(
  parts: parts_lib.Parts,
  compile_around_python: Callable,
  iterations_per_turn: int,
) -> Callable[..., iterations.Iterations]:
  """What compiles iterations in these parts; see `assemble`."""
  experiment = parts.experiment
  if parts.on_device:
    stops_early = experiment.training.may_stop_early
    return functools.partial(
      on_device.compile_iterations,
      per_turn=1 if stops_early else iterations_per_turn,
    )
  return functools.partial(
    compile_around_python,
    jit_learning=compilation.xla_trains(experiment.agent.conv_layers),
  )


def _begin_with(agent: interfaces.Agent, weights: Sequence[np.ndarray]) -> None:
  """Takes weights in place of those that were drawn."""
  for variable, weight in zip(agent.network.variables, weights, strict=True):
    variable.assign(weight)
  agent.initialize()  # a target network takes them over


def _resume(
  parts: parts_lib.Parts,
  agent: interfaces.Agent,
  abandon_episodes: Callable[[], None],
) -> None:
  """Continues the episodes under way; where that fails, begins others."""
  rate = parts.experiment.agent.optimizer.learning_rate
  if isinstance(rate, float):  # it may have been changed since
    agent.optimizer.learning_rate = rate
  parts.statistics.fit_restored()
  if not parts.environment.resume():
    parts.report(
      f"{parts.task.name}: unfinished episodes could not be replayed; new ones "
      "begin"
    )
    parts.statistics.abandon_episodes()
    abandon_episodes()


def _abandon(
  parts: parts_lib.Parts, abandon_episodes: Callable[[], None]
) -> None:
  """Ends the episodes under way where they stand."""
  parts.environment.begin_other_episodes()  # type: ignore[attr-defined]
  parts.statistics.abandon_episodes()
  abandon_episodes()


def _stops(experiment: schema.Experiment) -> loop.Stops:
  """When results of an experiment are due, and when it ends."""
  training = experiment.training
  periods = (
    training.log_period_env_steps,
    training.checkpoint_period_env_steps,
    experiment.evaluation.period_env_steps,
    experiment.num_env_steps_per_result,
  )
  return loop.Stops(
    training.num_env_steps,
    experiment.agent.num_env_steps_before_training,
    experiment.num_env_steps_per_iteration,
    tuple(period for period in periods if period is not None),
  )
