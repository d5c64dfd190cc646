"""The DQN pipeline: every stage, in the order of the data."""

import functools
import math
from collections.abc import Callable

from agents_pipeline import errors
from agents_pipeline.agents import pipeline
from agents_pipeline.agents.dqn import agent as dqn_agent
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.dqn import exploration
from agents_pipeline.config import schema, seeding
from agents_pipeline.environments import loading, specs
from agents_pipeline.evaluation import best_policy
from agents_pipeline.ops import random_stream
from agents_pipeline.replay import memory, newest, uniform
from agents_pipeline.training import (
  around_python,
  drivers,
  episode_statistics,
  loop,
  shaping,
  stopping,
)
from agents_pipeline.training import on_device as on_device_lib

_MOST_ROWS = 2_000_000_000  # of a buffer, whose rows int32 has to number


def build(
  experiment: schema.Experiment,
  seeds: seeding.Seeds,
  say: Callable[[str], None] = lambda line: None,
) -> pipeline.Pipeline:
  """Wires an experiment. Nothing is restored, nothing has run.

  Args:
    experiment: what to wire.
    seeds: of everything random.
    say: is told the buffer's size before it is allocated.

  Raises:
    UserError: the environment cannot be used, or the buffer does not fit.
  """
  agent_config, num_envs = experiment.agent, experiment.environment.num_envs
  assert isinstance(agent_config, dqn_config.DqnConfig)

  # Environments: gymnasium's own to be judged in, and one to learn in.
  task = pipeline.task_of(experiment)
  specs.check_discrete(task.action_space, task.name)
  pipeline.check_images(agent_config, task)
  environment_stream = random_stream.RandomStream(seeds.environment)
  environment = pipeline.make_training_environment(
    experiment, task, environment_stream, seeds.environment
  )
  on_device = loading.is_tensor(experiment.environment)

  # Agent. Some of its periods are in episodes.
  statistics = episode_statistics.EpisodeStatistics(
    num_envs, experiment.max_episodes_per_result
  )
  agent = dqn_agent.make_dqn_agent(
    agent_config,
    task.time_step_spec,
    task.action_spec,
    seeds.network,
    task.num_frames,
    statistics.num_episodes.value,
  )

  # Replay.
  replay_stream = random_stream.RandomStream(seeds.replay)
  replay = _make_replay(
    agent_config, agent, task, num_envs, replay_stream, on_device, say
  )

  # Collection: random at first, then less and less.
  epsilon = lambda: exploration.exploration_epsilon(
    agent_config, statistics.env_steps, statistics.num_episodes
  )
  exploration_stream = random_stream.RandomStream(seeds.exploration)
  driver = drivers.StepDriver(
    shaping.ShapedEnvironment(
      environment,
      shaping.shaping(experiment.environment.reward),
      statistics,
    ),
    exploration.EpsilonGreedyPolicy(
      agent.policy,
      epsilon,
      exploration_stream,
      always_asks=not agent_config.conv_layers,
    ),
    observers=[replay.add_batch],
  )

  # Training.
  best = best_policy.BestPolicy(agent.q_network)
  should_stop = stopping.condition(
    experiment.training, statistics, best.mean_return
  )
  iteration_sizes = on_device_lib.IterationSizes(
    agent_config.num_collect_steps_per_iteration,
    agent_config.num_train_steps_per_iteration,
    agent_config.num_sampled(num_envs),
    agent_config.n_step + 1,
    agent_config.num_collect_episodes_per_iteration,
    experiment.training.num_env_steps,
  )
  chosen = around_python.ChosenAction(num_envs)
  if on_device:
    environment.reset()
    compiled = on_device_lib.compile_on_device(
      driver,
      replay,
      agent,
      iteration_sizes,
      statistics,
      should_stop,
    )
  else:
    compiled = around_python.compile_around_host(
      driver,
      replay,
      agent,
      iteration_sizes,
      statistics,
      chosen,
      should_stop,
      num_prefetched_batches=agent_config.replay.num_prefetched_batches,
      learns_while_stepping=agent_config.learns_while_stepping,
      jit_learning=not agent_config.conv_layers,
    ).map(environment.telling)

  interval = loop.Interval(agent.measure_names, agent.measure_bounds)

  def resume():
    if not on_device and not environment.resume():
      say(pipeline.begins_new_episodes(task))
      replay.end_episodes()
      statistics.abandon_episodes()
      chosen.forget()

  return pipeline.Pipeline(
    compiled=compiled,
    loop_sizes=pipeline.loop_sizes(experiment),
    statistics=statistics,
    train_steps=agent.train_step_counter,
    interval=interval,
    should_stop=should_stop,
    measure_names=agent.measure_names,
    schedules={"epsilon": lambda: float(epsilon())},
    network=agent.q_network,
    best=best,
    serve=functools.partial(task.serve, dqn_agent.served_outputs),
    make_tf_agents_policy=functools.partial(
      dqn_agent.make_greedy_policy, task.time_step_spec, task.action_spec
    ),
    tracked={
      "agent": agent,
      "network": agent.q_network,
      "environment": environment.tracked,
      "replay": replay,
      "statistics": statistics,
      "interval": interval,
      "chosen_action": chosen,
      "best": best,
      "environment_stream": environment_stream,
      "exploration_stream": exploration_stream,
      "replay_stream": replay_stream,
    },
    resume=resume,
    close=environment.close,
  )


def _make_replay(
  agent_config: dqn_config.DqnConfig,
  agent: dqn_agent.DqnAgent,
  task: pipeline.Task,
  num_envs: int,
  rng: random_stream.RandomStream,
  on_device: bool,
  say: Callable[[str], None],
) -> uniform.UniformReplayBuffer | newest.NewestTransition:
  """Makes what is learnt from.

  The size of a buffer is told, and refused, before it is allocated.
  """
  spec = agent.collect_data_spec
  if isinstance(agent_config.replay, dqn_config.NewestTransition):
    return newest.NewestTransition(spec, num_envs)
  length = math.ceil(agent_config.replay.capacity_env_steps / num_envs)
  say(
    memory.check_memory(
      uniform.num_bytes(spec, num_envs, length, task.num_frames),
      length * num_envs,
      copies=2 if on_device else 1,  # XLA may work on a copy within a call
    )
  )
  if num_envs * length > _MOST_ROWS:
    raise errors.UserError(
      "ReplayConfig.capacity_env_steps = "
      f"{agent_config.replay.capacity_env_steps!r}: expected at most "
      f"{_MOST_ROWS:,}"
    )
  return uniform.UniformReplayBuffer(
    spec, num_envs, length, rng, task.num_frames
  )


def build_policy(experiment: schema.Experiment) -> pipeline.Policy:
  """Builds only what an export needs: no buffer, no training environment."""
  task = pipeline.task_of(experiment)
  assert isinstance(experiment.agent, dqn_config.DqnConfig)
  network = dqn_agent.make_q_network(
    experiment.agent,
    task.observation_spec,
    task.action_spec,
    seed=0,
    num_frames=task.num_frames,
  )
  return pipeline.Policy(
    network, functools.partial(task.serve, dqn_agent.served_outputs)
  )
