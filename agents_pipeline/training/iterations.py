"""Compiled iterations: collect, add, sample, train, many times in one call.

Two forms of the same iteration. `compile_on_device` makes one XLA program of
all of it, for environments in TensorFlow ops. `compile_around_host` keeps the
loop in a graph that enters Python once per step of the environments, and
compiles learning and acting together, because calling a compiled function from
Python costs more than the work in it.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.replay_buffers import replay_buffer

from agents_pipeline.collection import drivers


class TrainTotals(NamedTuple):
  """Sums over the train steps of one call; every field is [].

  Attributes:
    num_train_steps: int64.
    loss: float32.
    q_value: float32, of the batches' mean q of the actions taken.
  """

  num_train_steps: tf.Tensor
  loss: tf.Tensor
  q_value: tf.Tensor

  @property
  def is_finite(self) -> tf.Tensor:
    """[] bool: neither loss nor q has become infinite or NaN."""
    return tf.math.is_finite(self.loss) & tf.math.is_finite(self.q_value)


def _nothing() -> TrainTotals:
  return TrainTotals(
    tf.constant(0, tf.int64), tf.constant(0.0), tf.constant(0.0)
  )


@dataclasses.dataclass(frozen=True)
class Iterations:
  """The two compiled calls of a pipeline.

  Attributes:
    collect: number of iterations, [] int32 -> totals of no train step.
    train: the same, with train steps. It stops early at one whose loss is not
      finite.
  """

  collect: Callable[[tf.Tensor], TrainTotals]
  train: Callable[[tf.Tensor], TrainTotals]


@dataclasses.dataclass(frozen=True)
class IterationSizes:
  """How much one iteration does.

  Attributes:
    collect_steps: steps of every environment.
    train_steps: updates after them.
    batch_size: windows per update, S.
    num_steps: rows of a window, T.
  """

  collect_steps: int
  train_steps: int
  batch_size: int
  num_steps: int


def _repeat(count: int | tf.Tensor, body: Callable, state, going_on=None):
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


def _learn(
  agent: tf_agent.TFAgent, experience, totals: TrainTotals
) -> TrainTotals:
  """One train step on [S, T, ...]."""
  info = agent.train(experience)
  return TrainTotals(
    totals.num_train_steps + 1,
    totals.loss + info.loss,
    totals.q_value + tf.reduce_mean(info.extra.q_value),
  )


def compile_on_device(
  driver: drivers.StepDriver,
  replay: replay_buffer.ReplayBuffer,
  agent: tf_agent.TFAgent,
  sizes: IterationSizes,
  *,
  jit: bool = True,
) -> Iterations:
  """Whole iterations as one XLA program.

  Args:
    driver: of a tensor environment; it observes with the buffer.
    replay: sampled from.
    agent: trained.
    sizes: of an iteration.
    jit: False leaves it a plain graph, for comparison.
  """

  def collect_once(time_step):
    return _repeat(
      sizes.collect_steps, lambda step: driver.run(step)[0], time_step
    )

  def learn_once(totals):
    experience, _ = replay.get_next(sizes.batch_size, sizes.num_steps)
    return _learn(agent, experience, totals)

  @tf.function(jit_compile=jit, autograph=False)
  def collect(num_iterations):
    _repeat(num_iterations, collect_once, driver.env.current_time_step())
    return _nothing()

  @tf.function(jit_compile=jit, autograph=False)
  def train(num_iterations):
    def iteration(state):
      time_step, totals = state
      return collect_once(time_step), _repeat(
        sizes.train_steps, learn_once, totals, lambda t: t.is_finite
      )

    start = driver.env.current_time_step(), _nothing()
    _, totals = _repeat(
      num_iterations, iteration, start, lambda s: s[1].is_finite
    )
    return totals

  return Iterations(collect, train)


class ChosenAction(tf.Module):
  """The actions that a call chose last, for the next call to take.

  So a run is the same however it is cut into calls. A Python environment is
  not restored, so neither is this.
  """

  def __init__(self, batch_size: int):
    """Nothing is chosen yet.

    Args:
      batch_size: the number of environments, B.
    """
    super().__init__(name="chosen_action")
    self.is_chosen = tf.Variable(False)
    self.action = tf.Variable(tf.zeros((batch_size,), tf.int64))

  def take(self, act: Callable[[], tf.Tensor]) -> tf.Tensor:
    """Returns the actions [B] chosen before, or chooses them by act()."""
    return tf.cond(self.is_chosen, self.action.read_value, act)

  def keep(self, action: tf.Tensor) -> None:
    """Keeps actions [B] for the next call."""
    self.is_chosen.assign(True)
    self.action.assign(action)

  def forget(self) -> None:
    """Drops them: what they were chosen for is gone."""
    self.is_chosen.assign(False)


def compile_around_host(
  driver: drivers.StepDriver,
  replay: replay_buffer.ReplayBuffer,
  agent: tf_agent.TFAgent,
  sizes: IterationSizes,
  chosen: ChosenAction,
  *,
  num_prefetched_batches: int = 0,
  jit: bool = True,
) -> Iterations:
  """A loop in the graph around environments that live in Python.

  Args:
    driver: of a Python environment; it observes with the buffer.
    replay: sampled from.
    agent: trained.
    sizes: of an iteration.
    chosen: what the last call chose.
    num_prefetched_batches: how many batches a tf.data pipeline samples ahead,
      while the environments step: before an iteration's own transitions are
      there, and not reproducibly. 0 samples in the loop.
    jit: False leaves learning and acting a plain graph, for comparison.
  """
  sample = functools.partial(
    replay.get_next, sizes.batch_size * sizes.train_steps, sizes.num_steps
  )
  if num_prefetched_batches:
    batches = iter(
      replay.as_dataset(
        sample_batch_size=sizes.batch_size * sizes.train_steps,
        num_steps=sizes.num_steps,
      ).prefetch(num_prefetched_batches)
    )
    sample = functools.partial(next, batches)

  def act(time_step):
    return driver.policy.action(time_step).action  # [B]

  compiled_act = tf.function(act, jit_compile=jit, autograph=False)

  @tf.function(jit_compile=jit, autograph=False)
  def learn_and_act(experience, totals, time_step):
    """Learns from [U * S, T, ...] in U train steps, then acts."""
    batches = tf.nest.map_structure(
      lambda x: tf.reshape(
        x, [sizes.train_steps, sizes.batch_size, *x.shape[1:]]
      ),
      experience,
    )  # [U, S, T, ...]

    def learn_once(state):
      update, totals = state
      batch = tf.nest.map_structure(lambda x: x[update], batches)
      return update + 1, _learn(agent, batch, totals)

    _, totals = _repeat(
      sizes.train_steps,
      learn_once,
      (tf.constant(0), totals),
      lambda s: s[1].is_finite,
    )
    return totals, act(time_step)

  def collect_once(state):
    """Steps with the action chosen already, and chooses the next."""
    time_step, action = state
    time_step = driver.step(time_step, action)
    return time_step, compiled_act(time_step)

  def begin():
    time_step = driver.env.current_time_step()
    action = chosen.take(lambda: compiled_act(time_step))
    # Actions chosen before do not wait for the time step by themselves, and
    # the environments would step before it is read.
    with tf.control_dependencies([time_step.observation]):
      return time_step, tf.identity(action)

  @tf.function(autograph=False)
  def collect(num_iterations):
    count = num_iterations * sizes.collect_steps
    _, action = _repeat(count, collect_once, begin())
    chosen.keep(action)
    return _nothing()

  @tf.function(autograph=False)
  def train(num_iterations):
    def iteration(state):
      time_step, action, totals = state
      if sizes.collect_steps > 1:
        time_step, action = _repeat(
          sizes.collect_steps - 1, collect_once, (time_step, action)
        )
      time_step = driver.step(time_step, action)
      # tf.data reads the tables where automatic dependencies do not see it:
      # it must be asked after the driver's observers are done.
      with tf.control_dependencies([time_step.step_type]):
        experience, _ = sample()
      totals, action = learn_and_act(experience, totals, time_step)
      return time_step, action, totals

    _, action, totals = _repeat(
      num_iterations,
      iteration,
      (*begin(), _nothing()),
      lambda s: s[2].is_finite,
    )
    chosen.keep(action)
    return totals

  return Iterations(collect, train)
