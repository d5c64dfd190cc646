"""Whole iterations as one XLA program, for environments of TensorFlow ops."""

from collections.abc import Callable

import tensorflow as tf

from agents_pipeline.training import (
  iterations,
  replay_iteration,
  rollout_iteration,
)

Iteration = (
  replay_iteration.ReplayIteration | rollout_iteration.RolloutIteration
)


def compile_iterations(
  iteration: Iteration,
  should_stop: Callable[[], tf.Tensor],
  *,
  per_turn: int = 1,
  jit: bool = True,
) -> iterations.Iterations:
  """Compiles the two calls of `Iterations`.

  Args:
    iteration: the iteration to repeat; its environment is of TensorFlow ops.
    should_stop: whether the run has reached its goal, [] bool.
    per_turn: see `iterations.Iterations`.
    jit: False leaves it a plain graph, for comparison.
  """
  collect = None
  if isinstance(iteration, replay_iteration.ReplayIteration):
    collect = iteration.collect
  return iterations.compile_calls(
    len(iteration.agent.measures),
    should_stop,
    begin=iteration.driver.env.current_time_step,
    collect=collect,
    train=iteration.train,
    jit=jit,
    per_turn=per_turn,
  )
