"""What compiled iterations have in common, whichever agent learns in them.

An iteration collects and learns; a call does many. `replay_iterations` has
those of agents that learn from a buffer, `rollout_iterations` those of agents
that learn from what the newest policy did.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class TrainTotals(NamedTuple):
  """Sums over the train steps of one call.

  Attributes:
    num_train_steps: [] int64.
    sums: of each measure of the agent, [] float32.
  """

  num_train_steps: tf.Tensor
  sums: dict[str, tf.Tensor]

  @property
  def is_finite(self) -> tf.Tensor:
    """[] bool: no measure has become infinite or NaN."""
    return tf.reduce_all(tf.math.is_finite(tf.stack(list(self.sums.values()))))


def no_train_steps(agent) -> TrainTotals:
  """The totals of none.

  Args:
    agent: has `measure_names`.
  """
  zeros = {name: tf.constant(0.0) for name in agent.measure_names}
  return TrainTotals(tf.constant(0, tf.int64), zeros)


def learn(agent, experience, totals: TrainTotals) -> TrainTotals:
  """One train step, added to totals.

  Args:
    agent: a `TFAgent` that has `measures`.
    experience: what it learns from.
    totals: of the train steps before.
  """
  measures = agent.measures(agent.train(experience))
  return TrainTotals(
    totals.num_train_steps + 1,
    {name: total + measures[name] for name, total in totals.sums.items()},
  )


@dataclasses.dataclass(frozen=True)
class Iterations:
  """The two compiled calls of a pipeline.

  Attributes:
    collect: number of iterations, [] int32 -> totals of no train step.
    train: the same, with train steps. It stops early at one whose measures are
      not finite, or when the run has done what it was for.
  """

  collect: Callable[[tf.Tensor], TrainTotals]
  train: Callable[[tf.Tensor], TrainTotals]


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
