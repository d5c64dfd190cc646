"""Drivers: a policy acts in environments and observers watch."""

from collections.abc import Callable, Sequence

import tensorflow as tf
from tf_agents.drivers import driver
from tf_agents.policies import tf_policy
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

# Returns nothing, or what must be done before the step counts as observed.
Observer = Callable[[trajectory.Transition], object]


class StepDriver(driver.Driver):
  """Steps every environment once per `run`.

  Observers receive `Transition`s of [B, ...]. An episode's last one holds the
  true last observation, and the next begins at a first observation. Where an
  environment spends a step on resetting, that step goes from LAST to FIRST, and
  observers leave it out.
  """

  def __init__(
    self, environment, policy: tf_policy.TFPolicy, observers: Sequence[Observer]
  ):
    """Connects them.

    Args:
      environment: has `step_and_reset`.
      policy: without state.
      observers: called in this order.
    """
    super().__init__(environment, policy, observers)

  def run(
    self, time_step: ts.TimeStep, policy_state=()
  ) -> tuple[ts.TimeStep, tuple]:
    """Acts once in every environment.

    Args:
      time_step: [B, ...], to act from; `environment.current_time_step()`.
      policy_state: empty.

    Returns:
      The time step to act from next, and the empty state.
    """
    action = self.policy.action(time_step).action  # [B]
    _, after = self.transition(
      time_step, policy_step.PolicyStep(action, (), ())
    )
    return after, policy_state

  def transition(
    self, time_step: ts.TimeStep, action_step: policy_step.PolicyStep
  ) -> tuple[trajectory.Transition, ts.TimeStep]:
    """Takes actions, and tells what came of them.

    Args:
      time_step: [B, ...], that the actions were chosen from.
      action_step: [B, ...].

    Returns:
      What observers see, and the time step to act from next; all observers are
      done when it is there.
    """
    stepped = self.env.step_and_reset(action_step.action)
    return self.observed(time_step, action_step, stepped)

  def observed(
    self,
    time_step: ts.TimeStep,
    action_step: policy_step.PolicyStep,
    stepped: tuple[ts.TimeStep, ts.TimeStep],
  ) -> tuple[trajectory.Transition, ts.TimeStep]:
    """Tells the observers what came of actions taken elsewhere.

    Args:
      time_step: [B, ...], that the actions were chosen from.
      action_step: [B, ...].
      stepped: the time steps reached and those to act from next.

    Returns:
      What `transition` does.
    """
    reached, after = stepped
    transition = trajectory.Transition(time_step, action_step, reached)
    observed = [observe(transition) for observe in self.observers]
    with tf.control_dependencies(_operations(observed)):
      return transition, tf.nest.map_structure(tf.identity, after)


def _operations(observed) -> list:
  """The graph operations among what observers returned; none when eager."""
  if tf.executing_eagerly():
    return []
  return [x for x in tf.nest.flatten(observed) if x is not None]
