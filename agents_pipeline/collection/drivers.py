"""Drivers: a policy acts in environments and observers watch."""

import functools
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
    reached, after = self.env.step_and_reset(action_step.action)
    transition = trajectory.Transition(time_step, action_step, reached)
    observed = [observe(transition) for observe in self.observers]
    with tf.control_dependencies(_operations(observed)):
      return transition, tf.nest.map_structure(tf.identity, after)


class HostDriver(StepDriver):
  """A `StepDriver` of environments in Python, inside a graph.

  A graph pays for every operation, so all that is worked out of what came from
  Python, statistics, rows of the buffer and the next action, is one compiled
  call.

  Attributes:
    act: the policy, compiled: time step [B, ...] -> policy step.
  """

  def __init__(
    self,
    environment,
    policy: tf_policy.TFPolicy,
    replay=None,
    draw: Callable = lambda rows: (),
    *,
    jit: bool = True,
  ):
    """Connects them.

    Args:
      environment: has `step_in_python`, `time_steps` and `is_packed`.
      policy: without state.
      replay: has `rows_of` and `write`; None where nothing is stored.
      draw: of what `replay` will write, what is to be read after it.
      jit: False leaves all of it a plain graph, for comparison.
    """
    super().__init__(environment, policy, [])
    self._replay = replay
    compiled = functools.partial(tf.function, autograph=False)
    # Pictures would be copied on their way through.
    jit_steps = jit and environment.is_packed
    self.act = compiled(policy.action, jit_compile=jit)
    act = policy.action if jit_steps else self.act

    def understand(arrays, time_step, action_step, follow):
      reached, after = environment.time_steps(arrays)
      transition = trajectory.Transition(time_step, action_step, reached)
      rows = replay.rows_of(transition) if replay else ()
      return reached, after, rows, follow(after, rows)

    understanding = lambda follow: compiled(
      functools.partial(understand, follow=follow), jit_compile=jit_steps
    )
    self._step = understanding(lambda after, rows: ())
    self._step_and_act = understanding(lambda after, rows: act(after))
    self._step_and_draw = understanding(lambda after, rows: draw(rows))

  def transition(self, time_step, action_step):
    """Takes actions, and tells what came of them; see `StepDriver`."""
    return self._take(self._step, time_step, action_step)[:2]

  def transition_and_act(
    self, time_step: ts.TimeStep, action_step: policy_step.PolicyStep
  ) -> tuple[trajectory.Transition, ts.TimeStep, policy_step.PolicyStep]:
    """The same, and acts from where it led.

    Returns:
      What `transition` does, and the next actions.
    """
    return self._take(self._step_and_act, time_step, action_step)

  def transition_and_draw(self, time_step, action_step):
    """The same, and draws what is learnt from.

    Returns:
      What `transition` does, and what `draw` does.
    """
    return self._take(self._step_and_draw, time_step, action_step)

  def _take(self, understand, time_step, action_step):
    arrays = self.env.step_in_python(action_step.action)
    reached, after, rows, following = understand(arrays, time_step, action_step)
    written = self._replay.write(rows) if self._replay else []
    with tf.control_dependencies(_operations(written)):
      after = after._replace(step_type=tf.identity(after.step_type))
    transition = trajectory.Transition(time_step, action_step, reached)
    return transition, after, following


def _operations(observed) -> list:
  """The graph operations among what observers returned; none when eager."""
  if tf.executing_eagerly():
    return []
  return [x for x in tf.nest.flatten(observed) if x is not None]
