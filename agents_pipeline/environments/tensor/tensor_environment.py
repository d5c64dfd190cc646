"""What every environment written in TensorFlow ops has in common."""

import abc
from collections.abc import Callable

import tensorflow as tf
from tf_agents.environments import tf_environment
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts


class TensorEnvironment(tf_environment.TFEnvironment):
  """B copies of a task whose step is TensorFlow ops, for XLA.

  A subclass gives the task as three pure functions. `step` is TF-Agents' own:
  the step after a LAST one ignores its action and resets, so any TF-Agents
  driver works. `step_and_reset` resets within the step, so that every step is
  an env step; the project's drivers use it.

  All state is in `tf.Variable`s and goes into checkpoints. Runs inside XLA.
  """

  def __init__(
    self,
    observation_spec: tensor_spec.BoundedTensorSpec,
    action_spec: tensor_spec.BoundedTensorSpec,
    state_size: int,
    time_limit: int | None,
    batch_size: int,
    rng,
  ):
    """Creates the copies, not yet reset.

    Args:
      observation_spec: the observation spec of one copy.
      action_spec: the action spec of one copy.
      state_size: the number of floats in the hidden state of one copy, S.
      time_limit: the env steps after which an episode is truncated; None for no
        limit.
      batch_size: the number of copies, B.
      rng: the `RandomStream` that initial states are drawn from.
    """
    super().__init__(
      ts.time_step_spec(observation_spec), action_spec, batch_size
    )
    self._rng = rng
    self._time_limit = time_limit
    self._state = tf.Variable(tf.zeros((batch_size, state_size)))
    # int64: a variable of int32 lives in host memory, whatever its device, and
    # a program that XLA compiled for a GPU cannot reach it.
    self._age = tf.Variable(tf.zeros((batch_size,), tf.int64))
    self._step_type = tf.Variable(tf.zeros((batch_size,), tf.int64))
    self._reward = tf.Variable(tf.zeros((batch_size,)))
    self._discount = tf.Variable(tf.ones((batch_size,)))

  @abc.abstractmethod
  def initial_state(self) -> tf.Tensor:
    """Draws the states that episodes begin in, [B, S] float32."""

  @abc.abstractmethod
  def dynamics(
    self, state: tf.Tensor, action: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Does one env step.

    Args:
      state: the states, [B, S] float32.
      action: the actions, [B, ...].

    Returns:
      The next state [B, S], the reward [B] float32, and terminated [B] bool.
    """

  @property
  def tracked(self) -> tf.train.Checkpoint:
    """The state of every copy, for checkpoints."""
    return tf.train.Checkpoint(
      state=self._state,
      age=self._age,
      step_type=self._step_type,
      reward=self._reward,
      discount=self._discount,
    )

  def reraise_failures(self, call: Callable) -> Callable:
    """Returns the call itself: nothing in it can fail."""
    return call

  def resume(self) -> bool:
    """True: the variables that a checkpoint restored are all of the state."""
    return True

  def close(self) -> None:
    """Does nothing: there is nothing to close."""

  def observe(self, state: tf.Tensor) -> tf.Tensor:
    """What an agent sees of a state [B, S]; here, all of it."""
    return state

  def step_and_reset(
    self, action: tf.Tensor
  ) -> tuple[ts.TimeStep, ts.TimeStep]:
    """Steps every copy, and resets those whose episode ended.

    Args:
      action: the actions, [B, ...].

    Returns:
      The next time steps (LAST with the true last observation where an episode
      ended), and the time steps to act from next (FIRST where one ended).
    """
    next_time_step, state, age = self._advance(action)
    ended = next_time_step.is_last()  # [B]
    begun = self.initial_state()  # [B, S]
    self._remember(
      ts.TimeStep(
        tf.where(ended, ts.StepType.FIRST, next_time_step.step_type),
        tf.where(ended, 0.0, next_time_step.reward),
        tf.where(ended, 1.0, next_time_step.discount),
        (),
      ),
      tf.where(ended[:, None], begun, state),
      tf.where(ended, tf.zeros_like(age), age),
    )
    return next_time_step, self._current_time_step()

  def _advance(self, action):
    state, reward, terminated = self.dynamics(self._state.value(), action)
    age = self._age.value() + 1  # [B]
    ended = terminated  # [B]
    if self._time_limit is not None:
      ended |= age >= self._time_limit
    next_time_step = ts.TimeStep(
      tf.where(ended, ts.StepType.LAST, ts.StepType.MID),
      reward,
      # A time limit leaves the discount at 1: there is more to come.
      tf.where(terminated, 0.0, 1.0),
      self.observe(state),
    )
    return next_time_step, state, age

  def _step(self, action) -> ts.TimeStep:
    resetting = self._step_type.value() == ts.StepType.LAST  # [B]
    next_time_step, state, age = self._advance(action)
    self._remember(
      ts.TimeStep(
        tf.where(resetting, ts.StepType.FIRST, next_time_step.step_type),
        tf.where(resetting, 0.0, next_time_step.reward),
        tf.where(resetting, 1.0, next_time_step.discount),
        (),
      ),
      tf.where(resetting[:, None], self.initial_state(), state),
      tf.where(resetting, tf.zeros_like(age), age),
    )
    return self._current_time_step()

  def _reset(self) -> ts.TimeStep:
    ones = tf.ones((self.batch_size,))
    first = tf.fill((self.batch_size,), ts.StepType.FIRST)
    self._remember(
      ts.TimeStep(first, 0 * ones, ones, ()),
      self.initial_state(),
      tf.zeros_like(self._age),
    )
    return self._current_time_step()

  def _remember(self, time_step: ts.TimeStep, state, age) -> None:
    self._step_type.assign(tf.cast(time_step.step_type, tf.int64))
    self._reward.assign(time_step.reward)
    self._discount.assign(time_step.discount)
    self._state.assign(state)
    self._age.assign(age)

  def _current_time_step(self) -> ts.TimeStep:
    return ts.TimeStep(
      tf.cast(self._step_type.value(), tf.int32),
      self._reward.value(),
      self._discount.value(),
      self.observe(self._state.value()),
    )
