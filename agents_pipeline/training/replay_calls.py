"""The compiled calls of the loop around Python environments.

Every call has overhead, so as much as possible is one XLA program.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from agents_pipeline.training import replay_iteration


class Calls(NamedTuple):
  """The functions that the loop calls.

  Attributes:
    act: time step -> action.
    learn: totals, batches -> totals.
    observe: the arrays that came from Python, and the state that was stepped
      from -> the time step to act from next.
    observe_and_act: the arguments of `observe` -> the next state.
    observe_learn_and_act: the arguments of `observe`, totals, batches -> the
      next state, totals.
  """

  act: Callable
  learn: Callable
  observe: Callable
  observe_and_act: Callable
  observe_learn_and_act: Callable


def wrap_calls(
  iteration: replay_iteration.ReplayIteration,
  *,
  jit: bool,
  jit_learning: bool,
  replay_on_host: bool,
) -> Calls:
  """Makes each call one program, or several around a buffer in host memory.

  Args:
    iteration: an iteration whose environments live in Python.
    jit: whether XLA compiles acting.
    jit_learning: whether XLA compiles the rest.
    replay_on_host: whether adding and sampling stay outside of what XLA
      compiles.
  """
  driver, agent = iteration.driver, iteration.agent
  compiled = functools.partial(
    tf.function, autograph=False, jit_compile=jit_learning
  )
  # XLA compiles each call as a whole; around a buffer in host memory, only its
  # parts that do not touch the buffer.
  compile_call: Callable = _not_compiled if replay_on_host else compiled
  compile_part: Callable = compiled if replay_on_host else _not_compiled
  act = tf.function(driver.policy.action, autograph=False, jit_compile=jit)
  train = compile_part(agent.train)
  learn = dataclasses.replace(iteration, update=train).learn

  @compile_part
  def record(arrays, state):
    time_step, action_step = state
    stepped = driver.env.time_steps(arrays, driver.env.stack_of(time_step))
    taken = driver.env.actions_taken(arrays, action_step.action)
    action_step = action_step._replace(action=taken)
    return driver.record(time_step, action_step, stepped)

  def observe(arrays, state):
    return driver.tell_observers(*record(arrays, state))

  def observe_and_act(arrays, state):
    time_step = observe(arrays, state)
    return time_step, act(time_step)

  def observe_learn_and_act(arrays, state, totals, batches):
    time_step = observe(arrays, state)
    # What was added must be there before it is sampled, and the network must
    # have learned before it acts.
    with tf.control_dependencies([time_step.step_type]):
      totals = learn(totals, batches)
    with tf.control_dependencies([totals.num_train_steps]):
      return (time_step, act(time_step)), totals

  return Calls(
    act,
    compile_call(learn),
    compile_call(observe),
    compile_call(observe_and_act),
    compile_call(observe_learn_and_act),
  )


def _not_compiled(function: Callable) -> Callable:
  return function
