"""Rewards as they are learnt from, beside those that are reported."""

import functools
from collections.abc import Callable

import tensorflow as tf
from tf_agents.trajectories import time_step as ts

from agents_pipeline.config import rewards
from agents_pipeline.training import episode_statistics

# (reward, ended, return so far), [B] each -> the reward learnt from, [B].
Shape = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


@functools.singledispatch
def shaping(choice: rewards.Reward) -> Shape:
  """The function that a choice of `config/rewards.py` stands for."""
  raise TypeError(f"{choice!r} is no shaping of rewards")


@shaping.register
def _(choice: rewards.KeepReward) -> Shape:
  del choice
  return lambda reward, ended, so_far: reward


@shaping.register
def _(choice: rewards.ClipReward) -> Shape:
  return lambda reward, ended, so_far: tf.clip_by_value(
    reward, choice.low, choice.high
  )


@shaping.register
def _(choice: rewards.SignReward) -> Shape:
  del choice
  return lambda reward, ended, so_far: tf.sign(reward)


@shaping.register
def _(choice: rewards.SuccessReward) -> Shape:
  def shape(reward, ended, so_far):
    succeeded = so_far >= choice.min_episode_return  # [B]
    last = tf.where(succeeded, choice.success, choice.failure)
    return tf.where(ended, last, tf.zeros_like(reward))

  return shape


class ShapedEnvironment:
  """A training environment whose rewards are shaped.

  Statistics are taken before shaping, so what is logged, and every rule of
  stopping, is of the environment's own rewards. Evaluations make environments
  of their own. Runs inside XLA.
  """

  def __init__(
    self,
    environment,
    shape: Shape,
    statistics: episode_statistics.EpisodeStatistics,
  ):
    """Wraps an environment.

    Args:
      environment: has `step_and_reset` and `current_time_step`.
      shape: see `shaping`.
      statistics: observes every step.
    """
    self._environment = environment
    self._shape = shape
    self._statistics = statistics

  def current_time_step(self) -> ts.TimeStep:
    """The time step [B, ...] to act from."""
    return self._environment.current_time_step()

  def step_and_reset(
    self, action: tf.Tensor
  ) -> tuple[ts.TimeStep, ts.TimeStep]:
    """Steps every copy; see the environment's own.

    Args:
      action: [B, ...].

    Returns:
      The time steps reached, with shaped rewards, and those to act from next.
    """
    return self._shaped(*self._environment.step_and_reset(action))

  def step_in_python(
    self, action: tf.Tensor, *, tells_later: bool = False
  ) -> list[tf.Tensor]:
    """Steps copies that live in Python; see `HostEnvironment`.

    Args:
      action: [B, ...].
      tells_later: where one fails, only `checked` raises.

    Returns:
      What `time_steps` makes time steps of.
    """
    return self._environment.step_in_python(action, tells_later=tells_later)

  def checked(self, arrays: list[tf.Tensor]) -> list[tf.Tensor]:
    """The same arrays, of environments that did not fail."""
    return self._environment.checked(arrays)

  def time_steps(
    self, arrays: list[tf.Tensor]
  ) -> tuple[ts.TimeStep, ts.TimeStep]:
    """What `step_and_reset` returns, of what came from Python."""
    return self._shaped(*self._environment.time_steps(arrays))

  def to_act_from(self, arrays: list[tf.Tensor]) -> ts.TimeStep:
    """The second of `time_steps`, its reward not shaped; counts nothing."""
    return self._environment.time_steps(arrays)[1]

  def _shaped(
    self, reached: ts.TimeStep, after: ts.TimeStep
  ) -> tuple[ts.TimeStep, ts.TimeStep]:
    so_far = self._statistics.observe(reached)  # [B]
    shaped = self._shape(reached.reward, reached.is_last(), so_far)  # [B]
    # A step that only reset has no reward, whatever its shape would be.
    reward = tf.where(reached.is_first(), 0.0, shaped)  # [B]
    return (
      reached._replace(reward=reward),
      after._replace(reward=tf.where(after.is_first(), 0.0, reward)),
    )
