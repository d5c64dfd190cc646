"""The driver: a policy acts, statistics count, observers get transitions."""

from collections.abc import Callable, Sequence

import tensorflow as tf
from tf_agents.drivers import driver
from tf_agents.policies import tf_policy
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from agents_pipeline import interfaces
from agents_pipeline.config import rewards
from agents_pipeline.training import episode_statistics

# Returns nothing, or what must be done before the step counts as observed.
Observer = Callable[[trajectory.Transition], object]
CountedTransition = tuple[trajectory.Transition, episode_statistics.StepCount]


class StepDriver(driver.Driver):
  """Steps every environment once per `run`.

  Observers receive `Transition`s of [B, ...] with shaped rewards; statistics
  count the environment's own. An episode's last transition holds the true last
  observation, and the next begins at a first observation. Where an environment
  spends a step on resetting, that step goes from LAST to FIRST, and observers
  leave it out.
  """

  def __init__(
    self,
    environment: interfaces.Environment,
    policy: tf_policy.TFPolicy,
    observers: Sequence[Observer],
    statistics: episode_statistics.EpisodeStatistics,
    shape_reward: rewards.Reward,
  ):
    """Creates the driver.

    Args:
      environment: the environment to act in.
      policy: the policy that acts; it has no state.
      observers: the observers of transitions, called in this order.
      statistics: the statistics that count every step.
      shape_reward: a function that makes the reward to train on from the
        environment's own reward.
    """
    super().__init__(environment, policy, observers)
    self._statistics = statistics
    self._shape_reward = shape_reward

  def run(
    self, time_step: ts.TimeStep, policy_state=()
  ) -> tuple[ts.TimeStep, tuple]:
    """Acts once in every environment.

    Args:
      time_step: [B, ...], the time step to act from;
        `environment.current_time_step()`.
      policy_state: the empty state.

    Returns:
      The time step to act from next, and the empty state.
    """
    _, following = self.transition(time_step, self.policy.action(time_step))
    return following, policy_state

  def transition(
    self, time_step: ts.TimeStep, action_step: policy_step.PolicyStep
  ) -> tuple[trajectory.Transition, ts.TimeStep]:
    """Takes actions and observes the transition.

    Args:
      time_step: [B, ...], the time step that the actions were chosen from.
      action_step: [B, ...], the actions.

    Returns:
      The transition, and the time step to act from next; all observers are done
      when it is there.
    """
    stepped = self.env.step_and_reset(action_step.action)
    return self.observe(time_step, action_step, stepped)

  def observe(
    self,
    time_step: ts.TimeStep,
    action_step: policy_step.PolicyStep,
    stepped: interfaces.Stepped,
  ) -> tuple[trajectory.Transition, ts.TimeStep]:
    """Observes the transition of actions that were taken elsewhere.

    Args:
      time_step: [B, ...], the time step that the actions were chosen from.
      action_step: [B, ...], the actions.
      stepped: the two time steps that `step_and_reset` returned.

    Returns:
      What `transition` returns.
    """
    transition, following = self.record(time_step, action_step, stepped)
    return transition, self.tell_observers(transition, following)

  def record(
    self,
    time_step: ts.TimeStep,
    action_step: policy_step.PolicyStep,
    stepped: interfaces.Stepped,
  ) -> tuple[trajectory.Transition, ts.TimeStep]:
    """Does what `observe` does, but tells no observer."""
    (transition, counted), following = self.count(
      time_step, action_step, stepped
    )
    self.keep_episodes(counted)
    return transition, following

  def tell_observers(
    self, transition: trajectory.Transition, following: ts.TimeStep
  ) -> ts.TimeStep:
    """Returns the following time step once all observers are done."""
    observed = [observe(transition) for observe in self.observers]
    with tf.control_dependencies(_operations(observed)):
      return tf.nest.map_structure(tf.identity, following)

  def count(
    self,
    time_step: ts.TimeStep,
    action_step: policy_step.PolicyStep,
    stepped: interfaces.Stepped,
  ) -> tuple[CountedTransition, ts.TimeStep]:
    """Counts a step and shapes its reward; `keep_episodes` must follow.

    Args:
      time_step: see `observe`.
      action_step: see `observe`.
      stepped: see `observe`.

    Returns:
      The transition with its count, for `keep_episodes`, and the time step to
      act from next.
    """
    next_time_step, following = stepped
    counted = self._statistics.count(next_time_step)
    shaped = self._shape_reward(
      next_time_step.reward, next_time_step.is_last(), counted.episode_return
    )  # [B]
    # A step that only reset an environment has no reward, shaped or not.
    reward = tf.where(next_time_step.is_first(), 0.0, shaped)  # [B]
    next_time_step = next_time_step._replace(reward=reward)
    transition = trajectory.Transition(time_step, action_step, next_time_step)
    return (transition, counted), following._replace(
      reward=tf.where(following.is_first(), 0.0, reward)
    )

  @property
  def counted_spec(self):
    """Specs of the transitions and counts of `count`, [B, ...] each."""
    time_step_spec = self.policy.time_step_spec
    transition = trajectory.Transition(
      time_step_spec, self.policy.policy_step_spec, time_step_spec
    )
    counted = self._statistics.count_spec
    return (
      tensor_spec.add_outer_dims_nest(transition, tuple(counted.ended.shape)),
      counted,
    )

  def keep_episodes(self, counted: episode_statistics.StepCount) -> None:
    """Keeps the episodes that ended; see `EpisodeStatistics.keep`."""
    self._statistics.keep(counted)


def _operations(observed) -> list:
  """The graph operations among what observers returned; none when eager."""
  if tf.executing_eagerly():
    return []
  return [x for x in tf.nest.flatten(observed) if x is not None]
