"""Iterations of several learners, which differ in their environments alone.

What a learner does up to its gradients is one XLA program. The gradients are
averaged between the learners outside of XLA, which cannot compile that on a
CPU, and another program applies them: the same update in every learner, so
that weights stay equal without being sent.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from agents_pipeline.training import (
  iterations,
  learners,
  rollout_iteration,
  rollouts,
)


def compile_rollouts(
  iteration: rollout_iteration.RolloutIteration,
  should_stop: Callable[[], tf.Tensor],
  *,
  all_learners: learners.Learners,
  enters_python: bool,
  jit_learning: bool = True,
  jit: bool = True,
) -> iterations.Iterations:
  """Compiles iterations of agents that train on rollouts.

  Args:
    iteration: the iteration of an agent with `gradients` and `update`.
    should_stop: whether the run has reached its goal, [] bool; the same in
      every learner.
    all_learners: the learners.
    enters_python: whether the environments are in Python.
    jit_learning: see `around_python.compile_replay`.
    jit: False leaves all of it a plain graph, for comparison.
  """
  jit_learning = jit and jit_learning
  agent: Any = iteration.agent

  def gradients_of(rollout):
    gradients, info = agent.gradients(rollout)
    weight = tf.reduce_sum(agent.mask(rollout))  # [], of the loss's mean
    return weighted((gradients, info), weight), (gradients, info)

  compute = _make_compute(
    iteration, gradients_of, enters_python, jit, jit_learning
  )

  @tf.function(autograph=False, jit_compile=jit_learning)
  def update(summed, own, totals):
    gradients, info = mean_of(summed, own)
    agent.update(gradients)
    return totals.add(agent, info)

  def train(time_step, totals):
    time_step, summand, own = compute(time_step)
    return time_step, update(all_learners.sum(summand), own, totals)

  return iterations.compile_calls(
    len(agent.measures),
    should_stop,
    begin=iteration.driver.env.current_time_step,
    collect=None,
    train=train,
    jit=False,
  ).map(all_learners.guarded)


def _make_compute(
  iteration: rollout_iteration.RolloutIteration,
  gradients_of: Callable,
  enters_python: bool,
  jit: bool,
  jit_learning: bool,
) -> Callable:
  """Returns: time step -> next time step, what is summed, own values."""
  driver, num_steps = iteration.driver, iteration.num_steps
  if not enters_python:

    @tf.function(autograph=False, jit_compile=jit)
    def compute(time_step):
      rollout, time_step = rollouts.on_device(driver, num_steps, time_step)
      return time_step, *gradients_of(rollout)

    return compute

  act, act_after = rollouts.acting_in_python(driver, jit)

  @tf.function(autograph=False, jit_compile=jit_learning)
  def learn(steps, time_step):
    rollout, time_step = rollouts.of_python_steps(driver, steps, time_step)
    return time_step, *gradients_of(rollout)

  def compute_in_python(time_step):
    steps = rollouts.step_in_python(
      driver.env, act, act_after, num_steps, time_step
    )
    return learn(steps, time_step)

  return compute_in_python


def weighted(values: Any, weight: tf.Tensor) -> tf.Tensor:
  """The tensor that has to be summed over the learners for `mean_of`.

  Args:
    values: a nest of float32; None, for a variable that the loss does not
      depend on, is left out.
    weight: [] float32, the number of steps that the values are means of.

  Returns:
    [N] float32.
  """
  flat = [tf.reshape(x, [-1]) * weight for x in _tensors(values)]
  return tf.concat([*flat, weight[None]], axis=0)


def _tensors(values: Any) -> list[tf.Tensor]:
  return [x for x in tf.nest.flatten(values) if x is not None]


def mean_of(summed: tf.Tensor, like: Any) -> Any:
  """The means over the steps of all learners.

  Each value is a mean over a learner's steps. Some learners have more of these
  than others where steps only reset an environment.

  Args:
    summed: [N] float32, the sum of what `weighted` gave each learner.
    like: a nest of the values' shapes; None stays None.
  """
  flat = _tensors(like)
  *sums, total = tf.split(summed, [tf.size(x) for x in flat] + [1])
  means = (
    tf.reshape(of / total, x.shape) for of, x in zip(sums, flat, strict=True)
  )
  return tf.nest.map_structure(
    lambda x: None if x is None else next(means), like
  )
