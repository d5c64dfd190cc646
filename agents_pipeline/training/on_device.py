"""Whole iterations as one XLA program, for environments of TensorFlow ops."""

from collections.abc import Callable
from typing import Protocol

import tensorflow as tf
from tf_agents.trajectories import time_step as ts

from agents_pipeline import interfaces
from agents_pipeline.training import drivers, iterations


class Iteration(Protocol):
  """`ReplayIteration` or `RolloutIteration`."""

  @property
  def driver(self) -> drivers.StepDriver:
    """Acts in a tensor environment."""

  @property
  def agent(self) -> interfaces.Agent:
    """Trained."""

  def collect(self, time_step: ts.TimeStep) -> ts.TimeStep:
    """Collects only; returns the time step to act from next."""

  def train(
    self, time_step: ts.TimeStep, totals: iterations.TrainTotals
  ) -> tuple[ts.TimeStep, iterations.TrainTotals]:
    """Collects and trains; returns that and the totals."""


def compile_iterations(
  iteration: Iteration,
  should_stop: Callable[[], tf.Tensor],
  *,
  jit: bool = True,
) -> iterations.Iterations:
  """Compiles both calls.

  Args:
    iteration: what to repeat.
    should_stop: whether the run has reached its goal, [] bool.
    jit: False leaves it a plain graph, for comparison.
  """
  environment, agent = iteration.driver.env, iteration.agent

  @tf.function(jit_compile=jit, autograph=False)
  def collect(num_iterations):
    iterations.repeat(
      num_iterations,
      iteration.collect,
      environment.current_time_step(),
      lambda _: ~should_stop(),
    )

  @tf.function(jit_compile=jit, autograph=False)
  def train(num_iterations, totals=None):
    totals = totals or iterations.no_train_steps(agent.measures)
    _, totals = iterations.repeat(
      num_iterations,
      lambda state: iteration.train(*state),
      (environment.current_time_step(), totals),
      lambda state: state[1].is_sound & ~should_stop(),
    )
    return totals

  return iterations.Iterations(collect, train)
