"""Iterations of agents that learn from a buffer, around Python environments.

The loop is a graph that enters Python once per step of the environments. It
pays for every operation and every compiled call, so all that follows a step is
one call: what came of it is counted and stored, the agent learns and acts.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.replay_buffers import replay_buffer
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from agents_pipeline.training import (
  drivers,
  episode_statistics,
  iterations,
  on_device,
)

# What is acted from, and the action chosen there: [B, ...].
_State = tuple[ts.TimeStep, policy_step.PolicyStep]


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
  sizes: on_device.IterationSizes,
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
      there, and not reproducibly. It waits while the agent learns, which holds
      the tables. 0 samples in the call that learns.
    learns_while_stepping: the agent learns, from what is stored, while the
      environments do the iteration's first step. Needs two threads.
    jit_learning: False leaves learning, and what is called with it, a plain
      graph: XLA's gradients of convolutions are many times as slow on the CPU
      as TensorFlow's.
    jit: False leaves all of it one, for comparison.
  """
  learn = functools.partial(on_device.learn, agent, replay, sizes)
  loop = _Loop(
    driver,
    _compile_calls(driver, learn, jit=jit, jit_all=jit and jit_learning),
    sizes,
    statistics,
    _batches_ahead(replay, sizes, num_prefetched_batches),
    learns_while_stepping,
  )
  graph = functools.partial(tf.function, autograph=False)

  @graph
  def collect(num_iterations):
    _, action_step = iterations.repeat(
      num_iterations, loop.collect, loop.begin(chosen), lambda _: ~should_stop()
    )
    chosen.keep(action_step.action)

  @graph
  def train(num_iterations, totals=None):
    totals = totals or iterations.no_train_steps(agent.measure_names)
    _, action_step, totals = iterations.repeat(
      num_iterations,
      lambda s: loop.train(s[:2], s[2]),
      (*loop.begin(chosen), totals),
      lambda s: s[2].is_sound & ~should_stop(),
    )
    chosen.keep(action_step.action)
    return totals

  return iterations.Iterations(collect, train)


class _Calls(NamedTuple):
  """What is compiled.

  Attributes:
    act: time step -> action.
    learn: totals, batches -> totals.
    observe: what came from Python, and the state it was stepped from -> the
      time step to act from next.
    observe_and_act: the same -> the next state.
    observe_learn_and_act: the same, totals, batches -> the next state, totals.
  """

  act: Callable
  learn: Callable
  observe: Callable
  observe_and_act: Callable
  observe_learn_and_act: Callable


def _compile_calls(
  driver: drivers.StepDriver, learn: Callable, *, jit: bool, jit_all: bool
) -> _Calls:
  """Compiles them; `jit_all` where acting is not the only one for XLA."""
  graph = functools.partial(tf.function, autograph=False)
  compiled = functools.partial(graph, jit_compile=jit_all)
  act = graph(driver.policy.action, jit_compile=jit)

  def observe(arrays, state):
    time_step, action_step = state
    stepped = driver.env.time_steps(arrays)
    return driver.observed(time_step, action_step, stepped)[1]

  def observe_and_act(arrays, state):
    time_step = observe(arrays, state)
    return time_step, act(time_step)

  def observe_learn_and_act(arrays, state, totals, batches):
    time_step = observe(arrays, state)
    totals = learn(totals, batches)
    return (time_step, act(time_step)), totals

  return _Calls(
    act,
    compiled(learn),
    compiled(observe),
    compiled(observe_and_act),
    compiled(observe_learn_and_act),
  )


def _batches_ahead(
  replay: replay_buffer.ReplayBuffer,
  sizes: on_device.IterationSizes,
  num_batches: int,
) -> Callable[[], tuple]:
  """Gives an iteration's batches [U, S, T, ...], or () where none is ahead."""
  if not num_batches:
    return tuple
  dataset = replay.as_dataset(
    sample_batch_size=sizes.batch_size, num_steps=sizes.num_steps
  ).batch(sizes.train_steps, drop_remainder=True)
  batches = iter(dataset.prefetch(num_batches))
  return lambda: next(batches)[0]


@dataclasses.dataclass(frozen=True)
class _Loop:
  """What the graph does between the compiled calls.

  Attributes:
    driver: of environments in Python.
    calls: compiled.
    sizes: of an iteration.
    statistics: of what was collected so far.
    next_batches: gives what was sampled ahead.
    learns_while_stepping: see `compile_around_host`.
  """

  driver: drivers.StepDriver
  calls: _Calls
  sizes: on_device.IterationSizes
  statistics: episode_statistics.EpisodeStatistics
  next_batches: Callable[[], tuple]
  learns_while_stepping: bool

  def begin(self, chosen: ChosenAction) -> _State:
    """Where the call before has left off."""
    time_step = self.driver.env.current_time_step()
    action = chosen.take(lambda: self.calls.act(time_step).action)
    # Actions chosen before do not wait for the time step by themselves, and
    # the environments would step before it is read.
    with tf.control_dependencies([time_step.observation]):
      return time_step, policy_step.PolicyStep(tf.identity(action))

  def collect(self, state: _State) -> _State:
    """An iteration without learning."""
    if self.sizes.collect_episodes is None:
      return self._steps(self.sizes.collect_steps, state)
    time_step = self._episodes(state)
    return time_step, self.calls.act(time_step)

  def train(self, state: _State, totals: iterations.TrainTotals) -> tuple:
    """An iteration: the next time step and action, and the totals."""
    if self.sizes.collect_episodes is not None:
      time_step = self._episodes(state)
      totals = self.calls.learn(totals, self.next_batches())
      return time_step, self.calls.act(time_step), totals
    if self.learns_while_stepping:
      state, totals = self._step_and_learn(state, totals)
      return *self._steps(self.sizes.collect_steps - 1, state), totals
    state = self._steps(self.sizes.collect_steps - 1, state)
    arrays = self._step_in_python(state)
    state, totals = self.calls.observe_learn_and_act(
      arrays, state, totals, self.next_batches()
    )
    return *state, totals

  def _step_and_learn(self, state, totals):
    """Both at once: neither waits for the other, and acting for both."""
    env = self.driver.env
    arrays = env.step_in_python(state[1].action, tells_later=True)
    totals = self.calls.learn(totals, self.next_batches())
    # An environment that fails would end learning in its midst.
    with tf.control_dependencies([totals.num_train_steps]):
      arrays = env.checked(arrays)
    return self.calls.observe_and_act(arrays, state), totals

  def _steps(self, count: int, state: _State) -> _State:
    if count == 0:
      return state
    step = lambda s: self.calls.observe_and_act(self._step_in_python(s), s)
    return iterations.repeat(count, step, state)

  def _episodes(self, state: _State) -> ts.TimeStep:
    """Steps, first with the action chosen already; the time step it leads to.

    Its action is chosen when the agent has learnt.
    """
    step = lambda s: self.calls.observe(self._step_in_python(s), s)
    return self.sizes.collect(
      step, lambda t: step((t, self.calls.act(t))), state, self.statistics
    )

  def _step_in_python(self, state: _State) -> list[tf.Tensor]:
    return self.driver.env.step_in_python(state[1].action)
