"""When and how the target network follows the network that learns."""

from collections.abc import Callable

import tensorflow as tf
from tf_agents.networks import network as tf_agents_network


class TargetUpdate(tf.Module):
  """Moves the target network's weights, once per period.

    w_target = (1 - tau) * w_target + tau * w

  Statistics of batch normalization are copied. Runs inside XLA.
  """

  def __init__(
    self,
    network: tf_agents_network.Network,
    target_network: tf_agents_network.Network,
    tau: float,
    period: int,
    num_episodes: Callable[[], tf.Tensor] | None = None,
    *,
    always_assigns: bool = False,
  ):
    """Begins a period.

    Args:
      network: the network that learns.
      target_network: the network that follows it.
      tau: how far an update moves the target, in (0, 1]; 1 copies the network.
      period: train steps between two updates; episodes if they are counted.
      num_episodes: () -> [] int64, the episodes ended so far; None counts train
        steps.
      always_assigns: whether to assign the target at every call instead of
        branching: the update if it is due, else the present values.
    """
    super().__init__(name="target_update")
    self._networks = network, target_network
    self._tau = tau
    self._period = period
    self._num_episodes = num_episodes
    self._always_assigns = always_assigns
    self._num_calls = tf.Variable(0, dtype=tf.int64, name="num_calls")
    self._num_periods = tf.Variable(0, dtype=tf.int64, name="num_periods")

  def __call__(self) -> None:
    """Updates the target if a period has ended; called at every train step."""
    if self._num_episodes is None and self._period == 1:
      self._update()
      return
    count = (self._num_episodes or self._count_calls)()
    num_periods = count // self._period
    is_due = num_periods > self._num_periods
    self._num_periods.assign(num_periods)
    if self._always_assigns:
      self._update(is_due)
    else:
      tf.cond(is_due, self._update, lambda: False)

  def _count_calls(self) -> tf.Tensor:
    return self._num_calls.assign_add(1)

  def _update(self, is_due: tf.Tensor | bool = True) -> bool:
    """Moves the weights, or leaves them where they are.

    Returns:
      True; branches of `tf.cond` return something.
    """
    networks = (network.variables for network in self._networks)
    for variable, target in zip(*networks, strict=True):
      moved = variable.value()
      if variable.trainable and self._tau < 1.0:
        moved = (1.0 - self._tau) * target + self._tau * variable
      target.assign(tf.where(is_due, moved, target))
    return True
