"""What compiled iterations have in common, whichever agent learns in them.

An iteration collects and trains; a compiled call runs many of them. There are
two kinds: `replay_iteration`, for agents with a replay (off-policy), and
`rollout_iteration`, for agents that train on rollouts (on-policy). `on_device`
compiles either kind to one XLA program, for tensor environments;
`around_python` compiles it to a graph that steps Python environments.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
from tf_agents.agents import tf_agent

from agents_pipeline import interfaces


class TrainTotals(NamedTuple):
  """Sums over train steps.

  Attributes:
    num_train_steps: [] int64, the number of train steps.
    sums: [M] float32, the sum of each measure of the agent, in their order.
    diverged: [] bool, whether a measure shows that the agent has diverged.
  """

  num_train_steps: tf.Tensor
  sums: tf.Tensor
  diverged: tf.Tensor

  def add(
    self, agent: interfaces.Agent, info: tf_agent.LossInfo
  ) -> "TrainTotals":
    """The totals with one train step more.

    Args:
      agent: the agent, with its measures and their bounds.
      info: the info of the train step.
    """
    values = tf.stack([of(info) for of in agent.measures.values()])  # [M]
    largest = values.dtype.max
    bounds = [
      min(agent.measure_bounds.get(name, largest), largest)
      for name in agent.measures
    ]
    is_sound = tf.abs(values) <= bounds  # [M]; neither infinity nor NaN is
    return TrainTotals(
      self.num_train_steps + 1,
      self.sums + values,
      self.diverged | ~tf.reduce_all(is_sound),
    )


def no_train_steps(num_measures: int) -> TrainTotals:
  """The totals before any train step of an agent with M measures."""
  return TrainTotals(
    tf.constant(0, tf.int64), tf.zeros(num_measures), tf.constant(False)
  )


@dataclasses.dataclass(frozen=True)
class Iterations:
  """The two compiled calls of a pipeline.

  A run is the same to the last bit however many iterations each call does, if
  all calls do multiples of `per_turn`.

  Attributes:
    collect: the call that runs a number of iterations, [] int32, without train
      steps, for agents that fill a replay first; the same as `train` for
      others.
    train: the call that runs a number of iterations, [] int32, adds their train
      steps to the given totals (by default none), and returns the new totals.
      It stops early when the run has reached its goal, or a train step has
      shown that the agent has diverged: at the end of that turn of the loop.
    per_turn: iterations between two checks of whether to stop. What is left of
      a call runs in a loop of single iterations, compiled apart, whose numbers
      may be rounded differently.
  """

  collect: Callable[[tf.Tensor], Any]
  train: Callable[..., TrainTotals]
  per_turn: int = 1

  def map(self, wrap: Callable[[Callable], Callable]) -> "Iterations":
    """The same calls, each in a wrapper."""
    return Iterations(wrap(self.collect), wrap(self.train), self.per_turn)


def compile_calls(
  num_measures: int,
  should_stop: Callable[[], tf.Tensor],
  *,
  begin: Callable[[], Any],
  collect: Callable[[Any], Any] | None = None,
  train: Callable[[Any, TrainTotals], tuple[Any, TrainTotals]],
  end: Callable[[Any], None] = lambda state: None,
  jit: bool,
  per_turn: int = 1,
) -> Iterations:
  """Makes the two calls of one iteration.

  Args:
    num_measures: the number of measures of the agent, M.
    should_stop: whether the run has reached its goal, [] bool.
    begin: a function that gives the state that an iteration begins in, any nest
      of tensors.
    collect: state -> state; an iteration without train steps. None for agents
      that always train.
    train: state, totals -> state, totals; an iteration.
    end: a function called with the state after the last iteration.
    jit: whether each call is one XLA program, or a plain graph.
    per_turn: see `Iterations`; for `train` alone.
  """

  @tf.function(jit_compile=jit, autograph=False)
  def train_call(num_iterations, totals=None):
    state, totals = repeat(
      num_iterations,
      lambda state_and_totals: train(*state_and_totals),
      (begin(), totals or no_train_steps(num_measures)),
      lambda state_and_totals: ~state_and_totals[1].diverged & ~should_stop(),
      per_turn,
    )
    end(state)
    return totals

  if collect is None:
    return Iterations(train_call, train_call, per_turn)

  @tf.function(jit_compile=jit, autograph=False)
  def collect_call(num_iterations):
    end(repeat(num_iterations, collect, begin(), lambda _: ~should_stop()))

  return Iterations(collect_call, train_call, per_turn)


def repeat_until(done: Callable[[], tf.Tensor], body: Callable, state):
  """Runs state = body(state) until done()."""
  return tf.while_loop(
    lambda _: ~done(), lambda s: (body(s),), (state,), parallel_iterations=1
  )[0]


def repeat(
  count: int | tf.Tensor,
  body: Callable,
  state,
  continues: Callable = lambda _: True,
  per_turn: int = 1,
):
  """Runs state = body(state) count times, while continues(state).

  Args:
    count: an int or [] int32.
    body: state -> state.
    state: any nest of tensors.
    continues: state -> [] bool.
    per_turn: how often the body runs between two looks at whether to go on, as
      long as so many are left.
  """
  if isinstance(count, int) and count == 1:
    return body(state)

  def loop(turn_size, done, state):
    def turn(done, state):
      for _ in range(turn_size):
        state = body(state)
      return done + turn_size, state

    # A tensor as the limit, not `tf.range`: XLA would compile anew for every
    # other number of iterations.
    return tf.while_loop(
      lambda done, s: tf.logical_and(done + turn_size <= count, continues(s)),
      turn,
      (done, state),
      parallel_iterations=1,
    )

  done = tf.constant(0)
  if per_turn > 1:
    done, state = loop(per_turn, done, state)
  return loop(1, done, state)[1]
