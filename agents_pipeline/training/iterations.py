"""What compiled iterations have in common, whichever agent learns in them.

An iteration collects and trains; a compiled call does many. `replay_iteration`
is that of agents that sample from a buffer, `rollout_iteration` that of agents
that train on what the newest policy did. `on_device` compiles either as one XLA
program; `around_python` runs them around environments in Python.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import tensorflow as tf
from tf_agents.agents import tf_agent

from agents_pipeline import interfaces


class TrainTotals(NamedTuple):
  """Sums over train steps.

  Attributes:
    num_train_steps: [] int64.
    sums: the sum of each measure of the agent, [] float32.
    diverged: [] bool, whether a measure shows that the agent has diverged.
  """

  num_train_steps: tf.Tensor
  sums: dict[str, tf.Tensor]
  diverged: tf.Tensor

  def add(
    self, agent: interfaces.Agent, info: tf_agent.LossInfo
  ) -> "TrainTotals":
    """The totals with one train step more.

    Args:
      agent: its measures and their bounds.
      info: the info of the train step.
    """
    values = {name: of(info) for name, of in agent.measures.items()}
    is_sound = [tf.math.is_finite(value) for value in values.values()] + [
      tf.abs(values[name]) <= bound
      for name, bound in agent.measure_bounds.items()
    ]
    return TrainTotals(
      self.num_train_steps + 1,
      {name: total + values[name] for name, total in self.sums.items()},
      self.diverged | ~tf.reduce_all(is_sound),
    )


def no_train_steps(measure_names: Iterable[str]) -> TrainTotals:
  """The totals of no train step.

  Args:
    measure_names: the names of what an agent measures.
  """
  zeros = {name: tf.constant(0.0) for name in measure_names}
  return TrainTotals(tf.constant(0, tf.int64), zeros, tf.constant(False))


@dataclasses.dataclass(frozen=True)
class Iterations:
  """The two compiled calls of a pipeline.

  A run is the same, to the last bit, however it is cut into calls.

  Attributes:
    collect: runs so many iterations, [] int32, without train steps, for agents
      that fill a replay first; the same as `train` for others.
    train: runs so many iterations, adds their train steps to the given totals
      (by default none), and returns these. It stops early at a train step that
      shows that the agent has diverged, or when the run has reached its goal.
  """

  collect: Callable[[tf.Tensor], Any]
  train: Callable[..., TrainTotals]

  def map(self, wrap: Callable[[Callable], Callable]) -> "Iterations":
    """The same calls, each in a wrapper."""
    return Iterations(wrap(self.collect), wrap(self.train))


def compile_calls(
  measure_names: Iterable[str],
  should_stop: Callable[[], tf.Tensor],
  *,
  begin: Callable[[], Any],
  collect: Callable[[Any], Any] | None = None,
  train: Callable[[Any, TrainTotals], tuple[Any, TrainTotals]],
  end: Callable[[Any], None] = lambda state: None,
  jit: bool,
) -> Iterations:
  """Makes the two calls of one iteration.

  Args:
    measure_names: what the agent measures.
    should_stop: whether the run has reached its goal, [] bool.
    begin: gives the state that an iteration begins in, any nest of tensors.
    collect: state -> state; an iteration without train steps. None for agents
      that always train.
    train: state, totals -> state, totals; an iteration.
    end: called with the state after the last iteration.
    jit: whether each call is one XLA program, or a plain graph.
  """

  @tf.function(jit_compile=jit, autograph=False)
  def train_call(num_iterations, totals=None):
    state, totals = repeat(
      num_iterations,
      lambda state_and_totals: train(*state_and_totals),
      (begin(), totals or no_train_steps(measure_names)),
      lambda state_and_totals: ~state_and_totals[1].diverged & ~should_stop(),
    )
    end(state)
    return totals

  if collect is None:
    return Iterations(train_call, train_call)

  @tf.function(jit_compile=jit, autograph=False)
  def collect_call(num_iterations):
    end(repeat(num_iterations, collect, begin(), lambda _: ~should_stop()))

  return Iterations(collect_call, train_call)


def repeat_until(done: Callable[[], tf.Tensor], body: Callable, state):
  """Runs state = body(state) until done()."""
  return tf.while_loop(
    lambda _: ~done(), lambda s: (body(s),), (state,), parallel_iterations=1
  )[0]


def repeat(count: int | tf.Tensor, body: Callable, state, continues=None):
  """Runs state = body(state) count times, while continues(state)."""
  if isinstance(count, int) and count == 1:
    return body(state)
  continues = continues or (lambda _: True)
  # A tensor as the limit, not `tf.range`: XLA would compile anew for every
  # other number of iterations.
  return tf.while_loop(
    lambda i, s: tf.logical_and(i < count, continues(s)),
    lambda i, s: (i + 1, body(s)),
    (tf.constant(0), state),
    parallel_iterations=1,
  )[1]
