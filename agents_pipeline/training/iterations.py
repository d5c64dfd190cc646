"""What compiled iterations have in common, whichever agent learns in them.

An iteration collects and learns; a call does many. `replay_iterations` and
`host_iterations` have those of agents that learn from a buffer,
`rollout_iterations` those of agents that learn from what the newest policy did.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf


class TrainTotals(NamedTuple):
  """Sums over train steps.

  Attributes:
    num_train_steps: [] int64.
    sums: of each measure of the agent, [] float32.
    is_sound: [] bool, none of the measures tells that the agent diverged.
  """

  num_train_steps: tf.Tensor
  sums: dict[str, tf.Tensor]
  is_sound: tf.Tensor


def no_train_steps(measure_names: Sequence[str]) -> TrainTotals:
  """The totals of none.

  Args:
    measure_names: of an agent.
  """
  zeros = {name: tf.constant(0.0) for name in measure_names}
  return TrainTotals(tf.constant(0, tf.int64), zeros, tf.constant(True))


def learn(agent, experience, totals: TrainTotals) -> TrainTotals:
  """One train step, added to totals.

  Args:
    agent: a `TFAgent` that has `measures`, and `measure_bounds`: how large some
      of them may be.
    experience: what it learns from.
    totals: of the train steps before.
  """
  measures = agent.measures(agent.train(experience))
  is_sound = [tf.math.is_finite(value) for value in measures.values()] + [
    tf.abs(measures[name]) <= bound
    for name, bound in agent.measure_bounds.items()
  ]
  return TrainTotals(
    totals.num_train_steps + 1,
    {name: total + measures[name] for name, total in totals.sums.items()},
    totals.is_sound & tf.reduce_all(is_sound),
  )


@dataclasses.dataclass(frozen=True)
class Iterations:
  """The two compiled calls of a pipeline.

  A run is the same, to the last bit, however it is cut into calls.

  Attributes:
    collect: number of iterations, [] int32. No train step.
    train: number of iterations, and the totals to add to, by default of none
      -> totals. It stops early at a train step that shows the agent to have
      diverged, or when the run has done what it was for.
  """

  collect: Callable[[tf.Tensor], None]
  train: Callable[..., TrainTotals]

  def map(self, wrap: Callable[[Callable], Callable]) -> "Iterations":
    """The same calls, each in a wrapper."""
    return Iterations(wrap(self.collect), wrap(self.train))


def repeat_until(done: Callable[[], tf.Tensor], body: Callable, state):
  """Runs state = body(state) until done()."""
  return tf.while_loop(
    lambda _: ~done(), lambda s: (body(s),), (state,), parallel_iterations=1
  )[0]


def repeat(count: int | tf.Tensor, body: Callable, state, going_on=None):
  """Runs state = body(state) count times, while going_on(state)."""
  if isinstance(count, int) and count == 1:
    return body(state)
  going_on = going_on or (lambda _: True)
  # A tensor as the limit, not `tf.range`: XLA would compile anew for every
  # other number of iterations.
  return tf.while_loop(
    lambda i, s: tf.logical_and(i < count, going_on(s)),
    lambda i, s: (i + 1, body(s)),
    (tf.constant(0), state),
    parallel_iterations=1,
  )[1]
