"""Compiled iterations for Python environments: a loop in the graph.

The loop enters Python once per step of the environments. Every operation and
every compiled call has overhead, so everything after a step is one call.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from agents_pipeline import interfaces
from agents_pipeline.training import (
  iterations,
  replay_calls,
  replay_iteration,
  rollout_iteration,
  rollouts,
)

# The time step to act from and the action chosen there: [B, ...].
_State = tuple[ts.TimeStep, policy_step.PolicyStep]


class PendingAction(tf.Module):
  """Actions chosen at the end of one call and taken at the start of the next.

  So a run does not depend on how it is divided into calls. The actions are part
  of checkpoints: after a resume, the environments are back where these actions
  were chosen. Scalar discrete actions only.
  """

  def __init__(self, batch_size: int, *, are_taken: bool = True):
    """Starts with no action chosen.

    Args:
      batch_size: the number of environments, B.
      are_taken: whether the environments take the actions that they are given;
        where collectors choose others, none is kept.
    """
    super().__init__(name="pending_action")
    self._are_taken = are_taken
    self.is_chosen = tf.Variable(False)
    self.action = tf.Variable(tf.zeros((batch_size,), tf.int64))

  def take(self, act: Callable[[], tf.Tensor]) -> tf.Tensor:
    """Returns the actions [B] chosen before, or chooses them by act()."""
    return tf.cond(self.is_chosen, self.action.read_value, act)

  def keep(self, action: tf.Tensor) -> None:
    """Keeps actions [B] for the next call."""
    self.is_chosen.assign(self._are_taken)
    self.action.assign(action)

  def forget(self) -> None:
    """Discards the actions: their time step no longer exists."""
    self.is_chosen.assign(False)


def compile_replay(
  iteration: replay_iteration.ReplayIteration,
  should_stop: Callable[[], tf.Tensor],
  *,
  pending: PendingAction,
  num_prefetched_batches: int = 0,
  learns_while_stepping: bool = False,
  replay_on_host: bool = False,
  jit_learning: bool = True,
  jit: bool = True,
) -> iterations.Iterations:
  """Compiles iterations of agents that sample from a buffer.

  Args:
    iteration: an iteration of a driver whose environments live in Python.
    should_stop: whether the run has reached its goal, [] bool.
    pending: the actions that the last call chose.
    num_prefetched_batches: batches that tf.data prefetches while the
      environments step; without the iteration's own transitions, and not
      reproducible. It pauses during train steps, which hold the tables. 0
      samples inside the call that trains.
    learns_while_stepping: whether to train on stored transitions while the
      environments take the iteration's first step; needs two threads.
    replay_on_host: whether the buffer is not where the networks are, so that
      adding and sampling stay outside of what XLA compiles.
    jit_learning: False trains in a plain graph: XLA's gradients of convolutions
      are about eight times as slow on the CPU as TensorFlow's.
    jit: False uses no XLA at all, for comparison.
  """
  loop = _ReplayLoop(
    iteration,
    replay_calls.wrap_calls(
      iteration,
      jit=jit,
      jit_learning=jit and jit_learning,
      replay_on_host=replay_on_host,
    ),
    _batches_ahead(iteration, num_prefetched_batches),
    learns_while_stepping,
  )

  return iterations.compile_calls(
    len(iteration.agent.measures),
    should_stop,
    begin=lambda: loop.begin(pending),
    collect=loop.collect,
    train=loop.train,
    end=lambda state: pending.keep(state[1].action),
    jit=False,
  )


def _batches_ahead(
  iteration: replay_iteration.ReplayIteration, num_batches: int
) -> Callable[[], tuple]:
  """Returns what gives an iteration's prefetched samples [U, S, ...] or ()."""
  if not num_batches:
    return lambda: ()
  batches = dataset_of(iteration.replay).batch(
    iteration.sizes.train_steps, drop_remainder=True
  )
  iterator = iter(batches.prefetch(num_batches))
  return lambda: next(iterator)


def dataset_of(replay: interfaces.Replay) -> tf.data.Dataset:
  """An endless dataset of samples, [S, ...] each.

  An element is sampled when it is asked for, so that a run is reproducible as
  long as nothing prefetches.
  """
  # tf.data would prefetch by itself, and sample before the newest rows.
  options = tf.data.Options()
  options.autotune.enabled = False
  options.experimental_optimization.inject_prefetch = False
  samples = tf.data.Dataset.counter().map(lambda _: replay.sample())
  return samples.with_options(options)


