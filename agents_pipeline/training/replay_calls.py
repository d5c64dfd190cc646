"""What a loop around Python environments calls, to collect and to learn.

Every call has overhead, so what can be one program is.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from agents_pipeline.training import replay_iteration

_graph = functools.partial(tf.function, autograph=False)


class Calls(NamedTuple):
  """The functions that the loop calls.

  Attributes:
    act: time step -> action.
    learn: totals, batches -> totals.
    observe: the arrays that came from Python, and the state that was stepped
      from -> the time step to act from next.
    observe_and_act: the same -> the next state.
    observe_learn_and_act: the same, totals, batches -> the next state, totals.
  """

  act: Callable
  learn: Callable
  observe: Callable
  observe_and_act: Callable
  observe_learn_and_act: Callable


def in_one_program(
  iteration: replay_iteration.ReplayIteration, *, jit: bool, jit_learning: bool
) -> Calls:
  """Each call is one program; without `jit_learning`, XLA compiles `act` alone.

  Args:
    iteration: whose environments live in Python.
    jit: False uses no XLA at all, for comparison.
    jit_learning: whether XLA compiles what learns.
  """
  driver, learn = iteration.driver, iteration.learn
  compiled = functools.partial(_graph, jit_compile=jit_learning)
  act = _graph(driver.policy.action, jit_compile=jit)

  def observe(arrays, state):
    time_step, action_step = state
    stepped = driver.env.time_steps(arrays, driver.env.stack_of(time_step))
    return driver.observe(time_step, action_step, stepped)[1]

  def observe_and_act(arrays, state):
    time_step = observe(arrays, state)
    return time_step, act(time_step)

  def observe_learn_and_act(arrays, state, totals, batches):
    time_step = observe(arrays, state)
    totals = learn(totals, batches)
    return (time_step, act(time_step)), totals

  return Calls(
    act,
    compiled(learn),
    compiled(observe),
    compiled(observe_and_act),
    compiled(observe_learn_and_act),
  )


def around_host_memory(
  iteration: replay_iteration.ReplayIteration, *, jit: bool, jit_learning: bool
) -> Calls:
  """The same for a buffer in host memory: around it, all is a plain graph.

  What XLA compiles is acting, counting a step, and a train step.
  """
  driver = iteration.driver
  act = _graph(driver.policy.action, jit_compile=jit)
  learn = dataclasses.replace(
    iteration, update=_graph(iteration.agent.train, jit_compile=jit_learning)
  ).learn

  @functools.partial(_graph, jit_compile=jit_learning)
  def count(arrays, state):
    time_step, action_step = state
    stepped = driver.env.time_steps(arrays, driver.env.stack_of(time_step))
    (transition, counted), following = driver.count(
      time_step, action_step, stepped
    )
    driver.keep_episodes(tf.nest.map_structure(lambda x: x[None], counted))
    return transition, following

  def observe(arrays, state):
    return driver.tell_observers(*count(arrays, state))

  def observe_and_act(arrays, state):
    time_step = observe(arrays, state)
    return time_step, act(time_step)

  def observe_learn_and_act(arrays, state, totals, batches):
    time_step = observe(arrays, state)
    # What was added must be there before it is sampled.
    with tf.control_dependencies([time_step.observation]):
      totals = learn(totals, batches)
    with tf.control_dependencies([totals.num_train_steps]):
      return (time_step, act(time_step)), totals

  return Calls(act, learn, observe, observe_and_act, observe_learn_and_act)
