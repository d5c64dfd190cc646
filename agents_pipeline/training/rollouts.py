"""Fixed-length rollouts: T steps of every environment, across episode ends.

An episode continues from one rollout to the next, and may end within one.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from agents_pipeline import interfaces
from agents_pipeline.training import compilation, drivers

# Transitions of [T, B, ...], and the time step to act from next.
Rollout = tuple[trajectory.Transition, ts.TimeStep]


class PythonSteps(NamedTuple):
  """T steps of environments in Python, not yet observed by the driver.

  Attributes:
    arrays: the arrays that `time_steps` makes time steps of, [T, B, ...] each.
    action_step: [T, B, ...], the actions.
  """

  arrays: list[tf.Tensor]
  action_step: policy_step.PolicyStep


def on_device(
  driver: drivers.StepDriver, num_steps: int, time_step: ts.TimeStep
) -> Rollout:
  """Acts in environments of TensorFlow ops. Runs inside XLA.

  Args:
    driver: the driver that steps the environments.
    num_steps: the number of steps, T.
    time_step: [B, ...], the time step to act from.
  """

  def take(t, time_step):
    del t
    action_step = driver.policy.action(time_step)
    stepped = driver.env.step_and_reset(action_step.action)
    return driver.count(time_step, action_step, stepped)

  return _rollout(take, driver, num_steps, time_step)


def acting_in_python(
  driver: drivers.StepDriver, jit: bool
) -> tuple[Callable, Callable]:
  """Compiles `act` and `act_after` of `step_in_python`.

  Args:
    driver: the driver, whose environments live in Python.
    jit: False leaves both plain graphs, for comparison.
  """
  act = tf.function(driver.policy.action, autograph=False, jit_compile=jit)

  @tf.function(autograph=False, jit_compile=jit)
  def act_after(arrays, stack):
    time_step = driver.env.time_steps(arrays, stack)[1]
    return act(time_step), driver.env.stack_of(time_step)

  return act, act_after


def step_in_python(
  environment: interfaces.PythonEnvironment,
  act: Callable,
  act_after: Callable,
  num_steps: int,
  time_step: ts.TimeStep,
) -> PythonSteps:
  """Acts in environments that live in Python, from inside a graph.

  Between two steps, only the next actions are chosen: a graph pays for every
  operation, and one call can compute the transitions of all steps. The steps
  are unrolled, because a loop in a graph costs as much as acting.

  Args:
    environment: the environment to act in.
    act: time step [B, ...] -> policy step, compiled.
    act_after: the arrays of a step in Python, the stack before it -> policy
      step and stack, compiled.
    num_steps: the number of steps, T.
    time_step: [B, ...], the time step to act from.
  """
  steps, action_step = [], act(time_step)
  stack = environment.stack_of(time_step)
  for t in range(num_steps):
    arrays = environment.step_in_python(action_step.action)
    steps.append(PythonSteps(arrays, action_step))
    if t + 1 < num_steps:  # the next action is the updated policy's
      action_step, stack = act_after(arrays, stack)
  return tf.nest.map_structure(lambda *x: tf.stack(x), *steps)


def of_python_steps(
  driver: drivers.StepDriver, steps: PythonSteps, time_step: ts.TimeStep
) -> Rollout:
  """The rollout of steps that were done in Python. Runs inside XLA.

  Args:
    driver: the driver, whose environment has `time_steps`.
    steps: the T steps.
    time_step: [B, ...], the time step that the first step was taken from.
  """

  def take(t, time_step):
    arrays, action_step = tf.nest.map_structure(lambda x: x[t], steps)
    stepped = driver.env.time_steps(arrays, driver.env.stack_of(time_step))
    return driver.count(time_step, action_step, stepped)

  num_steps = steps.arrays[0].shape[0]
  return _rollout(take, driver, num_steps, time_step)


def _rollout(
  take: Callable, driver: drivers.StepDriver, num_steps: int, time_step
) -> Rollout:
  """Runs counted, time_step = take(t, time_step) for every t < T."""
  if compilation.unrolls(num_steps):
    taken, time_step = _unrolled(take, num_steps, time_step)
  else:
    spec = driver.counted_spec
    taken, time_step = _looped(take, num_steps, time_step, spec)
  transitions, counted = taken
  driver.keep_episodes(counted)
  return transitions, time_step


def _unrolled(take: Callable, num_steps: int, time_step: ts.TimeStep):
  """Compiles each step by itself."""
  taken = []
  for t in range(num_steps):
    counted, time_step = take(t, time_step)
    taken.append(counted)
  return tf.nest.map_structure(lambda *x: tf.stack(x), *taken), time_step


def _looped(take: Callable, num_steps: int, time_step: ts.TimeStep, spec):
  """Compiles a loop, in a time that does not depend on T.

  Args:
    take: t, time step -> what is stacked, the next time step.
    num_steps: the number of steps, T.
    time_step: the time step to begin from.
    spec: the spec of what is stacked, without T.
  """
  arrays = tf.nest.map_structure(
    lambda s: tf.TensorArray(s.dtype, num_steps, element_shape=s.shape),
    spec,
  )

  def body(t, time_step, arrays):
    counted, time_step = take(t, time_step)
    written = tf.nest.map_structure(
      lambda array, x: array.write(t, x), arrays, counted
    )
    return t + 1, time_step, written

  _, time_step, arrays = tf.while_loop(
    lambda t, *_: t < num_steps,
    body,
    (tf.constant(0), time_step, arrays),
    parallel_iterations=1,
    maximum_iterations=num_steps,
  )
  return tf.nest.map_structure(lambda array: array.stack(), arrays), time_step
