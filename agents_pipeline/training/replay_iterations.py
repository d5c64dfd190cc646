"""Iterations of agents that learn from a buffer: collect, add, sample, train.

Two forms of the same iteration. `compile_on_device` makes one XLA program of
all of it, for environments in TensorFlow ops. `compile_around_host` keeps the
loop in a graph that enters Python once per step of the environments, and
compiles learning and acting together, because calling a compiled function from
Python costs more than the work in it.
"""

import dataclasses
import functools
from collections.abc import Callable

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.replay_buffers import replay_buffer
from tf_agents.trajectories import policy_step

from agents_pipeline.collection import drivers, episode_statistics
from agents_pipeline.training import iterations


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
      return time_step, _learn(agent, replay, sizes, totals)

    totals = totals or iterations.no_train_steps(agent.measure_names)
    _, totals = iterations.repeat(
      num_iterations,
      iteration,
      (driver.env.current_time_step(), totals),
      lambda s: s[1].is_sound & ~should_stop(),
    )
    return totals

  return iterations.Iterations(collect, train)


class ChosenAction(tf.Module):
  """The actions that a call chose last, for the next call to take.

  So a run is the same however it is cut into calls. It is part of checkpoints:
  on resuming, Python environments stand again where it was chosen.
  """

  def __init__(self, batch_size: int):
    """Nothing is chosen yet.

    Args:
      batch_size: the number of environments, B.
    """
    super().__init__(name="chosen_action")
    self.is_chosen = tf.Variable(False)
    self.action = tf.Variable(tf.zeros((batch_size,), tf.int64))

  def take(self, act: Callable[[], tf.Tensor]) -> tf.Tensor:
    """Returns the actions [B] chosen before, or chooses them by act()."""
    return tf.cond(self.is_chosen, self.action.read_value, act)

  def keep(self, action: tf.Tensor) -> None:
    """Keeps actions [B] for the next call."""
    self.is_chosen.assign(True)
    self.action.assign(action)

  def forget(self) -> None:
    """Drops them: what they were chosen for is gone."""
    self.is_chosen.assign(False)


def compile_around_host(
  driver: drivers.StepDriver,
  replay: replay_buffer.ReplayBuffer,
  agent: tf_agent.TFAgent,
  sizes: IterationSizes,
  statistics: episode_statistics.EpisodeStatistics,
  chosen: ChosenAction,
  should_stop: Callable[[], tf.Tensor],
  *,
  num_prefetched_batches: int = 0,
  learns_while_stepping: bool = False,
  jit_learning: bool = True,
  jit: bool = True,
) -> iterations.Iterations:
  """A loop in the graph around environments that live in Python.

  A graph pays for every operation and every compiled call, so all that follows
  a step is one call: what came of it is counted and stored, the agent learns
  and acts.

  Args:
    driver: its environment, in Python, and its policy; it observes with the
      buffer.
    replay: sampled from.
    agent: trained.
    sizes: of an iteration.
    statistics: of what was collected so far.
    chosen: what the last call chose.
    should_stop: whether the run has done what it was for, [] bool.
    num_prefetched_batches: how many batches a tf.data pipeline samples ahead,
      while the environments step: before an iteration's own transitions are
      there, and not reproducibly. 0 samples in the call that learns.
    learns_while_stepping: the agent learns, from what is stored, while the
      environments do the iteration's first step. Needs two threads.
    jit_learning: False leaves learning, and what is called with it, a plain
      graph: XLA's gradients of convolutions are many times as slow on the CPU
      as TensorFlow's.
    jit: False leaves acting one too, for comparison.
  """
  env = driver.env
  graph = functools.partial(tf.function, autograph=False)
  compiled = functools.partial(graph, jit_compile=jit and jit_learning)
  act = graph(driver.policy.action, jit_compile=jit)
  next_batches = lambda: ()
  if num_prefetched_batches:
    dataset = replay.as_dataset(
      sample_batch_size=sizes.batch_size, num_steps=sizes.num_steps
    ).batch(sizes.train_steps, drop_remainder=True)
    prefetched = iter(dataset.prefetch(num_prefetched_batches))
    next_batches = lambda: next(prefetched)[0]  # [U, S, T, ...]

  @compiled
  def observe(arrays, time_step, action_step):
    stepped = env.time_steps(arrays)
    return driver.observed(time_step, action_step, stepped)[1]

  @compiled
  def learn(totals, batches):
    return _learn(agent, replay, sizes, totals, batches)

  @compiled
  def observe_and_act(arrays, time_step, action_step):
    time_step = observe(arrays, time_step, action_step)
    return time_step, act(time_step)

  @compiled
  def observe_learn_and_act(arrays, time_step, action_step, totals, batches):
    time_step = observe(arrays, time_step, action_step)
    totals = learn(totals, batches)
    return time_step, act(time_step), totals

  def step(state):
    """From a time step and an action to the next of both."""
    arrays = env.step_in_python(state[1].action)
    return observe_and_act(arrays, *state)

  def collect_episodes(state):
    """Steps, first with the action chosen already; the time step it leads to.

    Its action is chosen when the agent has learnt.
    """

    def step(time_step, action_step):
      arrays = env.step_in_python(action_step.action)
      return observe(arrays, time_step, action_step)

    return sizes.collect(
      lambda state: step(*state),
      lambda time_step: step(time_step, act(time_step)),
      state,
      statistics,
    )

  def begin():
    time_step = env.current_time_step()
    action = chosen.take(lambda: act(time_step).action)
    # Actions chosen before do not wait for the time step by themselves, and
    # the environments would step before it is read.
    with tf.control_dependencies([time_step.observation]):
      return time_step, policy_step.PolicyStep(tf.identity(action))

  @graph
  def collect(num_iterations):
    def iteration(state):
      if sizes.collect_episodes is None:
        return iterations.repeat(sizes.collect_steps, step, state)
      time_step = collect_episodes(state)
      return time_step, act(time_step)

    _, action_step = iterations.repeat(
      num_iterations, iteration, begin(), lambda _: ~should_stop()
    )
    chosen.keep(action_step.action)

  def train_on_steps(state, totals):
    if learns_while_stepping:
      # Neither waits for the other.
      arrays = env.step_in_python(state[1].action)
      totals = learn(totals, next_batches())
      state = observe_and_act(arrays, *state)
      if sizes.collect_steps > 1:
        state = iterations.repeat(sizes.collect_steps - 1, step, state)
      return (*state, totals)
    if sizes.collect_steps > 1:
      state = iterations.repeat(sizes.collect_steps - 1, step, state)
    arrays = env.step_in_python(state[1].action)
    return observe_learn_and_act(arrays, *state, totals, next_batches())

  def train_on_episodes(state, totals):
    time_step = collect_episodes(state)
    totals = learn(totals, next_batches())
    return time_step, act(time_step), totals

  @graph
  def train(num_iterations, totals=None):
    in_steps = sizes.collect_episodes is None
    iteration = train_on_steps if in_steps else train_on_episodes
    totals = totals or iterations.no_train_steps(agent.measure_names)
    _, action_step, totals = iterations.repeat(
      num_iterations,
      lambda s: iteration(s[:2], s[2]),
      (*begin(), totals),
      lambda s: s[2].is_sound & ~should_stop(),
    )
    chosen.keep(action_step.action)
    return totals

  return iterations.Iterations(collect, train)


def _learn(agent, replay, sizes: IterationSizes, totals, batches=()):
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
