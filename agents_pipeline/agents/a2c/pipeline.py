"""The A2C pipeline: wires all stages."""

import functools

from agents_pipeline.agents import parts as parts_lib
from agents_pipeline.agents import pipeline
from agents_pipeline.agents import task as task_lib
from agents_pipeline.agents.a2c import agent as a2c_agent
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.a2c import network as a2c_network
from agents_pipeline.config import schema, seeding
from agents_pipeline.evaluation import served_policy
from agents_pipeline.training import (
  around_python,
  data_parallel,
  drivers,
  learners,
  rollout_iteration,
)


def build(
  experiment: schema.Experiment,
  task: task_lib.Task,
  seeds: seeding.Seeds,
  report: parts_lib.Report,
  *,
  jit: bool = True,
  all_learners: learners.Learners = learners.ALONE,
) -> pipeline.Pipeline:
  """See `registry.PipelineModule`.

  Args:
    all_learners: the learners of the run, whose gradients are averaged.
  """
  config = experiment.agent
  assert isinstance(config, a2c_config.A2cConfig)
  parts = parts_lib.make_parts(experiment, seeds, task, report)
  agent = a2c_agent.make_a2c_agent(
    config,
    task.time_step_spec,
    task.action_spec,
    parts.environment.batch_size,
    seeds.network,
    parts.exploration_stream,
    task.num_frames,
    task.keys,
  )
  driver = drivers.StepDriver(
    parts.environment,
    agent.collect_policy,
    [],
    parts.statistics,
    experiment.environment.reward,
  )
  iteration = rollout_iteration.RolloutIteration(
    driver, agent, config.num_rollout_steps
  )
  return pipeline.assemble(
    parts,
    agent,
    iteration,
    around_python.compile_rollouts,
    jit=jit,
    schedules={"learning_rate": agent.learning_rate},
    outputs=outputs(task),
    make_greedy_policy=a2c_agent.make_greedy_policy,
    tracked={},
    abandon_episodes=agent.abandon_episodes,
    all_learners=all_learners,
    compile_for_learners=(
      data_parallel.compile_rollouts if all_learners.num_learners > 1 else None
    ),
  )


def make_network(
  config: a2c_config.A2cConfig, task: task_lib.Task, seed: int
) -> a2c_network.ActorCriticNetwork:
  """Makes the network of a policy, with initial weights."""
  return a2c_network.make_actor_critic_network(
    config,
    task.observation_spec,
    task.action_spec,
    seed,
    task.num_frames,
    task.keys,
  )


def outputs(task: task_lib.Task) -> served_policy.Outputs:
  """What the exported policy returns."""
  return functools.partial(a2c_agent.served_outputs, task.action_spec)