@dataclasses.dataclass(frozen=True)
class _ReplayLoop:
  """What the graph does between the compiled calls.

  Attributes:
    iteration: an iteration of environments in Python.
    calls: the compiled calls.
    next_batches: the function that gives what was sampled ahead.
    learns_while_stepping: see `compile_replay`.
  """

  iteration: replay_iteration.ReplayIteration
  calls: replay_calls.Calls
  next_batches: Callable[[], tuple]
  learns_while_stepping: bool

  def begin(self, pending: PendingAction) -> _State:
    """Returns the state at the end of the previous call."""
    time_step = self._env.current_time_step()
    action = pending.take(lambda: self.calls.act(time_step).action)
    # Pending actions do not depend on the time step; without this, the
    # environments could step before it is read.
    with tf.control_dependencies(tf.nest.flatten(time_step.observation)):
      return time_step, policy_step.PolicyStep(tf.identity(action))

  def collect(self, state: _State) -> _State:
    """Does an iteration without learning."""
    if self._sizes.collect_episodes is None:
      return self._steps(self._sizes.collect_steps, state)
    time_step = self._episodes(state)
    return time_step, self.calls.act(time_step)

  def train(
    self, state: _State, totals: iterations.TrainTotals
  ) -> tuple[_State, iterations.TrainTotals]:
    """Does an iteration; returns the next time step and action, and totals."""
    if self._sizes.collect_episodes is not None:
      time_step = self._episodes(state)
      totals = self.calls.learn(totals, self.next_batches())
      return (time_step, self.calls.act(time_step)), totals
    if self.learns_while_stepping:
      state, totals = self._step_and_learn(state, totals)
      return self._steps(self._sizes.collect_steps - 1, state), totals
    state = self._steps(self._sizes.collect_steps - 1, state)
    arrays = self._step_in_python(state)
    return self.calls.observe_learn_and_act(
      arrays, state, totals, self.next_batches()
    )

  @property
  def _env(self) -> interfaces.PythonEnvironment:
    return self.iteration.driver.env

  @property
  def _sizes(self) -> replay_iteration.IterationSizes:
    return self.iteration.sizes

  def _step_and_learn(self, state, totals):
    """Steps and trains concurrently, then acts."""
    # Copying from a GPU waits for all work that was queued on it before. So
    # copy the actions to the host before learning is queued.
    with tf.device("/CPU:0"):
      action = tf.identity(state[1].action)  # [B]
    arrays = self._env.step_in_python(action, defer_failure=True)
    with tf.control_dependencies([action]):
      totals = self.calls.learn(totals, self.next_batches())
    # Raise an environment's failure only after the train steps: raised earlier,
    # it would abort them.
    with tf.control_dependencies([totals.num_train_steps]):
      arrays = self._env.checked(arrays)
    return self.calls.observe_and_act(arrays, state), totals

  def _steps(self, count: int, state: _State) -> _State:
    if count == 0:
      return state
    step = lambda s: self.calls.observe_and_act(self._step_in_python(s), s)
    return iterations.repeat(count, step, state)

  def _episodes(self, state: _State) -> ts.TimeStep:
    """Steps to the end of episodes; returns the time step that follows.

    The first action is already chosen; the caller chooses the next one after
    training.
    """
    step = lambda s: self.calls.observe(self._step_in_python(s), s)
    return self._sizes.collect(
      step,
      lambda t: step((t, self.calls.act(t))),
      state,
      self.iteration.statistics,
    )

  def _step_in_python(self, state: _State) -> list[tf.Tensor]:
    return self._env.step_in_python(state[1].action)


def compile_rollouts(
  iteration: rollout_iteration.RolloutIteration,
  should_stop: Callable[[], tf.Tensor],
  *,
  jit_learning: bool = True,
  jit: bool = True,
) -> iterations.Iterations:
  """Compiles iterations of agents that train on rollouts.

  A compiled call chooses the actions of each step, and another computes the
  transitions of all of them and learns.

  Args:
    iteration: an iteration of a driver whose environments live in Python.
    should_stop: whether the run has reached its goal, [] bool.
    jit_learning: see `compile_replay`.
    jit: False leaves all of it a plain graph, for comparison.
  """
  driver = iteration.driver
  act, act_after = rollouts.acting_in_python(driver, jit)
  learn = tf.function(
    iteration.learn, autograph=False, jit_compile=jit and jit_learning
  )

  def train(time_step, totals):
    steps = rollouts.step_in_python(
      driver.env, act, act_after, iteration.num_steps, time_step
    )
    return learn(steps, time_step, totals)

  return iterations.compile_calls(
    len(iteration.agent.measures),
    should_stop,
    begin=driver.env.current_time_step,
    collect=None,
    train=train,
    jit=False,
  )
