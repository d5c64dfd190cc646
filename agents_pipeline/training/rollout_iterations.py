"""Iterations of agents that learn from rollouts: T steps, then one update."""

import functools
from collections.abc import Callable

import tensorflow as tf
from tf_agents.agents import tf_agent

from agents_pipeline.training import drivers, iterations, rollouts


def compile_iterations(
  driver: drivers.StepDriver,
  agent: tf_agent.TFAgent,
  num_steps: int,
  should_stop: Callable[[], tf.Tensor],
  *,
  on_device: bool,
  jit_learning: bool = True,
  jit: bool = True,
) -> iterations.Iterations:
  """Many iterations in one call.

  On the device all of it is one XLA program. Around environments in Python the
  loop is a graph: a compiled call chooses the actions of each step, and another
  works out what came of them all and learns.

  Args:
    driver: of the agent's collect policy.
    agent: trained.
    num_steps: of a rollout, T.
    should_stop: whether the run has done what it was for, [] bool.
    on_device: the environments are TensorFlow ops.
    jit_learning: False leaves learning a plain graph around Python
      environments; see `host_iterations.compile_around_host`.
    jit: False leaves all of it one, for comparison.
  """
  compiled = lambda function, jit: tf.function(
    function, jit_compile=jit, autograph=False
  )
  act = compiled(driver.policy.action, jit)
  act_after = compiled(lambda arrays: act(driver.env.to_act_from(arrays)), jit)

  @functools.partial(compiled, jit=jit and jit_learning)
  def learn(steps, time_step, totals):
    rollout, time_step = rollouts.of_python_steps(driver, steps, time_step)
    return time_step, iterations.learn(agent, rollout, totals)

  def iterate_on_device(state):
    time_step, totals = state
    rollout, time_step = rollouts.on_device(driver, num_steps, time_step)
    return time_step, iterations.learn(agent, rollout, totals)

  def iterate_around_host(state):
    time_step, totals = state
    steps = rollouts.step_in_python(
      driver.env, act, act_after, num_steps, time_step
    )
    return learn(steps, time_step, totals)

  iterate = iterate_on_device if on_device else iterate_around_host

  @functools.partial(compiled, jit=jit and on_device)
  def train(num_iterations, totals=None):
    totals = totals or iterations.no_train_steps(agent.measure_names)
    _, totals = iterations.repeat(
      num_iterations,
      iterate,
      (driver.env.current_time_step(), totals),
      lambda state: state[1].is_sound & ~should_stop(),
    )
    return totals

  return iterations.Iterations(collect=train, train=train)
