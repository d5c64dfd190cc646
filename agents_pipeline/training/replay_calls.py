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


def wrap_calls(
  iteration: replay_iteration.ReplayIteration,
  *,
  jit: bool,
  jit_learning: bool,
  replay_on_host: bool,
) -> Calls:
  """Makes each call one program, or several around a buffer in host memory.

  Args:
    iteration: whose environments live in Python.
    jit: whether XLA compiles acting.
    jit_learning: whether it compiles the rest.
    replay_on_host: adding and sampling are outside of what it compiles.
  """
  driver, agent = iteration.driver, iteration.agent
  compiled = functools.partial(_graph, jit_compile=jit_learning)
  whole: Callable = _as_it_is if replay_on_host else compiled
  part: Callable = compiled if replay_on_host else _as_it_is
  act = _graph(driver.policy.action, jit_compile=jit)
  learn = dataclasses.replace(iteration, update=part(agent.train)).learn

  @part
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
    whole(learn),
    whole(observe),
    whole(observe_and_act),
    whole(observe_learn_and_act),
  )


def _as_it_is(function: Callable) -> Callable:
  return function
