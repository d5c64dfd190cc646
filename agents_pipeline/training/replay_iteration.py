"""The iteration of agents that sample from a buffer: collect, then train."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf
from tf_agents.trajectories import time_step as ts

from agents_pipeline import interfaces
from agents_pipeline.training import drivers, episode_statistics, iterations


@dataclasses.dataclass(frozen=True)
class IterationSizes:
  """How much one iteration does.

  Attributes:
    collect_steps: the steps of every environment.
    train_steps: the number of updates.
    collect_episodes: the number of episodes after which collecting ends, in
      place of `collect_steps`; None collects `collect_steps`.
    max_env_steps: the env steps of the whole run; when they are done,
      collecting ends even if the episodes have not.
  """

  collect_steps: int
  train_steps: int
  collect_episodes: int | None
  max_env_steps: int

  def collect(
    self,
    first_step: Callable,
    step: Callable,
    state,
    statistics: episode_statistics.EpisodeStatistics,
  ):
    """Runs state = step(state) for all steps of one iteration.

    Args:
      first_step: the first step, state -> state.
      step: each of the other steps, state -> state.
      state: any nest of tensors.
      statistics: the counters of what was collected so far.
    """
    if self.collect_episodes is not None:
      goal = statistics.num_episodes + self.collect_episodes  # []
      return iterations.repeat_until(
        lambda: (
          (statistics.num_episodes >= goal)
          | (statistics.env_steps >= self.max_env_steps)
        ),
        step,
        first_step(state),
      )
    state = first_step(state)
    if self.collect_steps > 1:
      state = iterations.repeat(self.collect_steps - 1, step, state)
    return state


@dataclasses.dataclass(frozen=True)
class ReplayIteration:
  """Collects into a replay, then trains on samples of it. XLA can compile it.

  Attributes:
    driver: the driver, whose observers add to the replay.
    replay: the replay to sample from.
    agent: the agent to train.
    update_target: a function that updates the target network, called after
      every train step.
    sizes: the sizes of an iteration.
    statistics: the counters of what was collected so far.
    update: a train step, transitions, weights -> info; None is the agent's own,
      compiled with what is around it.
  """

  driver: drivers.StepDriver
  replay: interfaces.Replay
  agent: interfaces.Agent
  update_target: Callable[[], object]
  sizes: IterationSizes
  statistics: episode_statistics.EpisodeStatistics
  update: Callable | None = None

  def collect(self, time_step: ts.TimeStep) -> ts.TimeStep:
    """Steps the environments; returns the time step to act from next."""
    step = lambda time_step: self.driver.run(time_step)[0]
    return self.sizes.collect(step, step, time_step, self.statistics)

  def train(
    self, time_step: ts.TimeStep, totals: iterations.TrainTotals
  ) -> tuple[ts.TimeStep, iterations.TrainTotals]:
    """Collects, then does the train steps of an iteration."""
    return self.collect(time_step), self.learn(totals)

  def learn(
    self, totals: iterations.TrainTotals, batches=()
  ) -> iterations.TrainTotals:
    """Does the train steps of an iteration.

    Each is the second half of Algorithm 1 of Mnih et al. (2015).

    Args:
      totals: the totals of the train steps before.
      batches: samples [U, S, ...] that were made ahead; () for none.
    """

    def train_step(state):
      number, totals = state
      if batches:
        sample = tf.nest.map_structure(
          lambda x: None if x is None else x[number], batches
        )
      else:
        sample = self.replay.sample()
      update = self.update or self.agent.train
      info = update(sample.transitions, sample.weights)
      self.replay.update_priorities(sample.handle, info.extra.td_error)
      self.update_target()
      return number + 1, totals.add(self.agent, info)

    return iterations.repeat(
      self.sizes.train_steps,
      train_step,
      (tf.constant(0), totals),
      lambda state: ~state[1].diverged,
    )[1]
