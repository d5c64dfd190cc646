"""The A2C pipeline: every stage, in the order of the data."""

import functools
from collections.abc import Callable

from agents_pipeline.agents import pipeline
from agents_pipeline.agents.a2c import agent as a2c_agent
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.config import schema, seeding
from agents_pipeline.environments import loading
from agents_pipeline.evaluation import best_policy
from agents_pipeline.ops import random_stream
from agents_pipeline.training import (
  drivers,
  episode_statistics,
  loop,
  rollout_iterations,
  shaping,
  stopping,
)


def build(
  experiment: schema.Experiment,
  seeds: seeding.Seeds,
  say: Callable[[str], None] = lambda line: None,
) -> pipeline.Pipeline:
  """Wires an experiment. Nothing is restored, nothing has run.

  Args:
    experiment: what to wire.
    seeds: of everything random.
    say: is told, on resuming, what cannot go on.

  Raises:
    UserError: the environment cannot be used.
  """
  agent_config, num_envs = experiment.agent, experiment.environment.num_envs
  assert isinstance(agent_config, a2c_config.A2cConfig)

  # Environments: gymnasium's own to be judged in, and one to learn in.
  task = pipeline.task_of(experiment)
  pipeline.check_images(agent_config, task)
  environment_stream = random_stream.RandomStream(seeds.environment)
  environment = pipeline.make_training_environment(
    experiment, task, environment_stream, seeds.environment
  )
  on_device = loading.is_tensor(experiment.environment)

  # Agent.
  exploration_stream = random_stream.RandomStream(seeds.exploration)
  agent = a2c_agent.make_a2c_agent(
    agent_config,
    task.time_step_spec,
    task.action_spec,
    num_envs,
    seeds.network,
    exploration_stream,
    task.num_frames,
  )

  # Collection: by the policy that learns.
  statistics = episode_statistics.EpisodeStatistics(
    num_envs, experiment.max_episodes_per_result
  )
  driver = drivers.StepDriver(
    shaping.ShapedEnvironment(
      environment,
      shaping.shaping(experiment.environment.reward),
      statistics,
    ),
    agent.collect_policy,
    observers=[],
  )

  # Training.
  best = best_policy.BestPolicy(agent.network)
  should_stop = stopping.condition(
    experiment.training, statistics, best.mean_return
  )
  if on_device:
    environment.reset()
  compiled = rollout_iterations.compile_iterations(
    driver,
    agent,
    agent_config.num_rollout_steps,
    should_stop,
    on_device=on_device,
    jit_learning=not agent_config.conv_layers,
  )
  if not on_device:
    compiled = compiled.map(environment.telling)

  interval = loop.Interval(agent.measure_names, agent.measure_bounds)

  def resume():
    if not on_device and not environment.resume():
      say(pipeline.begins_new_episodes(task))
      statistics.abandon_episodes()
      agent.abandon_episodes()

  return pipeline.Pipeline(
    compiled=compiled,
    loop_sizes=pipeline.loop_sizes(experiment),
    statistics=statistics,
    train_steps=agent.train_step_counter,
    interval=interval,
    should_stop=should_stop,
    measure_names=agent.measure_names,
    schedules={"learning_rate": agent.learning_rate},
    network=agent.network,
    best=best,
    serve=functools.partial(
      task.serve, functools.partial(a2c_agent.served_outputs, task.action_spec)
    ),
    make_tf_agents_policy=functools.partial(
      a2c_agent.make_greedy_policy, task.time_step_spec, task.action_spec
    ),
    tracked={
      "agent": agent,
      "network": agent.network,
      "environment": environment.tracked,
      "statistics": statistics,
      "interval": interval,
      "best": best,
      "environment_stream": environment_stream,
      "exploration_stream": exploration_stream,
    },
    resume=resume,
    close=environment.close,
  )


def build_policy(experiment: schema.Experiment) -> pipeline.Policy:
  """Builds only what an export needs: no training environment."""
  task = pipeline.task_of(experiment)
  assert isinstance(experiment.agent, a2c_config.A2cConfig)
  network = a2c_agent.make_actor_critic_network(
    experiment.agent,
    task.observation_spec,
    task.action_spec,
    seed=0,
    num_frames=task.num_frames,
  )
  outputs = functools.partial(a2c_agent.served_outputs, task.action_spec)
  return pipeline.Policy(network, functools.partial(task.serve, outputs))
