"""The DQN pipeline: every stage, in the order of the data."""

import functools
from collections.abc import Callable

from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from agents_pipeline.agents import dqn, epsilon_greedy
from agents_pipeline.collection import drivers, episode_statistics
from agents_pipeline.environments import loading, spaces
from agents_pipeline.evaluation import best_policy, served_policy
from agents_pipeline.experiment import (
  config,
  random_stream,
  seeding,
)
from agents_pipeline.pipelines import pipeline
from agents_pipeline.replay import uniform_buffer
from agents_pipeline.training import iterations, loop


def build(
  experiment: config.Experiment,
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
  agent_config, sizes = experiment.agent, experiment.environment
  num_rows = agent_config.n_step + 1

  # Environments: theirs to learn in, gymnasium's own to be judged in.
  name = experiment.environment.name
  observation_space, action_space = pipeline.spaces_of(
    loading.make_evaluation_environment(name)
  )
  environment_stream = random_stream.RandomStream(seeds.environment)
  environment = loading.make_training_environment(
    experiment.environment,
    environment_stream,
    functools.partial(seeding.child_seed, seeds.environment),
  )
  on_device = loading.is_tensor(name, sizes.backend)

  # Agent.
  agent = dqn.make_dqn_agent(
    agent_config,
    environment.time_step_spec(),
    environment.action_spec(),
    seeds.network,
  )

  # Replay: its size is told, and refused, before it is allocated.
  length = experiment.replay_length
  say(
    uniform_buffer.check_memory(
      uniform_buffer.num_bytes(agent.collect_data_spec, sizes.num_envs, length),
      length * sizes.num_envs,
      copies=2 if on_device else 1,  # XLA may work on a copy within a call
    )
  )
  replay_stream = random_stream.RandomStream(seeds.replay)
  replay = uniform_buffer.UniformReplayBuffer(
    agent.collect_data_spec, sizes.num_envs, length, replay_stream
  )

  # Collection: random at first, then less and less.
  statistics = episode_statistics.EpisodeStatistics(sizes.num_envs)
  epsilon = lambda: epsilon_greedy.exploration_epsilon(
    agent_config, statistics.env_steps
  )
  exploration_stream = random_stream.RandomStream(seeds.exploration)
  driver = drivers.StepDriver(
    environment,
    epsilon_greedy.EpsilonGreedyPolicy(
      agent.policy, epsilon, exploration_stream
    ),
    observers=[replay.add_batch, statistics.observe],
  )

  # Training.
  iteration_sizes = iterations.IterationSizes(
    agent_config.num_collect_steps_per_iteration,
    agent_config.num_train_steps_per_iteration,
    agent_config.batch_size,
    num_rows,
  )
  chosen = iterations.ChosenAction(sizes.num_envs)
  if on_device:
    environment.reset()
    compiled = iterations.compile_on_device(
      driver, replay, agent, iteration_sizes
    )
  else:
    compiled = iterations.compile_around_host(
      driver,
      replay,
      agent,
      iteration_sizes,
      chosen,
      num_prefetched_batches=agent_config.replay.num_prefetched_batches,
    )

  def resume():
    if not on_device:  # its episodes under way are gone with the process
      replay.end_episodes()
      statistics.abandon_episodes()
      chosen.forget()

  network = agent.q_network
  best = best_policy.BestPolicy(network)
  return pipeline.Pipeline(
    compiled=compiled,
    loop_sizes=loop.LoopSizes(
      experiment.training.num_env_steps,
      agent_config.num_env_steps_before_training,
      experiment.num_env_steps_per_iteration,
      (
        experiment.training.log_period_env_steps,
        experiment.training.checkpoint_period_env_steps,
        experiment.evaluation.period_env_steps,
        # A call that does not end cannot be stopped, so none is long.
        experiment.num_env_steps_per_call,
      ),
    ),
    statistics=statistics,
    train_steps=agent.train_step_counter,
    schedules={"epsilon": lambda: float(epsilon())},
    network=network,
    best=best,
    serve=functools.partial(
      served_policy.ServedPolicy,
      observation_space=observation_space,
      action_space=action_space,
    ),
    make_tf_agents_policy=functools.partial(
      dqn.make_greedy_policy,
      environment.time_step_spec(),
      environment.action_spec(),
    ),
    tracked={
      "agent": agent,
      "environment": environment.tracked,
      "replay": replay,
      "statistics": statistics,
      "best": best,
      "environment_stream": environment_stream,
      "exploration_stream": exploration_stream,
      "replay_stream": replay_stream,
    },
    resume=resume,
    close=environment.close,
  )


def build_network(experiment: config.Experiment) -> tuple:
  """Builds only what an export needs: no buffer, no training environment.

  Returns:
    The network, its `serve` and its `make_tf_agents_policy`, as in `Pipeline`.
  """
  name = experiment.environment.name
  observation_space, action_space = pipeline.spaces_of(
    loading.make_evaluation_environment(name)
  )
  observation_spec = tensor_spec.from_spec(
    spaces.observation_spec(observation_space, name)
  )
  action_spec = tensor_spec.from_spec(
    spaces.discrete_action_spec(action_space, name)
  )
  network = dqn.make_q_network(
    experiment.agent, observation_spec, action_spec, seed=0
  )
  return (
    network,
    functools.partial(
      served_policy.ServedPolicy,
      observation_space=observation_space,
      action_space=action_space,
    ),
    functools.partial(
      dqn.make_greedy_policy, ts.time_step_spec(observation_spec), action_spec
    ),
  )
