"""The pipeline of DQN and its family: wires all stages."""

import functools
from collections.abc import Callable

import gymnasium as gym
import tensorflow as tf
from tf_agents.policies import tf_policy

from agents_pipeline import errors, interfaces
from agents_pipeline.agents import parts as parts_lib
from agents_pipeline.agents import pipeline
from agents_pipeline.agents import task as task_lib
from agents_pipeline.agents.q_learning import agent as q_agent
from agents_pipeline.agents.q_learning import (
  collecting,
  exploration,
  target_update,
)
from agents_pipeline.agents.q_learning import config as q_config
from agents_pipeline.agents.q_learning import network as q_network
from agents_pipeline.config import schema, seeding
from agents_pipeline.evaluation import served_policy
from agents_pipeline.networks import variables
from agents_pipeline.ops import random_stream
from agents_pipeline.replay import specs
from agents_pipeline.training import (
  around_python,
  compilation,
  drivers,
  replay_iteration,
)


def build(
  experiment: schema.Experiment,
  task: task_lib.Task,
  seeds: seeding.Seeds,
  report: parts_lib.Report,
  *,
  agent_class: type[q_agent.QLearningAgent],
  jit: bool = True,
) -> pipeline.Pipeline:
  """Wires an experiment; see `registry.PipelineModule.build`.

  Args:
    experiment: the experiment to wire, with its convolutions chosen.
    task: the task of the experiment.
    seeds: the seeds of everything random.
    report: called with lines for the user.
    agent_class: the agent to train; it defines the loss.
    jit: False leaves everything a plain graph, for comparison.
  """
  config = experiment.agent
  assert isinstance(config, q_config.QLearningConfig)
  _check_discrete(config, task)
  collectors = collecting.collecting_of(experiment, task, seeds.exploration)
  parts = parts_lib.make_parts(experiment, seeds, task, report, collectors)
  if parts.on_device:
    _check_within_program(config, task)
  statistics = parts.statistics
  agent = _make_agent(config, task, seeds, agent_class)
  replay = _make_replay(config, parts, seeds.replay)
  epsilon = lambda: exploration.epsilon_of(
    config, statistics.env_steps, statistics.num_episodes
  )
  iteration = replay_iteration.ReplayIteration(
    _make_driver(config, parts, agent, replay, epsilon),
    replay,
    agent,
    _make_target_update(config, agent, statistics),
    _iteration_sizes(experiment),
    statistics,
  )
  num_envs, acts = experiment.environment.num_envs, collectors is None
  pending = around_python.PendingAction(num_envs, are_taken=acts)
  tracked = {"replay": replay, "target_update": iteration.update_target}
  if not parts.on_device:
    tracked["pending_action"] = pending

  def abandon_episodes():
    replay.abandon_episodes()
    pending.forget()

  return pipeline.assemble(
    parts,
    agent,
    iteration,
    functools.partial(
      around_python.compile_replay,
      pending=pending,
      num_prefetched_batches=config.replay.num_prefetched_batches,
      learns_while_stepping=config.learns_while_stepping,
      replay_on_host=config.replay.memory == "host",
    ),
    iterations_per_turn=_iterations_per_turn(experiment, agent),
    jit=jit,
    schedules=_schedules(config, agent, epsilon),
    outputs=outputs(task),
    make_greedy_policy=q_agent.make_greedy_policy,
    tracked=tracked,
    abandon_episodes=abandon_episodes,
  )


def _check_discrete(
  config: q_config.QLearningConfig, task: task_lib.Task
) -> None:
  """Rejects actions that cannot have a q-value each."""
  if not isinstance(task.action_space, gym.spaces.Discrete):
    raise errors.UserError(
      f"environment {task.name!r} has the action space {task.action_space}: "
      f"{config.agent_name} acts in Discrete spaces only; expected "
      "Experiment.agent = @A2cConfig()"
    )


def _make_agent(
  config: q_config.QLearningConfig,
  task: task_lib.Task,
  seeds: seeding.Seeds,
  agent_class: type[q_agent.QLearningAgent],
) -> q_agent.QLearningAgent:
  """Makes the agent that learns."""
  return agent_class.make(
    config,
    task.time_step_spec,
    task.action_spec,
    seeds.network,
    task.num_frames,
    task.keys,
    noise_seed=seeds.noise,
  )


def _make_driver(
  config: q_config.QLearningConfig,
  parts: parts_lib.Parts,
  agent: q_agent.QLearningAgent,
  replay: interfaces.Replay,
  epsilon: Callable[[], tf.Tensor],
) -> drivers.StepDriver:
  """Makes the driver that collects into the replay."""
  return drivers.StepDriver(
    parts.environment,
    _make_policy(config, parts, agent, epsilon),
    [agent.observe, replay.add],
    parts.statistics,
    parts.experiment.environment.reward,
  )


