"""Iterations of agents that learn from a buffer: collect, add, sample, train.

Two forms of the same iteration. `compile_on_device` makes one XLA program of
all of it, for environments in TensorFlow ops; `host_iterations` are around
environments in Python.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.replay_buffers import replay_buffer

from agents_pipeline.training import drivers, episode_statistics, iterations


@dataclasses.dataclass(frozen=True)
class IterationSizes:
  """How much one iteration does.

  Attributes:
    collect_steps: steps of every environment.
    train_steps: updates after them.
    batch_size: windows per update, S.
    num_steps: rows of a window, T.
    collect_episodes: steps until so many have ended, in place of
      `collect_steps`; None for these.
    max_env_steps: of the run: where episodes are cut off that do not end.
  """

  collect_steps: int
  train_steps: int
  batch_size: int
  num_steps: int
  collect_episodes: int | None = None
  max_env_steps: int | None = None

  def collect(
    self,
    first_step: Callable,
    step: Callable,
    state,
    statistics: episode_statistics.EpisodeStatistics,
  ):
    """Runs state = step(state) for all steps of one iteration.

    Args:
      first_step: state -> state, the first of them.
      step: likewise, the others.
      state: any nest of tensors.
      statistics: of what was collected so far.
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


def learn(
  agent: tf_agent.TFAgent,
  replay: replay_buffer.ReplayBuffer,
  sizes: IterationSizes,
  totals: iterations.TrainTotals,
  batches=(),
) -> iterations.TrainTotals:
  """An iteration's train steps.

  Args:
    agent: trained.
    replay: sampled from, where nothing was sampled before.
    sizes: of an iteration.
    totals: of the train steps before.
    batches: [U, S, T, ...], that were; or none.
  """

  def learn_once(state):
    update, totals = state
    if batches:
      experience = tf.nest.map_structure(lambda x: x[update], batches)
    else:
      experience, _ = replay.get_next(sizes.batch_size, sizes.num_steps)
    return update + 1, iterations.learn(agent, experience, totals)

  return iterations.repeat(
    sizes.train_steps,
    learn_once,
    (tf.constant(0), totals),
    lambda state: state[1].is_sound,
  )[1]


def compile_on_device(
  driver: drivers.StepDriver,
  replay: replay_buffer.ReplayBuffer,
  agent: tf_agent.TFAgent,
  sizes: IterationSizes,
  statistics: episode_statistics.EpisodeStatistics,
  should_stop: Callable[[], tf.Tensor],
  *,
  jit: bool = True,
) -> iterations.Iterations:
  """Whole iterations as one XLA program.

  Args:
    driver: of a tensor environment; it observes with the buffer.
    replay: sampled from.
    agent: trained.
    sizes: of an iteration.
    statistics: of what was collected so far.
    should_stop: whether the run has done what it was for, [] bool.
    jit: False leaves it a plain graph, for comparison.
  """

  def collect_once(time_step):
    step = lambda time_step: driver.run(time_step)[0]
    return sizes.collect(step, step, time_step, statistics)

  @tf.function(jit_compile=jit, autograph=False)
  def collect(num_iterations):
    iterations.repeat(
      num_iterations,
      collect_once,
      driver.env.current_time_step(),
      lambda _: ~should_stop(),
    )

  @tf.function(jit_compile=jit, autograph=False)
  def train(num_iterations, totals=None):
    def iteration(state):
      time_step, totals = state
      time_step = collect_once(time_step)
      return time_step, learn(agent, replay, sizes, totals)

    totals = totals or iterations.no_train_steps(agent.measure_names)
    _, totals = iterations.repeat(
      num_iterations,
      iteration,
      (driver.env.current_time_step(), totals),
      lambda s: s[1].is_sound & ~should_stop(),
    )
    return totals

  return iterations.Iterations(collect, train)
