"""Iterations of agents that learn from rollouts: T steps, then one update."""

from collections.abc import Callable

import tensorflow as tf
from tf_agents.agents import tf_agent

from agents_pipeline.collection import drivers, rollouts
from agents_pipeline.training import iterations


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
  loop is a graph, of one compiled call for each step and one that learns.

  Args:
    driver: of the agent's collect policy.
    agent: trained.
    num_steps: of a rollout, T.
    should_stop: whether the run has done what it was for, [] bool.
    on_device: the environments are TensorFlow ops.
    jit_learning: False leaves learning a plain graph around Python
      environments; see `replay_iterations.compile_around_host`.
    jit: False leaves all of it one, for comparison.
  """

  def learn(rollout, totals):
    return iterations.learn(agent, rollout, totals)

  if on_device:
    collect = rollouts.on_device(driver, num_steps)
  else:
    host = drivers.HostDriver(driver.env, driver.policy, jit=jit)
    collect = rollouts.around_host(host, num_steps)
    learn = tf.function(
      learn, jit_compile=jit and jit_learning, autograph=False
    )

  @tf.function(jit_compile=jit and on_device, autograph=False)
  def train(num_iterations, totals=None):
    def iteration(state):
      time_step, totals = state
      rollout, time_step = collect(time_step)
      return time_step, learn(rollout, totals)

    totals = totals or iterations.no_train_steps(agent.measure_names)
    _, totals = iterations.repeat(
      num_iterations,
      iteration,
      (driver.env.current_time_step(), totals),
      lambda state: state[1].is_sound & ~should_stop(),
    )
    return totals

  return iterations.Iterations(collect=train, train=train)