def _make_policy(
  config: q_config.QLearningConfig,
  parts: parts_lib.Parts,
  agent: q_agent.QLearningAgent,
  epsilon: Callable[[], tf.Tensor],
) -> tf_policy.TFPolicy:
  """Makes the policy that acts: epsilon-greedy, noisy, or of collectors."""
  network, statistics = agent.network, parts.statistics
  spec = agent.time_step_spec, agent.action_spec
  if config.collectors is not None:
    parts.environment.pyenv.collect_with(  # type: ignore[attr-defined]
      collecting.request_maker(
        config, network, statistics, parts.experiment.environment.num_envs
      )
    )
    read = *network.variables, statistics.env_steps, statistics.num_episodes
    return collecting.PlaceholderPolicy(*spec, read)
  greedy: tf_policy.TFPolicy = agent.policy
  if config.noisy:
    greedy = exploration.NoisyPolicy(*spec, network, parts.exploration_stream)
  return exploration.EpsilonGreedyPolicy(
    greedy,
    epsilon,
    parts.exploration_stream,
    always_evaluate=compilation.always_evaluates(config.conv_layers),
  )


def _schedules(
  config: q_config.QLearningConfig,
  agent: q_agent.QLearningAgent,
  epsilon: Callable[[], tf.Tensor],
) -> dict[str, Callable[[], float]]:
  """The schedules to log: epsilon, and the learning rate where it is one."""
  found = {"epsilon": lambda: float(epsilon())}
  if not isinstance(config.optimizer.learning_rate, float):
    found["learning_rate"] = agent.learning_rate
  return found


def _make_replay(
  config: q_config.QLearningConfig,
  parts: parts_lib.Parts,
  seed: int,
) -> interfaces.Replay:
  """Makes the replay that the agent samples from."""
  task = parts.task
  replay_spec = specs.ReplaySpec(
    task.observation_spec,
    task.action_spec,
    parts.experiment.environment.num_envs,
    task.num_frames,
    config.batch_size,
    config.n_step,
    config.gamma,
  )
  num_env_steps = parts.experiment.training.num_env_steps
  # XLA may hold a copy of the tables during a call.
  num_copies = 2 if parts.on_device else 1
  with tf.device("/CPU:0" if config.replay.memory == "host" else None):
    return config.replay.make(
      replay_spec,
      random_stream.RandomStream(seed),
      progress=lambda: parts.statistics.progress(num_env_steps),
      report=parts.report,
      num_copies=num_copies,
    )


def _check_within_program(
  config: q_config.QLearningConfig, task: task_lib.Task
) -> None:
  """Rejects what only Python environments can have."""
  agent, replay = type(config).__name__, type(config.replay).__name__
  for name, value, expected in (
    (f"{replay}.memory", config.replay.memory, "device"),
    (
      f"{replay}.num_prefetched_batches",
      config.replay.num_prefetched_batches,
      0,
    ),
    (f"{agent}.learns_while_stepping", config.learns_while_stepping, False),
  ):
    if value != expected:
      raise errors.UserError(
        f"{name} = {value!r}: {task.name!r} is TensorFlow ops, and one program "
        f"steps, samples and learns; expected {expected!r}, or "
        "EnvironmentConfig.backend = 'gymnasium'"
      )


def _make_target_update(
  config: q_config.QLearningConfig, agent: q_agent.QLearningAgent, statistics
) -> target_update.TargetUpdate:
  """Makes what keeps the target network up to date."""
  in_episodes = config.target_update_period_episodes
  return target_update.TargetUpdate(
    agent.network,
    agent.target_network,
    config.target_update_tau,
    in_episodes or config.target_update_period_train_steps,
    statistics.num_episodes.value if in_episodes else None,
    always_assigns=compilation.xla_trains(config.conv_layers)
    and config.replay.memory == "device"
    and compilation.always_assigns_target(variables.num_weights(agent.network)),
  )


def _iterations_per_turn(
  experiment: schema.Experiment, agent: q_agent.QLearningAgent
) -> int:
  """Iterations per turn of a compiled loop; 1 where an iteration is long."""
  config = experiment.agent
  if (
    config.num_collect_episodes_per_iteration is not None
    or config.num_train_steps_per_iteration > 1
  ):
    return 1
  return compilation.iterations_per_turn(
    variables.num_weights(agent.network), experiment.training.num_env_steps
  )


def _iteration_sizes(
  experiment: schema.Experiment,
) -> replay_iteration.IterationSizes:
  config = experiment.agent
  return replay_iteration.IterationSizes(
    config.num_collect_steps_per_iteration,
    config.num_train_steps_per_iteration,
    config.num_collect_episodes_per_iteration,
    experiment.training.num_env_steps,
  )


def make_network(
  config: q_config.QLearningConfig, task: task_lib.Task, seed: int
) -> q_network.QNetwork:
  """Makes the network of a policy, with initial weights."""
  return q_network.make_q_network(
    config,
    task.observation_spec,
    task.action_spec,
    seed,
    task.num_frames,
    task.keys,
  )


def outputs(task: task_lib.Task) -> served_policy.Outputs:
  """What the exported policy returns."""
  del task
  return q_agent.served_outputs
